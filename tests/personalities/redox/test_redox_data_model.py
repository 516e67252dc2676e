"""The Data Model API of Redox: what is asked for and written at a destination, and how it fails."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

ERIKA = {
    "Identifiers": [{"ID": "X9", "IDType": "MR"}],
    "Demographics": {"FirstName": "Erika", "LastName": "Muster", "DOB": "1980-03-04", "Sex": "Female"},
}
WHO = {"Identifiers": [{"ID": "X9", "IDType": "MR"}]}


class Desk:
    """A Redox in front of `north` and `south`, asked by messages."""

    def __init__(self, **settings: Any) -> None:
        directory = Directory()
        told: dict[str, Any] = {"redox": settings} if settings else {}
        options = SiteOptions(
            "hub", "redox", stepped=True, open_access=True, fronts=("north", "south"), settings=told
        )
        self.site = directory.add(build_site(options))
        self.north: Site = directory.add(build_site(SiteOptions("north", patients=5, stepped=True)))
        self.south: Site = directory.add(build_site(SiteOptions("south", stepped=True)))

    def raw(self, body: bytes, method: str = "POST") -> tuple[int, Any]:
        exchange = Exchange("proprietary", method, "/endpoint", body=body, peer="192.0.2.1")
        reply = self.site.handle(exchange).reply
        assert reply is not None
        return reply.status, orjson.loads(reply.body)

    def ask(self, model: str, event: str, *to: str, **body: Any) -> tuple[int, Any]:
        meta = {"DataModel": model, "EventType": event, "Destinations": [{"Name": name} for name in to or ("north",)]}
        return self.raw(orjson.dumps({"Meta": meta} | body))

    def with_erika(self) -> Desk:
        assert self.ask("PatientAdmin", "NewPatient", Patient=ERIKA)[0] == 200
        return self

    def stored(self, resource_type: str) -> list[dict[str, Any]]:
        return [record.document for record in self.north.store.overlay(resource_type)]


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Nobody writes here."""
    return Desk()


def of_first(desk: Desk) -> dict[str, Any]:
    record = desk.north.store.read("Patient", "p0")
    assert record is not None
    return record.document


@pytest.mark.behaviour("redox", "one-endpoint", "meta-echo", "meta-logs", "search-one")
def test_a_search_by_demographics_finds_the_one_who_fits(desk: Desk) -> None:
    someone = of_first(desk)
    name = someone["name"][0]
    who = {"FirstName": name["given"][0], "LastName": name["family"], "DOB": someone["birthDate"]}
    status, told = desk.ask("PatientSearch", "Query", Patient={"Demographics": who})
    assert status == 200
    assert told["Patient"]["Demographics"]["LastName"] == name["family"]
    assert {"ID": "p0", "IDType": "FHIR"} in told["Patient"]["Identifiers"]
    meta = told["Meta"]
    assert (meta["DataModel"], meta["EventType"]) == ("PatientSearch", "Query")
    assert [one["Name"] for one in meta["Destinations"]] == ["north"]
    assert len(meta["Logs"]) == 1
    assert isinstance(meta["Message"]["ID"], int)
    assert "Errors" not in meta
    by_id = {"ID": meta["Destinations"][0]["ID"]}
    body = {"Meta": {"DataModel": "PatientSearch", "EventType": "Query", "Destinations": [by_id]}}
    assert desk.raw(orjson.dumps(body | {"Patient": {"Identifiers": [{"ID": "p0", "IDType": "FHIR"}]}}))[0] == 200
    assert "Logs" not in Desk(logs=False).ask("PatientSearch", "Query", Patient=WHO)[1]["Meta"]


@pytest.mark.behaviour("redox", "message-ids")
def test_message_ids_tell_no_order(desk: Desk) -> None:
    ids = [desk.ask("PatientSearch", "Query", Patient=WHO)[1]["Meta"]["Message"]["ID"] for _ in range(8)]
    assert len(set(ids)) == 8
    assert ids != sorted(ids)


