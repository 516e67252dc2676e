"""What eClinicalWorks makes of clean charts. Sources: personalities/ecw/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.personalities.conftest import House
from tests.personalities.ecw.test_site import QUERIES
from tests.personalities.rounds import round_of

from mockehr.core.chance import Chance
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Dresser, SiteFacts

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
NPI = "http://hl7.org/fhir/sid/us-npi"
EVERY = dict.fromkeys(
    (
        *("ole_zero", "inactive", "declined", "birthsex_unknown", "first_language", "former_name", "year_one"),
        *("lot_unknown", "not_performed", "number_as_text"),
    ),
    1.0,
)
NONE = dict.fromkeys(EVERY, 0.0)


@pytest.fixture(scope="module")
def served(house: Callable[..., House]) -> list[dict[str, Any]]:
    site, found = house("ecw"), {}
    for place in range(6):
        found |= round_of(site, site.patient(place), QUERIES)
    return list(found.values())


def dressed(clean: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """eClinicalWorks' form of a clean resource at a practice with these shares; none of what is not told."""
    facts = SiteFacts("x", Chance("x").key, settings={"shape": {"tables": NONE | tables}})
    vendor = load_personality("ecw", facts=facts)
    return vendor.dress(clean, Dresser(vendor.ids(facts), facts))


