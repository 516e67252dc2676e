"""athenahealth's resources, one by one. Sources: personalities/athena/notes.md."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.load import load_personality

House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}}}
SIDS = "https://fhir.athena.io/sid/"
STRUCTURES = "https://fhir.athena.io/StructureDefinition/"


@pytest.fixture(scope="module")
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=12, settings=PREVIEW)


def of(site: House, kind: str, more: str = "") -> list[dict[str, Any]]:
    """First pages of some patients."""
    found = []
    for index in range(6):
        bundle = site.read(f"{kind}?patient={site.patient(index)}{more}&_count=200")
        found += [one["resource"] for one in bundle.get("entry", ())]
    return found


def urls(resource: dict[str, Any]) -> list[str]:
    return [one["url"].removeprefix(STRUCTURES) for one in resource.get("extension", ())]


@pytest.mark.behaviour("athena", "full-ssn", "own-identifiers", "meta-security")
def test_a_patient_has_its_id_and_a_whole_number_that_nobody_has(site: House) -> None:
    for index in range(12):
        patient = site.read(f"Patient/{site.patient(index)}")
        own, ssn = sorted(patient["identifier"], key=lambda one: one["system"], reverse=True)
        assert own == {"system": SIDS + "ah-patient", "value": patient["id"]}
        assert ssn["system"] == "http://hl7.org/fhir/sid/us-ssn"
        assert re.fullmatch(r"9\d{8}", ssn["value"])
        [label] = patient["meta"]["security"]
        assert (label["code"], label["display"]) == ("N", "normal")


@pytest.mark.behaviour("athena", "name-history", "upper-case", "code-systems")
def test_names_addresses_and_telephones_of_a_patient(site: House) -> None:
    patients = [site.read(f"Patient/{site.patient(index)}") for index in range(12)]
    assert any(point["system"] == "phone" for one in patients for point in one["telecom"])
    for one in patients:
        assert {name["use"] for name in one["name"]} <= {"official", "nickname"}
        assert all("period" in name for name in one["name"] if name["use"] == "official")
        assert {"official"} <= {name["use"] for name in one["name"]}
        homes = [address for address in one["address"] if address["use"] == "home"]
        [billing] = [address for address in one["address"] if address["use"] == "billing"]
        assert billing["type"] == "postal"
        assert billing["line"] == homes[0]["line"]
        for address in one["address"]:
            assert address["country"] == "USA"
            assert address["city"] == address["city"].upper()
            assert "".join(address["line"]) == "".join(address["line"]).upper()
        for point in one.get("telecom", ()):
            if point["system"] == "phone":
                assert re.fullmatch(r"\(\d{3}\) 555-\d{4}", point["value"])
        [identity] = [e for e in one["extension"] if e["url"].endswith("patient-genderIdentity")]
        [coding] = identity["valueCodeableConcept"]["coding"]
        assert coding == {
            "system": "http://hl7.org/fhir/gender-identity",
            "code": one["gender"],
            "display": one["gender"],
        }


@pytest.mark.behaviour("athena", "extensions")
def test_extensions_say_whose_a_record_is(site: House) -> None:
    patient = site.read(f"Patient/{site.patient(0)}")
    assert urls(patient).count("ah-chart-sharing-group") == 4
    for kind in ("Condition", "Encounter", "AllergyIntolerance", "Immunization", "CarePlan"):
        for one in of(site, kind)[:20]:
            assert {"ah-practice", "ah-chart-sharing-group"} <= set(urls(one))
            told = [e["valueReference"]["reference"] for e in one["extension"] if e["url"].endswith("ah-practice")]
            assert told == ["Organization/a-1.Practice-195900"]
    assert any("ah-department" in urls(one) for one in of(site, "Encounter"))
    problems = of(site, "Condition", "&category=problem-list-item")
    assert all("ah-condition-problem-type-category" in urls(one) for one in problems)
    location = site.read("Location/a-195900.Department-2")
    assert {"ah-provider-group", "ah-location-department-details"} <= set(urls(location))
    assert "ah-practitioner-provider-details" in urls(site.read("Practitioner/a-195900.Provider-2"))


@pytest.mark.behaviour("athena", "systemless-identifiers", "own-identifiers")
def test_identifiers_are_the_ids_with_and_without_a_system(site: House) -> None:
    for kind in ("CarePlan", "CareTeam", "Goal", "Condition"):
        for one in of(site, kind)[:10]:
            assert one["identifier"] == [{"value": one["id"]}]
    for kind, name in (
        ("Encounter", "encounter"),
        ("Observation", "observation"),
        ("Procedure", "procedure"),
        ("Immunization", "immunization"),
        ("DocumentReference", "documentreference"),
    ):
        for one in of(site, kind)[:10]:
            assert one["identifier"] == [{"value": one["id"], "system": f"{SIDS}ah-{name}"}]


@pytest.mark.behaviour("athena", "provider-identifiers", "code-systems", "meta-location")
def test_providers_and_places(site: House) -> None:
    person = site.read("Practitioner/a-195900.Provider-6")
    told = {one["system"]: one["value"] for one in person["identifier"]}
    assert told["https://directory.athena.io/sid/provider"] == "195900.6"
    assert told["https://identity.athena.io/sid/athenanet-user"].endswith("6")
    assert re.fullmatch(r"000\d{6}", told["urn:oid:2.16.840.1.113883.4.4"])
    assert person["meta"]["profile"] == [STRUCTURES + "ah-provider-practitioner"]
    [details] = [one for one in person["extension"] if one["url"].endswith("provider-details")]
    systems = {
        coding["system"].rpartition("/")[2]
        for one in details["extension"]
        for coding in one["valueCodeableConcept"]["coding"]
    }
    assert systems == {"ah-provider-type", "ah-specialty"}
    place = site.read("Location/a-195900.Department-6")
    assert place["meta"]["profile"] == [STRUCTURES + "ah-department-location"]
    assert place["meta"]["extension"]


@pytest.mark.behaviour("athena", "location-organization", "organizations")
def test_a_department_is_a_place_and_an_organization(site: House) -> None:
    place = site.read("Location/a-195900.Department-10")
    above = {"reference": "Organization/a-1.Practice-195900"}
    department = site.read("Organization/a-195900.Department-10")
    assert (department["name"], department["partOf"]) == (place["name"], above)
    assert site.read("Organization/a-195900.CSG-2")["partOf"] == above
    for id in (
        "a-1.Practice-195900",
        "a-1.Org-ATHENA",
        "a-195900.CSG-2",
        "a-195900.PG-6",
        "a-1.CP-10",
        "a-195900.LCP-18",
    ):
        assert site.read(f"Organization/{id}")["id"] == id
    assert site.fhir("Organization/a-195900.CSG-5").status == 404
    assert site.fhir("Organization/a-7.CSG-2").status == 404


@pytest.mark.behaviour("athena", "lab-shape")
def test_laboratory_results_have_texts_where_others_have_codes(site: House) -> None:
    results = [one for one in of(site, "Observation") if "resultamb" in one["id"]]
    assert len(results) > 20
    for one in results:
        if "valueQuantity" in one:
            assert set(one["valueQuantity"]) <= {"unit", "value", "comparator"}
        assert all(set(told) == {"text"} for told in one.get("referenceRange", ()))
        assert all(set(told) == {"text"} for told in one.get("interpretation", ()))
    assert any(one.get("referenceRange") for one in results)
    assert any(
        re.fullmatch(r"[\d.]+-[\d.]+", told["text"]) for one in results for told in one.get("referenceRange", ())
    )
    assert {"above high normal", "below low normal"} & {
        told["text"] for one in results for told in one.get("interpretation", ())
    }


@pytest.mark.behaviour("athena", "lab-shape")
@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({"low": {"value": 97}, "high": {"value": 108.0}, "text": "x"}, "97-108"),
        ({"low": {"value": 60}}, ">60"),
        ({"high": {"value": 0.5}}, "<0.5"),
        ({"text": "negative"}, "negative"),
        ({"appliesTo": []}, None),
    ],
)
def test_a_range_is_one_text(told: dict[str, Any], text: str | None) -> None:
    facts = SiteFacts("x", Chance("x").key)
    vendor = load_personality("athena", facts=facts)
    clean = {
        "resourceType": "Observation", "id": "p1-4", "status": "final", "referenceRange": [told],
        "category": [{"coding": [{"code": "laboratory"}]}], "code": {"text": "Lead"}, "valueString": "x",
    }  # fmt: skip
    made = vendor.dress(clean, Dresser.over((clean,), ids=vendor.ids(facts), facts=facts))
    assert made.get("referenceRange") == (None if text is None else [{"text": text}])


@pytest.mark.behaviour("athena", "visit-diagnoses")
def test_diagnoses_of_a_visit_have_no_clinical_status(site: House) -> None:
    found = of(site, "Condition")
    visits = [one for one in found if "EncounterDx" in one["id"]]
    assert visits
    for one in visits:
        assert "clinicalStatus" not in one
        assert one["category"][0]["text"] == "Encounter Diagnosis"
        assert one["encounter"]["reference"].startswith("Encounter/a-195900.encounter-")
    assert all("clinicalStatus" in one for one in found if "Problem-" in one["id"])


@pytest.mark.behaviour("athena", "not-applicable")
def test_every_visit_has_a_discharge_disposition(site: House) -> None:
    told = [one["hospitalization"]["dischargeDisposition"]["coding"][0] for one in of(site, "Encounter")]
    assert {one["code"] for one in told} >= {"not-applicable"}
    assert all(one["system"].endswith("/data-absent-reason") for one in told if one["code"] == "not-applicable")


@pytest.mark.behaviour("athena", "documents-inline", "document-type-system")
def test_documents_are_pages_in_themselves(site: House) -> None:
    found = of(site, "DocumentReference")
    assert found
    for one in found:
        [content] = one["content"]
        assert content["attachment"]["contentType"] == "text/html"
        assert (
            base64.b64decode(content["attachment"]["data"]).lower().lstrip().startswith((b"<html", b"<!doctype html"))
        )
        assert "url" not in content["attachment"]
        assert one["type"]["coding"][0]["system"] == "https://hl7.org/fhir/valueset-doc-section-codes.html"


@pytest.mark.behaviour("athena", "documents-unpublished")
def test_documents_that_the_portal_does_not_have_say_so(house: Callable[..., House]) -> None:
    held = house("athena", patients=2, settings={"shape": {"tables": {"unpublished_share": 1.0}}})
    bundle = held.read(f"DocumentReference?patient={held.patient(0)}")
    for entry in bundle["entry"]:
        attachment = entry["resource"]["content"][0]["attachment"]
        assert "data" not in attachment
        assert attachment["_data"]["extension"][0]["url"].endswith("/data-absent-reason")


@pytest.mark.behaviour("athena", "entered-in-error")
def test_what_was_entered_in_error_is_found_with_the_rest(house: Callable[..., House]) -> None:
    assert 0 < house("athena").site.personality.settings["shape"]["tables"]["mistaken_share"] < 0.5
    many = house("athena", patients=3, settings={"shape": {"tables": {"mistaken_share": 1.0}}})
    none = house("athena", patients=3, settings={"shape": {"tables": {"mistaken_share": 0.0}}})
    for kind, wrong in (
        ("AllergyIntolerance", lambda one: one["verificationStatus"]["coding"][0]["code"] == "entered-in-error"),
        ("DiagnosticReport", lambda one: one["status"] == "entered-in-error"),
    ):
        found = [e["resource"] for e in many.read(f"{kind}?patient={many.patient(1)}")["entry"]]
        right = [e["resource"] for e in none.read(f"{kind}?patient={none.patient(1)}")["entry"]]
        assert [one for one in found if not wrong(one)] == right
        mistaken = [one for one in found if wrong(one)]
        assert len(mistaken) == len(right)
        assert many.read(f"{kind}/{mistaken[0]['id']}") == mistaken[0]
        assert "clinicalStatus" not in mistaken[0]


@pytest.mark.behaviour("athena", "narrative")
def test_a_narrative_of_anything_but_a_plan_is_left_out() -> None:
    facts = SiteFacts("north", Chance("text").key)
    vendor = load_personality("athena", facts=facts)
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
    for kind, kept in (("CarePlan", True), ("Goal", False), ("Patient", False), ("Encounter", False)):
        clean = {"resourceType": kind, "id": "p1-1", "text": text}
        assert ("text" in vendor.dress(clean, Dresser(vendor.ids(facts), facts))) is kept