@pytest.mark.behaviour("redox", "search-none")
@pytest.mark.parametrize("kind", ["MR", "FHIR", "EHRID"])
def test_a_search_that_finds_nobody_has_an_empty_patient(desk: Desk, kind: str) -> None:
    status, told = desk.ask("PatientSearch", "Query", Patient={"Identifiers": [{"ID": "nobody", "IDType": kind}]})
    assert (status, told["Patient"], "Errors" in told["Meta"]) == (200, {}, False)


@pytest.mark.behaviour("redox", "search-several")
def test_a_search_that_several_fit_names_them_all() -> None:
    desk = Desk().with_erika().with_erika()
    status, told = desk.ask("PatientSearch", "Query", Patient={"Demographics": ERIKA["Demographics"]})
    assert (status, told["Patient"], len(told["PotentialMatches"])) == (200, {}, 2)


@pytest.mark.behaviour("redox", "search-incomplete")
def test_a_search_that_says_too_little_is_refused_with_errors(desk: Desk) -> None:
    status, told = desk.ask("PatientSearch", "Query", Patient={"Demographics": {"LastName": "Muster"}})
    assert status == 400
    assert [(one["Type"], one["Module"]) for one in told["Meta"]["Errors"]] == [("message", "DataModels")]


@pytest.mark.behaviour("redox", "missing-parts")
def test_verb_destination_and_event_type_have_to_be_there(desk: Desk) -> None:
    assert desk.raw(b"", "GET")[0] == 404
    assert desk.ask("PatientSearch", "Query", "west")[0] == 403
    assert desk.raw(b'{"Meta":{"DataModel":"PatientSearch","EventType":"Query"}}')[0] == 403
    assert desk.ask("PatientSearch", "Nonsense")[0] == 404
    other = Desk(missing={"verb": 403, "destination": 404, "event": 403})
    assert [other.raw(b"", "GET")[0], other.ask("PatientSearch", "Query", "west")[0]] == [403, 404]
    assert other.ask("PatientSearch", "Nonsense")[0] == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"Meta":7}', b'{"Meta":{"Destinations":[1]}}', b"null"])
def test_what_is_no_message_is_refused_and_not_a_failure_of_ours(desk: Desk, body: bytes) -> None:
    status, told = desk.raw(body)
    assert status in (400, 403, 404)
    assert told["Meta"]["Errors"]


@pytest.mark.behaviour("redox", "one-synchronous")
def test_a_query_has_one_destination(desk: Desk) -> None:
    status, told = desk.ask("PatientSearch", "Query", "north", "south", Patient=WHO)
    assert status == 400
    (error,) = told["Meta"]["Errors"]
    assert (error["Type"], error["Module"]) == ("message", "DataModels")
    assert error["Text"].startswith("Invalid synchronous destination")


@pytest.mark.behaviour("redox", "partial-success")
@pytest.mark.parametrize("rule", [{"use": "rate-limit", "with": {"budget": 1}}, {"use": "reset"}])
def test_a_destination_that_fails_is_a_success_with_errors(rule: dict[str, Any]) -> None:
    desk = Desk()
    desk.ask("PatientSearch", "Query", Patient=WHO)
    desk.north.arm(rule)
    desk.ask("PatientSearch", "Query", Patient=WHO)
    status, told = desk.ask("PatientSearch", "Query", Patient=WHO)
    assert status == 200
    (error,) = told["Meta"]["Errors"]
    assert (error["Type"], error["Module"]) == ("transmission", "Send")
    assert "Patient" not in told


@pytest.mark.behaviour("redox", "partial-success")
def test_of_two_destinations_one_may_fail() -> None:
    desk = Desk()
    desk.south.arm({"use": "reset"})
    status, told = desk.ask("PatientAdmin", "NewPatient", "north", "south", Patient=ERIKA)
    assert (status, len(told["Meta"]["Errors"]), len(told["Meta"]["Destinations"])) == (200, 1, 2)
    assert len(desk.stored("Patient")) == 1


