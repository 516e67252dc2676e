"""The audit trail of a site: whose records were accessed, and the AuditEvents that a search finds of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.sites.browser import Browser

from mockehr.core.exchange import Exchange
from mockehr.journal.audit import Access
from mockehr.journal.audit_filter import AccessFilter
from mockehr.journal.ring import RESULTS_KEPT
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://h.example.org/a"
CONDITION = {"resourceType": "Condition", "subject": {"reference": "Patient/p3"}}


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("a", patients=5, stepped=True, open_access=True))


def ask(site: Site, path: str, query: str = "", method: str = "GET", document: Any = None) -> Exchange:
    body = json.dumps(document).encode() if document is not None else b""
    headers = {"content-type": "application/fhir+json"} if body else {}
    return site.handle(Exchange("fhir", method, path, query, headers, body, base_url=BASE))


def told(exchange: Exchange, status: int = 200) -> Any:
    assert exchange.reply is not None
    assert exchange.reply.status == status, exchange.reply.body
    return json.loads(exchange.reply.body)


def ids(exchange: Exchange) -> list[str]:
    return [entry["resource"]["id"] for entry in told(exchange).get("entry", ())]


def last(site: Site) -> Access:
    return site.audit.accesses()[-1]


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_whose_records_a_search_found_is_known_without_drawing_a_chart(vendor: str) -> None:
    site = build_site(SiteOptions("a", vendor, patients=5, stepped=True, open_access=True))
    patients = list(site.store.base.everyone())
    ask(site, "/Condition", f"patient={patients[2]}")
    found = site.journal.get(1)
    assert len(found.returned) > 1
    found.query, found.result = "", None  # as after many more entries
    assert last(site).patients == (patients[2],)


def test_written_records_are_of_whom_they_are_now_and_deleted_ones_of_whom_they_were(site: Site) -> None:
    made = told(ask(site, "/Condition", method="POST", document=CONDITION), 201)["id"]
    assert (last(site).what, last(site).patients) == ("create", ("p3",))
    ask(site, f"/Condition/{made}", method="DELETE")
    assert (last(site).what, last(site).resources, last(site).patients) == ("delete", (f"Condition/{made}",), ("p3",))
    site.log.clear()
    site.audit = type(site.audit)(site)
    assert last(site).patients == ("p3",)


def test_a_record_moved_to_another_patient_is_of_that_one(site: Site) -> None:
    record = told(ask(site, "/Condition", "patient=p1&_count=1"))["entry"][0]["resource"]
    ask(site, f"/Condition/{record['id']}", method="PUT", document={**record, "subject": {"reference": "Patient/p4"}})
    ask(site, f"/Condition/{record['id']}")
    site.journal.get(3).result = None
    assert last(site).patients == ("p4",)


def test_patients_survive_when_the_journal_lets_go_of_results(site: Site) -> None:
    id = ids(ask(site, "/Observation", "patient=p2&_count=1"))[0]
    ask(site, "/Observation", f"_id={id}")
    for _ in range(RESULTS_KEPT + 1):
        ask(site, "/Patient/p0")
    assert site.journal.get(2).result is None
    assert site.audit.accesses()[1].patients == ("p2",)


def test_a_merge_over_hl7_is_of_both_patients(site: Site) -> None:
    def send(event: str, rest: str) -> None:
        text = f"MSH|^~\\&|LAB|B|C|D|20260105||{event}|{len(site.journal)}|P|2.5.1\rEVN||20260105\r{rest}\r"
        site.handle(Exchange("mllp-in", "SEND", body=text.encode(), peer="192.0.2.1"))

    send("ADT^A28", "PID|1||1^^^WARD^MR||Muster^Erika")
    send("ADT^A28", "PID|1||2^^^WARD^MR||Muster^Erika")
    first, second = (access.patients[0] for access in site.audit.accesses())
    send("ADT^A40", "PID|1||1^^^WARD^MR||Muster^Erika\rMRG|2^^^WARD^MR")
    assert set(last(site).patients) == {first, second}
    assert (last(site).what, last(site).client, last(site).outcome) == ("message-in", "LAB", "success")


def test_who_signed_in_is_told_of_the_token_and_of_every_request_made_with_it() -> None:
    browser = Browser()
    made = browser.granted(scope="launch/patient openid fhirUser patient/Patient.rs")
    browser.read(f"Patient/{made['patient']}", made["access_token"])
    read, token = last(browser.site), browser.site.audit.accesses(AccessFilter(what="token"))[-1]
    assert read.user.startswith("Practitioner/")
    assert (read.client, read.patients) == ("app", (made["patient"],))
    assert (token.user, token.patients, token.client) == (read.user, (made["patient"],), "app")
    assert made["access_token"] not in json.dumps([access.as_json() for access in browser.site.audit.accesses()])


def test_a_request_that_was_refused_names_whose_record_it_was_after(site: Site) -> None:
    closed = build_site(SiteOptions("b", patients=5, stepped=True))
    ask(closed, "/Condition/p3-7")
    assert (last(closed).outcome, last(closed).patients) == ("refused", ("p3",))
    assert last(closed).reason == "no-token: A bearer token is required"


def test_what_is_not_over_is_no_access_and_what_the_journal_forgot_is_none_any_more(site: Site) -> None:
    ask(site, "/Patient/p0")
    assert [access.entry for access in site.audit.accesses()] == [1]
    site.journal.open(Exchange("fhir", path="/Patient/p1"))
    assert [access.entry for access in site.audit.accesses()] == [1]
    site.journal.clear()
    ask(site, "/Patient/p2")
    assert [access.patients for access in site.audit.accesses()] == [("p2",)]
    site.journal.clear()
    assert site.audit.accesses() == []


# AuditEvents


def test_accesses_are_found_as_audit_events_beside_those_that_clients_wrote(site: Site) -> None:
    ask(site, "/Patient/p0")
    ask(site, "/Observation", "patient=p1&_count=2")
    own = told(ask(site, "/AuditEvent/access-1"))
    foreign = {name: value for name, value in own.items() if name not in ("id", "meta")}
    written = told(ask(site, "/AuditEvent", method="POST", document=foreign), 201)["id"]
    assert set(ids(ask(site, "/AuditEvent", "patient=p0&action=R"))) == {"access-1", written}
    assert ids(ask(site, "/AuditEvent", "patient=p1&action=E")) == ["access-2"]
    assert ids(ask(site, "/AuditEvent", "_id=access-2")) == ["access-2"]
    assert told(ask(site, "/AuditEvent/access-1/_history/1")) == own


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=rest&subtype=read&outcome=0", ["access-1"]),
        ("date=ge2026-01-05T12:01:00Z&subtype=search", ["access-2"]),
        ("date=lt2026-01-05T12:01:00Z&type=rest", ["access-1"]),
        ("entity=Patient/p0", ["access-1"]),
        ("outcome=4", ["access-3"]),
        ("patient=p1&_sort=-date&_count=1", ["access-2"]),
        ("agent-name=portal", []),
    ],
)
def test_the_usual_parameters_find_them(site: Site, query: str, found: list[str]) -> None:
    ask(site, "/Patient/p0")
    site.clock.advance(60)
    ask(site, "/Observation", "patient=p1&_count=2")
    ask(site, "/Nowhere/x")
    assert ids(ask(site, "/AuditEvent", query)) == found


def test_agents_are_found_by_the_client_and_by_who_signed_in() -> None:
    browser = Browser(scopes="launch/patient openid fhirUser user/*.rs patient/*.rs")
    made = browser.granted(scope="launch/patient openid fhirUser user/Patient.rs user/AuditEvent.rs")
    browser.read(f"Patient/{made['patient']}", made["access_token"])
    entry, user = last(browser.site).entry, last(browser.site).user
    for query in ("agent-name=app", f"agent={user}", "agent:identifier=app"):
        found = browser.read(
            f"AuditEvent?subtype=read&entity=Patient/{made['patient']}&{query}", made["access_token"]
        )
        assert ids(found) == [f"access-{entry}"], query


def test_the_same_search_finds_more_each_time(site: Site) -> None:
    assert ids(ask(site, "/AuditEvent", "type=rest")) == []
    assert ids(ask(site, "/AuditEvent", "type=rest")) == ["access-1"]
    assert ids(ask(site, "/AuditEvent", "type=rest")) == ["access-1", "access-2"]


def test_numbers_that_are_given_again_mean_what_they_were_given_to_last(site: Site) -> None:
    for patient in ("p0", "p1"):
        site.journal.clear()
        ask(site, f"/Patient/{patient}")
        found = told(ask(site, "/AuditEvent/access-1"))
        assert found["entity"][0]["what"]["reference"] == f"Patient/{patient}"


@pytest.mark.parametrize(
    "id", ["access-2", "access-3", "access-0", "access-01", "access-", "access--1", "access-9" * 9]
)
def test_no_audit_event_is_where_no_access_was(site: Site, id: str) -> None:
    ask(site, "/Patient/p0")
    told(ask(site, f"/AuditEvent/{id}"), 404)  # the first of these is the request itself, which is not over


def test_everything_of_a_patient_is_the_chart_and_not_who_looked_at_it(site: Site) -> None:
    first, again = (told(ask(site, "/Patient/p0/$everything"))["total"] for _ in range(2))
    assert first == again


def test_a_patients_own_token_sees_accesses_of_that_patient_alone(site: Site) -> None:
    browser = Browser(scopes="launch/patient patient/*.rs system/*.rs")
    browser.site.open_access = True
    patient = browser.patient()
    for query in (f"_id={patient}", f"_id={patient},{browser.patient(1)}", f"_id={browser.patient(1)}"):
        ask(browser.site, "/Patient", query)
    browser.site.open_access = False
    made = browser.granted(scope="launch/patient patient/AuditEvent.rs")
    assert made["patient"] == patient
    found = told(browser.read("AuditEvent?entity-type=1&subtype=search", made["access_token"]))
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["access-1"]
    told(browser.read("AuditEvent/access-2", made["access_token"]), 403)
    told(browser.read("AuditEvent/access-3", made["access_token"]), 403)
