"""What Epic files of what clients write. Sources: personalities/epic/notes.md, section Writes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]
TERMS = "http://terminology.hl7.org/CodeSystem/"


@pytest.fixture(scope="module")
def ward(house: Callable[..., Any]) -> Any:
    return house("epic", patients=4, settings={})


@pytest.fixture(scope="module")
def visit(ward: Any) -> Json:
    found = ward.read(f"Encounter?patient={ward.patient()}")["entry"]
    return dict(found[0]["resource"])


def filed(ward: Any, body: Json) -> Json:
    """What is read back of a resource that is created."""
    reply = ward.fhir(body["resourceType"], "POST", body)
    assert (reply.status, reply.body) == (201, b""), reply.body
    target = reply.header("Location").removeprefix(ward.base + "/")
    return dict(ward.read(target))


def refused(ward: Any, body: Json) -> tuple[int, str, str]:
    reply = ward.fhir(body["resourceType"], "POST", body)
    issue = json.loads(reply.body)["issue"][-1]
    return reply.status, issue["severity"], issue["details"]["coding"][0]["code"]


def paths(node: Any, at: str = "") -> set[str]:
    """Where a document has something."""
    if isinstance(node, dict):
        return {at} | {one for name, value in node.items() for one in paths(value, f"{at}.{name}")}
    if isinstance(node, list):
        return {one for value in node for one in paths(value, at)}
    return {at}


def probe(shared_data: Path, kind: str) -> tuple[Json, Json]:
    """A recorded write: what was sent, what was read back."""
    file = shared_data / "recorded" / "epic" / "write-probe-2026-04-28" / f"{kind}.json"
    if not file.is_file():
        pytest.skip("the recordings are not beside this checkout")
    told = json.loads(file.read_text("utf-8"))
    return told["_canonical_submitted"], told["_epic_returned_get"]


def vital(ward: Any, visit: Json, **more: Any) -> Json:
    code = {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure"}], "text": "BP!"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "x", "code": "vital-signs"}]}],
        "code": code,
        "subject": {"reference": f"Patient/{ward.patient()}"},
        "encounter": {"reference": f"Encounter/{visit['id']}"},
        "effectiveDateTime": "2026-01-05T13:00:00+01:00",
        **more,
    }


@pytest.mark.behaviour("epic", "observation-filed", "empty-create")
def test_a_vital_sign_is_read_back_as_its_flowsheet_row(ward: Any, visit: Json) -> None:
    made = filed(ward, vital(ward, visit, performer=[{"display": "Me"}], meta={"tag": [{"code": "x"}]}))
    assert made["code"]["text"] == "BP"
    systems = [one["system"] for one in made["code"]["coding"]]
    assert systems[0].endswith(".7.2.707679")
    assert systems[1] == "http://open.epic.com/FHIR/StructureDefinition/observation-flowsheet-id"
    assert made["performer"] == [{"display": "User Interconnect"}]
    assert made["encounter"]["identifier"] == visit["identifier"][0]
    assert made["effectiveDateTime"] == "2026-01-05T12:00:00Z"
    assert "meta" not in made
    assert list(made)[:4] == ["resourceType", "id", "extension", "status"]
    query = f"Observation?patient={ward.patient()}&category=vital-signs"
    assert made["id"] in {one["resource"]["id"] for one in ward.read(query)["entry"]}


@pytest.mark.behaviour("epic", "observation-filed")
def test_a_recorded_vital_sign_is_read_back_as_recorded(ward: Any, visit: Json, shared_data: Path) -> None:
    sent, returned = probe(shared_data, "Observation")
    sent["subject"]["reference"] = f"Patient/{ward.patient()}"
    sent["encounter"]["reference"] = f"Encounter/{visit['id']}"
    made = filed(ward, sent)
    assert paths(returned) - paths(made) == {".performer.reference"}
    assert paths(made) <= paths(returned)
    assert list(made) == list(returned)
    assert [one.get("display") for one in made["code"]["coding"]] == [
        one.get("display") for one in returned["code"]["coding"]
    ]
    assert made["component"] == returned["component"]


@pytest.mark.behaviour("epic", "patient-filed", "no-ssn")
def test_a_recorded_registration_is_read_back_as_recorded(ward: Any, shared_data: Path) -> None:
    sent, returned = probe(shared_data, "Patient")
    made = filed(ward, sent)
    assert paths(made) == paths(returned)
    assert list(made) == list(returned)
    for name in ("meta", "active", "name", "gender", "birthDate", "deceasedBoolean"):
        assert made[name] == returned[name]
    ours, theirs = made["address"][0], returned["address"][0]
    assert {**ours, "period": {}} == {**theirs, "period": {}}
    assert [one["type"]["text"] for one in made["identifier"]] == [
        one["type"]["text"] for one in returned["identifier"]
    ]
    names = "&".join(f"{name}={value}" for name, value in (("family", "Kanter"), ("given", "Adalberto")))
    found = ward.read(f"Patient?{names}&birthdate=1942-07-04")
    assert [one["resource"]["id"] for one in found["entry"] if one["search"]["mode"] == "match"] == [made["id"]]


@pytest.mark.behaviour("epic", "patient-filed", "no-ssn")
def test_telephones_and_social_security_numbers_are_not_kept(ward: Any) -> None:
    own = {"system": "https://example.org/ids", "value": "A1"}
    made = filed(
        ward,
        {
            "resourceType": "Patient",
            "identifier": [{"system": "urn:oid:2.16.840.1.113883.4.1", "value": "900-00-0001"}, own],
            "name": [{"use": "official", "family": "Vale", "given": ["Ann"], "prefix": ["Mrs."]}],
            "telecom": [{"system": "phone", "value": "555-0101"}],
            "birthDate": "1950-01-01",
        },
    )
    assert "telecom" not in made
    assert "900-00-0001" not in json.dumps(made)
    assert made["identifier"][-1] == own
    assert [one["prefix"] for one in made["name"]] == [["MRS."]] * 2
    dstu2 = {one["type"]["text"]: one["value"] for one in made["identifier"][:-1]}["FHIR"]
    assert ward.site.personality.token_document({"patient": made["id"]}, None)["__epic.dstu2.patient"] == dstu2


@pytest.mark.behaviour("epic", "condition-filed")
def test_a_diagnosis_of_a_visit_is_read_back_as_a_problem(ward: Any, visit: Json) -> None:
    made = filed(
        ward,
        {
            "resourceType": "Condition",
            "clinicalStatus": {"coding": [{"system": f"{TERMS}condition-clinical", "code": "active"}]},
            "category": [{"coding": [{"system": f"{TERMS}condition-category", "code": "encounter-diagnosis"}]}],
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}], "text": "mine"},
            "subject": {"reference": f"Patient/{ward.patient()}"},
            "encounter": {"reference": f"Encounter/{visit['id']}"},
            "onsetDateTime": "2025-01-01",
            "recordedDate": "2025-01-01",
        },
    )  # fmt: skip
    assert [one["coding"][0]["code"] for one in made["category"]] == ["problem-list-item"]
    assert not {"encounter", "onsetDateTime", "recordedDate"} & set(made)
    assert "text" not in made["code"]
    found = ward.read(f"Condition?patient={ward.patient()}&category=problem-list-item")
    assert made["id"] in {one["resource"].get("id") for one in found["entry"]}


@pytest.mark.behaviour("epic", "document-filed")
def test_a_note_sent_as_text_is_read_back_in_two_forms_by_url(ward: Any, visit: Json) -> None:
    data = base64.b64encode(b"Seen today.\nWell.").decode()
    made = filed(
        ward,
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "identifier": [{"value": "mine"}],
            "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
            "subject": {"reference": f"Patient/{ward.patient()}"},
            "author": [{"display": "Me"}],
            "custodian": {"display": "Mine"},
            "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
            "context": {"encounter": [{"reference": f"Encounter/{visit['id']}"}]},
        },
    )  # fmt: skip
    assert [one["attachment"]["contentType"] for one in made["content"]] == ["text/html", "text/rtf"]
    read = [ward.read(one["attachment"]["url"]) for one in made["content"]]
    assert b"Seen today.<br/>Well." in base64.b64decode(read[0]["data"])
    assert base64.b64decode(read[1]["data"]).startswith(b"{\\rtf1")
    assert made["author"] == [{"display": "User Interconnect"}]
    assert made["custodian"]["display"] == "north"
    assert "mine" not in json.dumps(made["identifier"])
    assert [one["system"].rpartition(".")[2] for one in made["type"]["coding"][:2]] == ["5010", "69848980"]
    assert made["context"]["encounter"][0]["identifier"] == visit["identifier"][0]


@pytest.mark.behaviour("epic", "reference-not-found", "no-flowsheet-row")
def test_what_cannot_be_filed_is_refused_by_its_code(ward: Any, visit: Json) -> None:
    nobody = ward.patient()[:-2] + "x3"
    assert refused(ward, vital(ward, visit, subject={"reference": f"Patient/{nobody}"})) == (400, "fatal", "59144")
    assert refused(ward, vital(ward, visit, code={"text": "mood"})) == (400, "fatal", "59187")


@pytest.mark.behaviour("epic", "no-conditional-create")
def test_if_none_exist_means_nothing(ward: Any, visit: Json) -> None:
    body = vital(ward, visit)
    first, second = (ward.fhir("Observation", "POST", body, if_none_exist="status=final") for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.header("Location") != second.header("Location")