@pytest.mark.behaviour("redox", "destination-400")
def test_what_the_destination_refuses_is_refused_and_names_its_status() -> None:
    status, told = Desk().ask(
        "PatientAdmin", "NewPatient", Patient={"Demographics": {"LastName": "X", "DOB": "soon"}}
    )
    assert status == 400
    (error,) = told["Meta"]["Errors"]
    assert (error["Type"], error["Module"]) == ("transmission", "Send")
    assert error["Text"] == "north returned status code 422"


def test_a_destination_that_takes_minutes_is_waited_for_no_longer() -> None:
    desk = Desk()
    desk.north.arm({"use": "latency", "with": {"delay": "121s"}})
    assert desk.ask("PatientSearch", "Query", Patient=WHO)[0] == 504


@pytest.mark.behaviour("redox", "patient-admin")
def test_a_patient_is_made_and_changed_at_the_destination() -> None:
    desk = Desk().with_erika()
    status, told = desk.ask("PatientAdmin", "PatientUpdate", Patient=WHO | {"Demographics": {"LastName": "Mann"}})
    assert (status, set(told)) == (200, {"Meta"})
    (stored,) = desk.stored("Patient")
    assert stored["name"] == [{"use": "official", "family": "Mann", "given": ["Erika"]}]
    assert stored["birthDate"] == "1980-03-04"
    found = desk.ask("PatientSearch", "Query", Patient=WHO)[1]["Patient"]
    assert {"ID": "X9", "IDType": "MR"} in found["Identifiers"]
    assert desk.ask("PatientAdmin", "PatientUpdate", Patient={"Identifiers": [{"ID": "no"}]})[0] == 400


@pytest.mark.behaviour("redox", "scheduling-booked", "scheduling-writes")
def test_visits_are_booked_moved_cancelled_and_listed() -> None:
    desk = Desk().with_erika()
    booked = desk.ask(
        "Scheduling", "New", Patient=WHO, Visit={"VisitDateTime": "2026-02-01T10:00:00Z", "Reason": "Check"}
    )
    assert (booked[0], set(booked[1])) == (200, {"Meta"})
    window = {"StartDateTime": "2026-01-31T00:00:00+00:00", "EndDateTime": "2026-03-01T00:00:00Z"}
    (visit,) = desk.ask("Scheduling", "Booked", Patient=WHO, **window)[1]["Visits"]
    assert visit["VisitDateTime"].startswith("2026-02-01T10:00:00")
    assert (visit["Duration"], visit["Status"], visit["Reason"]) == (15, "Scheduled", "Check")
    assert visit["Patient"]["Demographics"]["LastName"] == "Muster"
    number = visit["VisitNumber"]
    moved = {"VisitNumber": number, "VisitDateTime": "2026-02-02T10:00:00Z"}
    assert desk.ask("Scheduling", "Reschedule", Patient=WHO, Visit=moved)[0] == 200
    assert desk.stored("Appointment")[0]["start"].startswith("2026-02-02")
    assert desk.ask("Scheduling", "Cancel", Patient=WHO, Visit={"VisitNumber": number})[0] == 200
    assert desk.stored("Appointment")[0]["status"] == "cancelled"
    assert desk.ask("Scheduling", "NoShow", Visit={"VisitNumber": number})[0] == 200
    assert desk.stored("Appointment")[0]["status"] == "noshow"
    assert desk.ask("Scheduling", "Cancel", Visit={"VisitNumber": "none"})[0] == 400
    assert desk.ask("Scheduling", "New", Patient=WHO, Visit={"VisitDateTime": "tomorrow"})[0] == 400


