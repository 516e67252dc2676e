"""Clinical lists and documents of the proprietary API. Sources: personalities/athena/notes.md."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.proprietary import SiteRecords

House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}, "changed": {"latency": 0}}}
LISTS = {"problems": "problems", "allergies": "allergies", "medications": "medications", "vitals": "vitals",
         "labresults": "results", "encounters": "encounters"}  # fmt: skip


@pytest.fixture(scope="module")
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=12, settings=PREVIEW)


@pytest.fixture
def fresh(house: Callable[..., House]) -> House:
    return house("athena", patients=2, settings=PREVIEW)


def ask(site: House, method: str, path: str, form: dict[str, str] | None = None, status: int = 200) -> Any:
    reply = site.ask(method, f"/v1/195900{path}", form)
    assert reply.status == status, reply.body
    return orjson.loads(reply.body)


def number(site: House, index: int = 0) -> str:
    return str(site.patient(index)).rpartition("-")[2]


def resources(site: House, target: str) -> list[dict[str, Any]]:
    return [one["resource"] for one in site.read(target).get("entry", ())]


@pytest.mark.behaviour("athena", "v1-department")
def test_a_chart_is_opened_in_a_department(site: House) -> None:
    text = "Invalid departmentid or departmentid / patientid combination."
    for name in LISTS:
        for query in ("", "?departmentid=999"):
            assert ask(site, "GET", f"/chart/{number(site)}/{name}{query}", status=400)["error"] == text
        assert LISTS[name] in ask(site, "GET", f"/chart/{number(site)}/{name}?departmentid=2")
    assert ask(site, "GET", "/chart/5/problems?departmentid=2", status=404)


def test_lists_are_those_of_the_records_over_fhir(site: House) -> None:
    for index in range(6):
        id, chart = site.patient(index), f"/chart/{number(site, index)}"
        problems = ask(site, "GET", f"{chart}/problems?departmentid=2&showinactive=true")["problems"]
        theirs = resources(site, f"Condition?patient={id}&category=problem-list-item")
        assert {f"a-195900.Problem-{one['problemid']}" for one in problems} == {one["id"] for one in theirs}
        encounters = ask(site, "GET", f"{chart}/encounters?departmentid=2")["encounters"]
        theirs = resources(site, f"Encounter?patient={id}")
        assert {f"a-195900.encounter-{one['encounterid']}" for one in encounters} == {one["id"] for one in theirs}
        orders = resources(site, f"MedicationRequest?patient={id}&intent=order")
        medications = ask(site, "GET", f"{chart}/medications?departmentid=2")["medications"]
        assert len(medications) == len(orders)
        results = ask(site, "GET", f"{chart}/labresults?departmentid=2")["results"]
        reports = [one for one in resources(site, f"DiagnosticReport?patient={id}&category=LAB")
                   if one["status"] != "entered-in-error"]  # fmt: skip
        assert {f"a-195900.clinicalresult-{one['labresultid']}" for one in results} == {one["id"] for one in reports}
        assert sum(len(one["analytes"]) for one in results) == sum(len(one.get("result", ())) for one in reports)


@pytest.mark.behaviour("athena", "v1-medications", "v1-forms")
def test_medications_are_lists_of_lists(site: House) -> None:
    found = [
        one
        for index in range(12)
        for one in ask(site, "GET", f"/chart/{number(site, index)}/medications?departmentid=2")["medications"]
    ]
    assert found
    for one in found:
        [entry] = one
        assert entry["medication"]
        assert entry["medicationentryid"][0] in "CH"
        assert len(entry["events"][0]["eventdate"]) == 10


def test_vital_signs_stand_by_their_kind_and_weights_in_grams(site: House) -> None:
    vitals = {one["key"]: one for one in ask(site, "GET", f"/chart/{number(site)}/vitals?departmentid=2")["vitals"]}
    pressure = vitals["BLOODPRESSURE"]["readings"][0]
    assert [one["clinicalelementid"] for one in pressure] == [
        "VITALS.BLOODPRESSURE.SYSTOLIC", "VITALS.BLOODPRESSURE.DIASTOLIC",
    ]  # fmt: skip
    grams = {float(one[0]["value"]) for one in vitals["WEIGHT"]["readings"]}
    observations = resources(site, f"Observation?patient={site.patient(0)}&code=http://loinc.org|29463-7&_count=100")
    assert grams == {one["valueQuantity"]["value"] * 1000 for one in observations if "valueQuantity" in one}


def test_what_is_written_to_a_chart_is_seen_over_fhir_and_in_the_feeds(fresh: House) -> None:
    id, chart = fresh.patient(0), f"/chart/{number(fresh)}"
    ask(fresh, "POST", "/chart/healthhistory/problems/changed/subscription")
    form = {"departmentid": "2", "snomedcode": "44054006", "startdate": "03/04/2020"}
    made = ask(fresh, "POST", f"{chart}/problems", form)
    assert made["success"] is True
    problem = fresh.read(f"Condition/a-195900.Problem-{made['problemid']}")
    assert (problem["code"]["coding"][0]["code"], problem["onsetDateTime"]) == ("44054006", "2020-03-04")
    assert problem["subject"]["reference"] == f"Patient/{id}"
    assert problem["identifier"] == [{"value": problem["id"]}]
    [told] = ask(fresh, "GET", "/chart/healthhistory/problems/changed")["problems"]
    assert (told["problemid"], told["patientid"]) == (made["problemid"], int(number(fresh)))
    listed = ask(fresh, "GET", f"{chart}/problems?departmentid=2")["problems"]
    assert made["problemid"] in {one["problemid"] for one in listed}
    assert ask(fresh, "POST", f"{chart}/problems", {**form, "snomedcode": "x"})["success"] is False

    allergy = {"allergenid": "1191", "allergenname": "aspirin",
               "reactions": [{"reactionname": "hives", "snomedcode": "247472004", "severity": "mild"}]}  # fmt: skip
    form = {"departmentid": "2", "allergies": orjson.dumps([allergy]).decode()}
    assert ask(fresh, "PUT", f"{chart}/allergies", form) == {"success": True}
    changed = orjson.dumps([{**allergy, "reactions": [{"reactionname": "wheezing"}]}]).decode()
    assert ask(fresh, "PUT", f"{chart}/allergies", {**form, "allergies": changed}) == {"success": True}
    found = [one for one in resources(fresh, f"AllergyIntolerance?patient={id}") if one["code"]["text"] == "aspirin"]
    assert [one["reaction"][0]["description"] for one in found] == ["wheezing"]

    readings = {"VITALS.WEIGHT": "80000", "VITALS.O2SATURATION": "97"}
    vitals = orjson.dumps(
        [[{"clinicalelementid": name, "value": value} for name, value in readings.items()]]
    ).decode()
    made = ask(fresh, "POST", f"{chart}/vitals", {"departmentid": "2", "vitals": vitals})
    weight = fresh.read(f"Observation/a-195900.vitalamb-{made['vitalids'][0]}")
    assert weight["valueQuantity"]["value"] == 80000
    before = fresh.site.log.next_number()
    wrong = vitals.replace("O2SATURATION", "NONSENSE")
    assert ask(fresh, "POST", f"{chart}/vitals", {"departmentid": "2", "vitals": wrong})["success"] is False
    assert fresh.site.log.next_number() == before, "nothing half written"


def test_what_others_write_is_seen_by_the_api(fresh: House) -> None:
    records = fresh.site.store
    patient = {**records.read("Patient", fresh.patient(0)).document}
    patient["name"] = [{"use": "official", "family": "Married", "given": ["Ann"]}]
    ask(fresh, "POST", "/patients/changed/subscription")
    SiteRecords(fresh.site).update(Exchange("fhir"), patient)
    [row] = ask(fresh, "GET", f"/patients/{number(fresh)}")
    assert row["lastname"] == "Married"
    assert [one["lastname"] for one in ask(fresh, "GET", "/patients/changed")["patients"]] == ["Married"]


@pytest.mark.behaviour("athena", "v1-documents", "v1-id-kinds")
def test_documents_are_added_with_ids_of_two_kinds(fresh: House) -> None:
    path = f"/patients/{number(fresh)}/documents"
    form = {"departmentid": "2", "documentsubclass": "CLINICALDOCUMENT_CONSULTNOTE", "documentdata": "all <well>",
            "observationdate": "02/03/2025"}  # fmt: skip
    made = ask(fresh, "POST", f"{path}/clinicaldocument", form)
    assert made["success"] is True
    assert isinstance(made["clinicaldocumentid"], int)
    document = fresh.read(f"DocumentReference/a-195900.hpiTemplate-{made['clinicaldocumentid']}")
    assert document["date"] == "2025-02-03T00:00:00-05:00"
    page = base64.b64decode(document["content"][0]["attachment"]["data"])
    assert b"all &lt;well&gt;" in page
    pdf = base64.b64encode(b"%PDF-1.4 x").decode()
    other = ask(fresh, "POST", path, {"documentsubclass": "ADMIN_CONSENT", "attachmentcontents": pdf})
    assert isinstance(other["documentid"], str)
    attachment = fresh.read(f"DocumentReference/a-195900.hpiTemplate-{other['documentid']}")["content"][0][
        "attachment"
    ]
    assert attachment == {"contentType": "application/pdf", "data": pdf}
    listed = {one["documentid"] for one in ask(fresh, "GET", path)["documents"]}
    assert {made["clinicaldocumentid"], int(other["documentid"])} <= listed
    assert ask(fresh, "POST", path, {"documentsubclass": "X"}, status=400)
    assert ask(fresh, "POST", path, {"documentsubclass": "ADMIN_CONSENT", "attachmentcontents": "%%%"}, status=400)
    assert ask(fresh, "POST", path, {"documentsubclass": "ADMIN_CONSENT"}, status=400)


def test_an_encounter_has_a_summary_for_people(site: House) -> None:
    encounter = resources(site, f"Encounter?patient={site.patient(0)}")[0]["id"].rpartition("-")[2]
    html = ask(site, "GET", f"/chart/encounters/{encounter}/summary")["summaryhtml"]
    assert html.startswith("<html>")
    assert ask(site, "GET", "/chart/encounters/x/summary", status=404)


DIRT = ("lone-surrogates", "mixed-encodings", "nulls", "windows-1252-names", "day-first-text")


@pytest.mark.parametrize("corruption", DIRT)
def test_dirtied_records_are_answered_too(fresh: House, corruption: str) -> None:
    fresh.site.arm({"use": corruption, "with": {"rate": 1.0}})
    for index in range(2):
        person = number(fresh, index)
        for path in (f"/patients/{person}", *(f"/chart/{person}/{name}?departmentid=2" for name in LISTS)):
            assert fresh.ask("GET", f"/v1/195900{path}", None).status == 200