def of(served: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    found = [one for one in served if one["resourceType"] == kind]
    assert found, kind
    return found


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for one in node:
            yield from nodes(one)


def test_fhir_resources_takes_all_but_the_ids_with_underscores(served: list[dict[str, Any]]) -> None:
    def plain(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: plain(value) for name, value in node.items()}
        if isinstance(node, list):
            return [plain(one) for one in node]
        return node.replace("_", "-") if isinstance(node, str) and "<div" not in node else node

    kinds = set()
    for one in served:
        get_fhir_model_class(one["resourceType"]).model_validate(plain(one))
        kinds.add(one["resourceType"])
    assert len(kinds) > 12
    assert any("_" in one["id"] for one in served)


# all resources


@pytest.mark.behaviour("ecw", "one-profile")
def test_meta_is_a_time_and_one_profile(served: list[dict[str, Any]]) -> None:
    for one in served:
        wanted = ["profile"] if one["resourceType"] == "Organization" else ["lastUpdated", "profile"]
        assert list(one["meta"]) == wanted, one["resourceType"]
        assert len(one["meta"]["profile"]) == 1
    goal = {"resourceType": "Goal", "id": "p1-3", "description": {"text": "x"}}
    assert dressed(goal)["meta"]["profile"] == ["http://hl7.org/fhir/StructureDefinition/Goal"]
    told = [f"{CORE}goal", "https://example.org/own"]
    assert dressed({**goal, "meta": {"profile": told}})["meta"]["profile"] == told[:1]


@pytest.mark.behaviour("ecw", "narrative")
def test_everything_has_a_narrative_with_spoken_days(served: list[dict[str, Any]]) -> None:
    assert {one["text"]["status"] for one in served if one["resourceType"] != "Binary"} == {"generated"}
    made = dressed({"resourceType": "Patient", "id": "p1", "birthDate": "2022-12-08", "name": [{"family": "A<"}]})
    assert "<span>08 December 2022</span>" in made["text"]["div"]
    assert "<b>A&lt; </b>" in made["text"]["div"]


@pytest.mark.behaviour("ecw", "local-midnight")
def test_all_date_times_are_local_midnight(served: list[dict[str, Any]]) -> None:
    names = ("authoredOn", "recordedDate", "created", "start", "end")
    told = [
        value
        for one in served
        for node in nodes(one)
        for name, value in node.items()
        if isinstance(value, str) and (name.endswith("DateTime") or name in names)
        if not (one["resourceType"] in ("Appointment", "Slot") and name in ("start", "end"))
    ]
    assert len(told) > 100
    assert {value[10:] for value in told} == {"T00:00:00-05:00"}
    late = dressed({"resourceType": "MedicationRequest", "id": "p1-1", "authoredOn": "2024-01-02T02:00:00Z"})
    assert late["authoredOn"] == "2024-01-01T00:00:00-05:00"


@pytest.mark.behaviour("ecw", "typed-references")
def test_references_have_a_type_and_no_display(served: list[dict[str, Any]]) -> None:
    told = [node for one in served for node in nodes(one) if "reference" in node]
    assert len(told) > 100
    for node in told:
        assert node["type"] == node["reference"].partition("/")[0]
        assert "display" not in node


@pytest.mark.behaviour("ecw", "own-systems")
def test_diagnoses_and_orders_have_a_coding_of_the_products_own(served: list[dict[str, Any]]) -> None:
    for kind, element, system in (
        ("Condition", "code", "urn:oid:2.16.840.1.113883.13.80"),
        ("MedicationRequest", "medicationCodeableConcept", "urn:oid:2.16.840.1.113883.6.162"),
    ):
        codes: dict[str, set[str]] = {}
        for one in of(served, kind):
            if element in one:
                codings = one[element]["coding"]
                assert (len(codings) > 1, codings[-1]["system"]) == (True, system)
                codes.setdefault(codings[0]["code"], set()).add(codings[-1]["code"])
        assert codes
        assert all(len(found) == 1 for found in codes.values())


# who


@pytest.mark.behaviour("ecw", "two-numbers", "dashes")
def test_a_patient_has_the_opaque_id_and_the_real_number(served: list[dict[str, Any]]) -> None:
    systems = set()
    for one in of(served, "Patient"):
        usual, secondary = one["identifier"]
        assert (usual["use"], usual["value"]) == ("usual", one["id"])
        assert secondary["use"] == "secondary"
        assert re.fullmatch(r"0|[1-9]\d*", secondary["value"])
        systems |= {usual["system"], secondary["system"]}
        phones = [point["value"] for point in one.get("telecom", ()) if point["system"] == "phone"]
        assert all(re.fullmatch(r"\d{3}-555-01\d\d", phone) for phone in phones)
    assert len(systems) == 1
    assert re.fullmatch(r"urn:oid:2\.16\.840\.1\.113883\.4\.391\.\d{6}", systems.pop())


@pytest.mark.behaviour("ecw", "shared-arc")
def test_visits_places_and_people_have_numbers_under_the_arc_itself(served: list[dict[str, Any]]) -> None:
    for kind in ("Encounter", "Organization", "Practitioner"):
        for one in of(served, kind):
            assert one["identifier"][0]["system"] == "urn:oid:2.16.840.1.113883.4.391"
            assert one["identifier"][0]["value"].isdigit()


PATIENT = {
    "resourceType": "Patient",
    "id": "p7",
    "active": True,
    "name": [{"use": "official", "family": "Núñez", "given": ["Ana", "María"]}],
    "address": [{"line": ["1 Main St"], "city": "Reno"}],
    "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}}],
    "extension": [
        {"url": f"{CORE}race", "extension": [{"url": "text", "valueString": "White"}]},
        {"url": f"{CORE}birthsex", "valueCode": "F"},
    ],
}


@pytest.mark.behaviour("ecw", "ole-zero", "inactive", "former-name", "first-language", "address-twice")
def test_what_nobody_entered_looks_like_something() -> None:
    made = dressed(PATIENT, **EVERY)
    assert made["deceasedDateTime"] == "1899-12-30T00:00:00-05:00"
    assert made["active"] is False
    assert made["name"][1] == {"use": "old", "text": "AMN", "family": "AMN"}
    assert made["communication"][0]["language"]["coding"][0]["code"] == "ace"
    assert made["communication"][0]["language"]["text"] == "Achinese"
    assert (made["address"][0]["text"], made["address"][0]["line"]) == ("1 Main St", ["1 Main St"])
    assert made["address"][0]["country"] == "US"
    plain = dressed(PATIENT)
    assert "deceasedDateTime" not in plain
    assert plain["active"] is True
    assert len(plain["name"]) == 1


def test_somebody_who_died_keeps_the_day() -> None:
    for told in ({"deceasedDateTime": "2020-05-06T10:00:00Z"}, {"deceasedBoolean": True}):
        made = dressed(PATIENT | told, ole_zero=1.0)
        assert not str(made.get("deceasedDateTime", "")).startswith("1899")
    assert dressed(PATIENT | {"deceasedBoolean": False}, ole_zero=1.0)["deceasedDateTime"].startswith("1899")


@pytest.mark.behaviour("ecw", "declined", "birthsex-unknown")
def test_who_declines_is_of_a_category_of_null_flavours() -> None:
    made = dressed(PATIENT, declined=1.0, birthsex_unknown=1.0)
    told = {one["url"].removeprefix(CORE): one for one in made["extension"]}
    for name in ("race", "ethnicity"):
        category, text = told[name]["extension"]
        assert category["url"] == "ombCategory"
        assert category["valueCoding"] == {
            "system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
            "code": "ASKU",
            "display": "Declined to Specify",
        }
        assert text["valueString"] == "Declined to Specify"
    assert told["birthsex"]["valueCode"] == "UNK"
    assert len(made["extension"]) == 3


@pytest.mark.behaviour("ecw", "npi-absent")
def test_an_organization_has_a_reason_in_place_of_its_npi(served: list[dict[str, Any]]) -> None:
    found = [one for org in of(served, "Organization") for one in org["identifier"] if one["system"] == NPI]
    assert found
    for one in found:
        assert "value" not in one
        assert one["_value"]["extension"] == [{"url": ABSENT, "valueCode": "unknown"}]


@pytest.mark.behaviour("ecw", "joined-given")
def test_given_names_of_a_practitioner_are_joined_by_a_comma() -> None:
    made = dressed(
        {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Lee", "given": ["Sam", "Multi"]}]}
    )
    assert made["name"][0]["given"] == ["Sam,Multi"]


# clinical resources


@pytest.mark.behaviour("ecw", "year-one", "lot-unknown", "ndc-dashes")
def test_immunizations_have_a_sentinel_a_reason_and_dashes() -> None:
    code = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "59267100002"}]}
    clean = {"resourceType": "Immunization", "id": "p1-2", "lotNumber": "A1", "vaccineCode": code}
    made = dressed(clean, **EVERY)
    assert made["expirationDate"] == "0001-01-02"
    assert made["_lotNumber"] == {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}
    assert "lotNumber" not in made
    assert made["vaccineCode"]["coding"][0]["code"] == "59267-1000-02"
    plain = dressed(clean)
    assert plain["lotNumber"] == "A1"
    assert "expirationDate" not in plain