@pytest.mark.behaviour("redox", "scheduling-booked")
def test_visits_of_the_population_name_provider_and_place(desk: Desk) -> None:
    status, told = desk.ask("Scheduling", "Booked", StartDateTime="2000-01-01T00:00:00Z")
    assert status == 200
    visit = told["Visits"][0]
    assert visit["AttendingProvider"]["ID"]
    assert visit["Patient"]["Identifiers"]
    assert {"VisitNumber", "VisitDateTime", "Duration", "Status", "Reason"} <= set(visit)


@pytest.mark.behaviour("redox", "scheduling-none")
def test_a_time_without_visits_is_an_empty_list(desk: Desk) -> None:
    window = {"StartDateTime": "1984-01-01T00:00:00+00:00", "EndDateTime": "1984-01-02T00:00:00+00:00"}
    status, told = desk.ask("Scheduling", "Booked", **window)
    assert (status, told["Visits"]) == (200, [])
    assert desk.ask("Scheduling", "Booked")[0] == 400


@pytest.mark.behaviour("redox", "media-new", "notes-new")
def test_files_and_notes_become_documents() -> None:
    desk = Desk().with_erika()
    media = {"FileType": "TEXT", "FileName": "hello.txt", "FileContents": "aGVsbG8K\n", "DocumentType": "Greeting"}
    status, told = desk.ask("Media", "New", Patient=WHO, Media=media | {"DocumentID": "42"})
    assert (status, set(told)) == (200, {"Meta"})
    assert desk.ask("Notes", "New", Patient=WHO, Note={"ContentText": "All well", "DocumentType": "Note"})[0] == 200
    first, second = desk.stored("DocumentReference")
    attachment = first["content"][0]["attachment"]
    assert (attachment["contentType"], b64decode(attachment["data"])) == ("text/plain", b"hello\n")
    assert first["identifier"] == [{"value": "42"}]
    assert b64decode(second["content"][0]["attachment"]["data"]) == b"All well"
    assert desk.ask("Media", "New", Patient=WHO, Media={"FileType": "PDF"})[0] == 400


@pytest.mark.behaviour("redox", "results-new")
def test_results_become_a_report_with_observations() -> None:
    desk = Desk().with_erika()
    glucose = {"Code": "2345-7", "Codeset": "LOINC", "Description": "Glucose", "Value": "5.5", "Units": "mmol/L"}
    order = {"Procedure": {"Code": "24323-8", "Codeset": "LOINC"}, "ResultsStatus": "Final", "Results": [glucose]}
    assert desk.ask("Results", "New", Patient=WHO, Orders=[order])[0] == 200
    (observation,), (report,) = desk.stored("Observation"), desk.stored("DiagnosticReport")
    assert observation["valueQuantity"] == {"value": 5.5, "unit": "mmol/L"}
    assert report["result"] == [{"reference": f"Observation/{observation['id']}"}]
    assert desk.ask("Results", "New", Patient=WHO, Orders=[])[0] == 400


@pytest.mark.behaviour("redox", "clinical-summary")
def test_a_summary_has_a_list_for_each_section(desk: Desk) -> None:
    status, told = desk.ask(
        "Clinical Summary", "PatientQuery", Patient={"Identifiers": [{"ID": "p0", "IDType": "FHIR"}]}
    )
    assert status == 200
    sections = {
        "Allergies",
        "Encounters",
        "Immunizations",
        "Medications",
        "Problems",
        "Procedures",
        "Results",
        "VitalSigns",
    }
    assert sections | {"Header", "Meta"} == set(told)
    assert told["Header"]["Patient"]["Demographics"]["LastName"]
    assert all(isinstance(told[name], list) for name in sections)
    assert any(one["Value"] for one in told["VitalSigns"])
    assert told["Encounters"][0]["DateTime"]


def test_every_message_leaves_an_entry_that_names_it_and_those_behind() -> None:
    desk = Desk()
    desk.ask("PatientSearch", "Query", Patient=WHO)
    (entry,) = desk.site.journal
    assert entry.interaction is not None
    assert entry.interaction.name == "PatientSearch Query"
    assert [one["site"] for one in entry.notes["behind"]] == ["north"]
