"""What a site of Veradigm's says over FHIR. Sources: personalities/veradigm/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from mockehr.personalities.load import load_personality
from mockehr.personalities.variance import variance_of
from mockehr.personalities.veradigm.dialect import elsewhere
from mockehr.personalities.veradigm.rules import padded

House = Callable[..., Any]
BUNDLED = ("AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "Coverage", "DiagnosticReport")
BUNDLED += ("DocumentReference", "Encounter", "Goal", "Immunization", "MedicationRequest", "Observation")
BUNDLED += ("Procedure", "Provenance", "Specimen")


def body(reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(reply.body)
    return found


@pytest.fixture(scope="module")
def site(house: House) -> Any:
    return house("veradigm", 12)


def entries(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["resource"] for one in bundle.get("entry", ())]


@pytest.mark.behaviour("veradigm", "router-paths", "client-number")
def test_fhir_and_authorization_lie_behind_a_router_by_the_clients_number(site: Any) -> None:
    number = site.site.fhir_path.rpartition("/")[2]
    assert site.site.fhir_path == f"/fhirroute/fhir/{number}"
    assert len(number) == 8
    assert number.isdecimal()
    told = site.read(".well-known/smart-configuration")
    assert told["token_endpoint"].endswith(f"/fhirroute/authorizationV2/{number}/connect/token")
    assert told["authorization_endpoint"].endswith(f"/fhirroute/authorizationV2/{number}/connect/authorize")
    assert site.fhir("Patient").status == 200


@pytest.mark.behaviour("veradigm", "patient-surface", "altera-base")
def test_patients_apps_and_alteras_servers_have_other_addresses(house: House) -> None:
    traits = {trait.name: {one.name: one for one in trait.choices} for trait in variance_of("veradigm").traits}
    patient = house("veradigm", 2, settings=traits["product"]["patient"].settings)
    assert patient.site.fhir_path.startswith("/fhirroute/open/")
    assert patient.site.token_path.startswith("/fhirroute/fmhpatientauth/")
    assert patient.fhir("Patient").status == 200
    altera = house("veradigm", 2, settings=traits["product"]["altera"].settings)
    assert altera.site.fhir_path == "/R4/fhir-R4"
    assert altera.fhir("Patient").status == 200
    assert (traits["product"]["provider"].share + traits["product"]["patient"].share) == 3344


@pytest.mark.behaviour("veradigm", "issuer-elsewhere")
def test_the_issuer_is_another_host_where_the_machine_has_another_name() -> None:
    vendor = load_personality("veradigm")
    assert vendor.issuer("http://127.0.0.1:8080", vendor.facts) == "http://localhost:8080/pro/authorization"
    assert vendor.issuer("https://localhost", vendor.facts) == "https://127.0.0.1/pro/authorization"
    assert elsewhere("https://ehr.example.org") == "https://ehr.example.org"


def test_the_openid_document_lies_below_the_issuer(site: Any) -> None:
    told = body(site.ask("GET", "/pro/authorization/.well-known/openid-configuration"))
    assert told["issuer"].endswith("/pro/authorization")
    assert told["issuer"] == site.read(".well-known/smart-configuration")["issuer"]
    assert body(site.ask("GET", "/pro/authorization/.well-known/openid-configuration/jwks"))["keys"]


@pytest.mark.behaviour("veradigm", "types-in-lower-case", "unpadded-dates")
def test_types_in_lower_case_and_dates_of_one_digit_are_understood(site: Any) -> None:
    first = next(
        index for index in range(12) if entries(site.read(f"MedicationRequest?patient={site.patient(index)}"))
    )
    patient = site.patient(first)
    every = entries(site.read(f"MedicationRequest?patient={patient}"))
    day = every[0]["authoredOn"][:10]
    year, month, date = (int(part) for part in day.split("-"))
    loose = f"{year}-{month}-{date}"
    found = entries(site.read(f"medicationrequest?patient={patient}&authoredon=ge{loose}&authoredon=le{loose}"))
    assert [one["id"] for one in found] == [one["id"] for one in every if one["authoredOn"][:10] == day]
    assert site.read(f"medicationrequest/{found[0]['id']}")["id"] == found[0]["id"]


def test_only_dates_are_padded() -> None:
    assert padded("le2022-1-31") == "le2022-01-31"
    assert padded("2022-1,2022-10-3T08:00:00Z") == "2022-01,2022-10-03T08:00:00Z"
    assert padded("urn:oid:1.2-3") == "urn:oid:1.2-3"
    assert padded("12-3") == "12-3"


@pytest.mark.behaviour("veradigm", "no-dstu2")
def test_dstu2_is_not_spoken(site: Any) -> None:
    assert site.read("metadata")["fhirVersion"] == "4.0.1"
    assert site.fhir("Patient", accept="application/json+fhir; fhirVersion=1.0").status == 406


@pytest.mark.behaviour("veradigm", "json-fhir", "total-and-links")
def test_replies_have_the_old_name_of_the_media_type_and_bundles_a_total(site: Any) -> None:
    for target in ("metadata", "Patient", "Patient/nobody"):
        for accept in ("*/*", "application/fhir+json", "application/json+fhir"):
            reply = site.fhir(target, accept=accept)
            assert reply.header("content-type") == "application/json+fhir; charset=utf-8"
    bundle = site.read("Patient?_count=5")
    assert bundle["total"] == 12
    assert [one["relation"] for one in bundle["link"]] == ["self", "next"]


@pytest.mark.behaviour("veradigm", "too-large-413")
def test_what_finds_too_much_is_413(house: House) -> None:
    small = house("veradigm", 12, settings={"search": {"most_matches": 5}})
    reply = small.fhir("Patient")
    assert reply.status == 413
    [issue] = body(reply)["issue"]
    assert issue["code"] == "too-costly"
    assert small.fhir(f"Patient?_id={small.patient()}").status == 200


@pytest.mark.behaviour("veradigm", "documented-statuses")
def test_refusals_are_401_403_and_404_with_diagnostics(house: House) -> None:
    closed = house("veradigm", 12, open_access=False)
    narrow = closed.bearer("system/Patient.rs")
    told = {
        401: closed.fhir("Patient"),
        403: closed.fhir("Condition", authorization=narrow),
        404: closed.fhir("Patient/nobody", authorization=narrow),
    }
    for status, reply in told.items():
        assert reply.status == status
        [issue] = body(reply)["issue"]
        assert set(issue) == {"severity", "code", "diagnostics"}


@pytest.mark.behaviour("veradigm", "redacted-instead-of-omitted")
def test_what_may_not_be_seen_is_marked_and_still_there(house: House) -> None:
    plain, marked = (
        house("veradigm", 4),
        house("veradigm", 4, settings={"shape": {"tables": {"redacted_share": 0.5}}}),
    )
    patient = plain.patient()
    for kind in ("Condition", "Observation", "MedicationRequest", "DocumentReference"):
        before = {one["id"]: one for one in entries(plain.read(f"{kind}?patient={patient}"))}
        after = {one["id"]: one for one in entries(marked.read(f"{kind}?patient={patient}"))}
        assert before.keys() == after.keys()
        for id, one in after.items():
            labels = [label["code"] for label in one["meta"].get("security", ())]
            if "REDACTED" not in labels:
                assert one == before[id]
                continue
            text = orjson.dumps(one).decode()
            assert "redacted" in text
            assert not {"valueQuantity", "dosageInstruction", "note", "onsetDateTime"} & set(one)
            assert (
                orjson.dumps(before[id].get("code", {}).get("coding", [{}])[0].get("code", "?")).decode() not in text
            )
    every = entries(marked.read(f"Observation?patient={patient}"))
    assert 0 < sum("security" in one["meta"] for one in every) < len(every)


@pytest.mark.behaviour("veradigm", "many-writes")
def test_twelve_types_can_be_created_and_updated_and_are_found_again(house: House) -> None:
    own = house("veradigm", 3, fresh=1)
    written = [one["type"] for one in own.read("metadata")["rest"][0]["resource"] if _writes(one)]
    assert len(written) == 12
    assert {"Condition", "Observation", "Questionnaire", "MedicationDispense"} <= set(written)
    problem = {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{own.patient()}"},
        "code": {"text": "Sprained ankle"},
    }
    reply = own.fhir("Condition", "POST", problem)
    assert reply.status == 201
    made = body(reply)
    assert made["id"].isdecimal()
    assert made["id"] in [one["id"] for one in entries(own.read(f"Condition?patient={own.patient()}&_count=500"))]
    changed = own.fhir(f"Condition/{made['id']}", "PUT", {**made, "code": {"text": "Sprained knee"}})
    assert changed.status == 200
    assert own.read(f"Condition/{made['id']}")["code"]["text"] == "Sprained knee"
    assert own.fhir("Procedure", "POST", {"resourceType": "Procedure"}).status == 405


def _writes(told: dict[str, Any]) -> bool:
    return {"create", "update"} <= {one["code"] for one in told["interaction"]}


def test_whatever_is_shown_can_be_read_again_and_refers_to_what_is_there(site: Any) -> None:
    known: dict[str, bool] = {}
    for kind in BUNDLED:
        found = entries(site.read(f"{kind}?patient={site.patient()}&_count=500"))
        for one in found:
            get_fhir_model_class(kind).model_validate(one)
            known[f"{kind}/{one['id']}"] = True
            for reference in _references(one):
                if reference not in known:
                    known[reference] = site.fhir(reference).status == 200
                assert known[reference], f"{kind}/{one['id']} refers to {reference}"
        if found:
            assert site.read(f"{kind}/{found[0]['id']}") == found[0]


def test_every_type_that_is_offered_can_be_searched(site: Any) -> None:
    for told in site.read("metadata")["rest"][0]["resource"]:
        if any(one["code"] == "search-type" for one in told["interaction"]):
            assert site.fhir(f"{told['type']}?_count=1").status == 200


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [one for item in node for one in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["reference"]] if isinstance(node.get("reference"), str) else []
    return own + [one for value in node.values() for one in _references(value)]


def test_pages_can_be_followed_to_the_end_and_give_all_once(site: Any) -> None:
    target, seen = f"Observation?patient={site.patient()}&_count=7", []
    while target:
        bundle = site.read(target)
        seen += [one["id"] for one in entries(bundle)]
        links = {one["relation"]: one["url"] for one in bundle["link"]}
        target = links.get("next", "").removeprefix(site.base + "/")
    assert len(seen) == len(set(seen)) == bundle["total"]