@pytest.mark.behaviour("ecw", "not-performed")
def test_procedures_in_preparation_have_a_reason_in_place_of_a_date() -> None:
    clean = {"resourceType": "Procedure", "id": "p1-2", "status": "completed", "performedDateTime": "2024-01-01"}
    made = dressed(clean, not_performed=1.0)
    assert made["status"] == "preparation"
    assert made["_performedDateTime"] == {"extension": [{"url": ABSENT, "valueCode": "not-performed"}]}
    assert "performedDateTime" not in made
    assert dressed(clean)["performedDateTime"] == "2024-01-01T00:00:00-05:00"


@pytest.mark.behaviour("ecw", "number-as-text")
def test_numeric_results_may_be_texts() -> None:
    category = [{"coding": [{"code": "laboratory"}]}]
    value = {"value": 12, "unit": "mg/dL"}
    clean = {"resourceType": "Observation", "id": "p1-2", "category": category, "valueQuantity": value}
    made = dressed(clean, number_as_text=1.0)
    assert made["valueString"] == "12"
    assert "valueQuantity" not in made
    assert dressed(clean)["valueQuantity"]["value"] == 12
    vital = {**clean, "category": [{"coding": [{"code": "vital-signs"}]}]}
    assert "valueQuantity" in dressed(vital, number_as_text=1.0)


def test_the_shares_of_a_site_are_drawn_and_stay() -> None:
    patients = [{**PATIENT, "id": f"p{place}"} for place in range(200)]
    dead = [one["id"] for one in patients if "deceasedDateTime" in dressed(one, ole_zero=0.3)]
    assert 35 < len(dead) < 85
    assert dead == [one["id"] for one in patients if "deceasedDateTime" in dressed(one, ole_zero=0.3)]
