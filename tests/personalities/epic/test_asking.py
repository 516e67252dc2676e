"""How Epic takes searches and refuses requests, beyond test_epic_site.py. Sources: personalities/epic/notes.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.problem import Problem
from mockehr.personalities.load import load_personality

BASE = "https://north.example.org/interconnect-fhir-oauth/api/FHIR/R4"


@pytest.fixture(scope="module")
def ward(house: Callable[..., Any]) -> Any:
    return house("epic", patients=12)


def matches(bundle: dict[str, Any]) -> list[str]:
    return [one["resource"]["id"] for one in bundle.get("entry", ()) if one["search"]["mode"] == "match"]


def codes(reply: Any) -> list[str]:
    return [one["details"]["coding"][0]["code"] for one in json.loads(reply.body)["issue"]]


@pytest.mark.behaviour("epic", "scored-demographics")
def test_demographics_count_together(ward: Any, house: Callable[..., Any]) -> None:
    patient = ward.read(f"Patient/{ward.patient(3)}")
    name = patient["name"][0]
    other = "female" if patient["gender"] == "male" else "male"
    told = f"family={name['family'][:3]}zz&given={name['given'][0]}&birthdate={patient['birthDate']}&gender={other}"
    assert matches(ward.read(f"Patient?{told}")) == [patient["id"]]
    assert not matches(ward.read(f"Patient?{told.replace('family=', 'family=Zzz')}"))
    strict = house("epic", patients=12, settings={"search": {"scored": False}})
    assert not matches(strict.read(f"Patient?{told}"))


@pytest.mark.behaviour("epic", "last-updated")
@pytest.mark.parametrize(
    "useless",
    ["_lastUpdated=gt2999-01-01", "_include:iterate=Condition:encounter", "_revinclude=Observation:encounter"],
)
def test_some_parameters_are_of_no_use(ward: Any, useless: str) -> None:
    target = f"Encounter?patient={ward.patient()}"
    plain, told = ward.read(target), ward.read(f"{target}&{useless}")
    assert matches(told) == matches(plain) != []
    assert {one["search"]["mode"] for one in told["entry"]} <= {"match", "outcome"}
    assert useless.partition("=")[0] in told["link"][-1]["url"]


@pytest.mark.behaviour("epic", "issued")
def test_observations_are_found_by_when_they_were_issued(ward: Any) -> None:
    target = f"Observation?patient={ward.patient()}&category=vital-signs"
    everything = ward.read(target)["entry"]
    last = max(one["resource"]["issued"] for one in everything)
    newest = [one["resource"]["id"] for one in everything if one["resource"]["issued"] == last]
    assert matches(ward.read(f"{target}&issued=ge{last}")) == newest
    notes = f"DocumentReference?patient={ward.patient()}&docstatus="
    assert matches(ward.read(notes + "final"))
    assert not matches(ward.read(notes + "amended"))


@pytest.mark.behaviour("epic", "posted-search")
def test_a_search_by_post_is_read_in_one_place(ward: Any, house: Callable[..., Any]) -> None:
    mine, other = ward.patient(0), ward.patient(1)
    path = ward.site.fhir_path + "/Encounter/_search"
    form = {"patient": mine}

    def owners(site: Any, query: str) -> set[str]:
        reply = site.ask("POST", f"{path}?{query}", form)
        found = json.loads(reply.body)["entry"]
        return {one["resource"]["subject"]["reference"] for one in found if one["search"]["mode"] == "match"}

    assert owners(ward, f"patient={other}") == {f"Patient/{mine}"}
    assert owners(ward, "") == {f"Patient/{mine}"}
    xml = ward.ask("POST", f"{path}?_format=xml", form)
    assert xml.content_type.startswith("application/fhir+xml")
    older = house("epic", patients=12, settings={"search": {"posted": "query"}})
    assert owners(older, f"patient={other}") == {f"Patient/{other}"}
    assert owners(older, "") == {f"Patient/{mine}"}


@pytest.mark.behaviour("epic", "identifier-chain", "identifier-by-type")
def test_a_chart_is_found_by_the_patients_identifier(ward: Any) -> None:
    patient = ward.read(f"Patient/{ward.patient(2)}")
    mrn = next(one for one in patient["identifier"] if one["type"]["text"] == "EPI")
    assert matches(ward.read(f"Patient?identifier=MRN|{mrn['value']}")) == [patient["id"]]
    system = mrn["system"]
    found = ward.read(f"Encounter?patient.identifier={system}|{mrn['value']}")
    assert matches(found) == matches(ward.read(f"Encounter?patient={patient['id']}")) != []


@pytest.mark.behaviour("epic", "unknown-ignored")
def test_unknown_parameters_are_echoed_and_rarely_noted(ward: Any) -> None:
    found = ward.read(f"Immunization?patient={ward.patient()}&zz-top=1")
    assert "zz-top=1" in found["link"][-1]["url"]
    assert "59100" not in json.dumps(found)
    assert "ZZ-TOP" in json.dumps(ward.read(f"Observation?patient={ward.patient()}&category=vital-signs&zz-top=1"))


@pytest.mark.behaviour("epic", "session-links", "session-over", "total-of-page")
def test_a_session_is_good_for_one_page_after_another(ward: Any) -> None:
    seen: list[str] = []
    sessions = set()
    target = f"Observation?patient={ward.patient()}&category=vital-signs&_count=7"
    everything = matches(ward.read(target.partition("&_count")[0]))
    while target:
        page = ward.read(target)
        seen += matches(page)
        assert page["total"] == len(matches(page)) <= 7
        link = next((one["url"] for one in page["link"] if one["relation"] == "next"), "")
        target = link.removeprefix(ward.base + "/")
        sessions.add(target)
    assert seen == everything
    assert len(sessions) == -(-len(everything) // 7)
    over = ward.fhir("Observation?sessionID=12-" + "0" * 32)
    assert (over.status, codes(over)) == (400, ["4113"])


@pytest.mark.behaviour("epic", "patients-apps", "other-patient")
def test_patients_apps_are_told_that_there_may_be_more(house: Callable[..., Any]) -> None:
    ward = house("epic", patients=12, open_access=False)
    patient = ward.patient(1)
    mine = ward.bearer("patient/*.rs", patient=patient)
    for target in (f"Encounter?patient={patient}", f"DocumentReference?patient={patient}"):
        told = ward.read(target, authorization=mine)["entry"][-1]["resource"]["issue"]
        assert told[-1]["details"]["coding"][0]["code"] == "4119"
        assert "4119" not in json.dumps(ward.read(target, authorization=ward.bearer()))
    other = ward.fhir(f"Encounter?patient={ward.patient(2)}", authorization=mine)
    assert (other.status, codes(other)) == (403, ["4118"])


@pytest.mark.behaviour("epic", "merged")
def test_a_merged_patient_is_an_error_that_leads_on() -> None:
    epic = load_personality("epic")
    problem = Problem(301, "merged", "lives on", resource_type="Patient", where="Patient/eX3")
    reply = epic.refuse(problem, BASE, "application/json")
    assert (reply.status, reply.header("Location")) == (301, f"{BASE}/Patient/eX3")
    assert reply.document is not None
    assert reply.document["issue"][0]["details"]["coding"][0]["code"] == "4107"


@pytest.mark.behaviour("epic", "provider-photo")
def test_photos_of_the_staff_are_shown_to_no_app(house: Callable[..., Any]) -> None:
    ward = house("epic", patients=2, settings={"shape": {"tables": {"provider_photos": True}}})
    found = ward.read("Practitioner?name=a")["entry"][0]["resource"]
    reply = ward.fhir(found["photo"][0]["url"])
    assert (reply.status, codes(reply)) == (403, ["59203"])
    told = json.loads(reply.body)["issue"][0]
    assert (told["code"], told["diagnostics"]) == ("forbidden", "Client not authorized for Binary - Provider Photo.")
    assert codes(ward.fhir("Binary/e" + "x" * 22 + "3")) == ["59008"]


@pytest.mark.behaviour("epic", "strange-id")
def test_an_id_of_another_type_is_no_id(ward: Any) -> None:
    visit = matches(ward.read(f"Encounter?patient={ward.patient()}"))[0]
    reply = ward.fhir(f"Patient?_id={visit}")
    first, last = json.loads(reply.body)["issue"]
    assert (reply.status, first["severity"], first["code"]) == (400, "information", "not-found")
    assert last["severity"] == "fatal"
    assert matches(ward.read(f"Patient?_id={ward.patient()}")) == [ward.patient()]


@pytest.mark.behaviour("epic", "behind-glass")
def test_some_charts_may_be_behind_glass(house: Callable[..., Any]) -> None:
    ward = house("epic", patients=15, settings={"errors": {"glass_share": 0.4}})
    told = {n: ward.fhir(f"Encounter?patient={ward.patient(n)}") for n in range(15)}
    hidden = [n for n, reply in told.items() if reply.status == 403]
    assert 0 < len(hidden) < 15
    assert codes(told[hidden[0]]) == ["4131"]
    assert ward.fhir(f"Patient/{ward.patient(hidden[0])}").status == 403
    seen = next(n for n in told if n not in hidden)
    assert ward.fhir(f"Patient/{ward.patient(seen)}").status == 200


@pytest.mark.behaviour("epic", "older-outcomes")
def test_older_sites_write_outcomes_otherwise(house: Callable[..., Any]) -> None:
    ward = house("epic", patients=2, settings={"errors": {"form": "older"}})
    reply = ward.fhir("Patient?favourite=red")
    document = json.loads(reply.body)
    assert list(document) == ["resourceType", "id", "issue"]
    assert document["resourceType"] == "OperationOutcome"
    first, last = document["issue"]
    assert (first["code"], first["location"]) == ("informational", ["http.category"])
    assert codes(reply) == ["4122", "59159"]
    assert last["severity"] == "fatal"


@pytest.mark.behaviour("epic", "other-versions")
def test_other_versions_of_fhir_lie_beside_r4(house: Callable[..., Any]) -> None:
    ward = house("epic", patients=12)
    assert ward.site.personality.withdrawn(ward.site.facts) == {
        "/interconnect-fhir-oauth/api/FHIR/DSTU2": 410,
        "/interconnect-fhir-oauth/api/FHIR/STU3": 404,
    }


@pytest.mark.behaviour("epic", "xml-statement")
def test_the_statement_is_xml_unless_json_is_asked_for(ward: Any) -> None:
    reply = ward.fhir("metadata", accept="")
    assert reply.content_type == "application/xml; charset=utf-8"
    assert reply.body.startswith(b"<")
    smart = ward.ask("GET", ward.site.fhir_path + "/.well-known/smart-configuration", accept="")
    assert smart.body.startswith(b"{")


@pytest.mark.behaviour("epic", "register-for-clients")
def test_only_who_names_a_public_app_is_told_where_to_register(house: Callable[..., Any]) -> None:
    from mockehr.sites.test_client import register_app

    ward = house("epic", patients=1, settings={})
    register_app(ward.site, "phone", ["https://app.example.org/callback"], "patient/*.rs")
    register_app(ward.site, "portal", ["https://app.example.org/callback"], "patient/*.rs", secret="s3cret")

    def told(**headers: str) -> list[str]:
        security = ward.read("metadata", **headers)["rest"][0]["security"]
        return [one["url"] for one in security["extension"][0]["extension"]]

    assert told() == told(epic_client_id="portal") == told(epic_client_id="nobody") == ["authorize", "token"]
    assert told(epic_client_id="phone") == ["authorize", "token", "register"]
    assert told() == ["authorize", "token"]
