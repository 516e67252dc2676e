"""HL7 v2 feeds: which changes become which messages, over which links, in which order, and what is counted."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.changes import QUIET, Change
from mockehr.core.exchange import Exchange
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.emit import told_by
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": "Muster", "given": ["Erika"]}]}
SUBJECT = {"reference": "Patient/a"}
VISIT = {"resourceType": "Encounter", "id": "v", "class": {"code": "IMP"}, "subject": SUBJECT}
RESULT = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"text": "Glucose"},
    "subject": SUBJECT,
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r",
    "status": "final",
    "code": {"text": "Panel"},
    "subject": SUBJECT,
    "result": [{"reference": "Observation/o"}],
}
ADMISSION = (
    b"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A28|M1|P|2.5.1\rEVN|A28|20260105120000\r"
    b"PID|1||90001^^^WARD^MR||Muster^Max||19800304|M\r"
)


def made() -> Site:
    return build_site(SiteOptions("a", stepped=True, open_access=True))


def link(site: Site, *messages: str, name: str = "lab") -> Link:
    return site.links.add(Link(name, "127.0.0.1", 1, messages or ("*",)))


def write(site: Site, document: dict[str, Any], kind: Any = "create", **more: Any) -> None:
    site.store.commit(document, kind=kind, source=more.pop("source", "control"), **more)


def kinds(one: Link) -> list[str]:
    return [exchange.interaction.name for exchange in one.ready if exchange.interaction is not None]


def change(kind: Any, document: dict[str, Any], event: str = "") -> Change:
    return Change(1, kind, document["resourceType"], document["id"], 1, 0.0, "fhir", document, event=event)


@pytest.mark.parametrize(
    ("kind", "document", "event", "message"),
    [
        ("create", PATIENT, "", "ADT^A28"),
        ("update", PATIENT, "", "ADT^A08"),
        ("update", PATIENT, "ADT^A40", "ADT^A40"),
        ("update", PATIENT, QUIET, ""),
        ("create", VISIT | {"status": "in-progress"}, "", "ADT^A01"),
        ("update", VISIT | {"status": "finished"}, "", "ADT^A03"),
        ("update", VISIT | {"status": "cancelled"}, "", "ADT^A11"),
        ("update", VISIT | {"status": "planned"}, "", "ADT^A05"),
        ("update", VISIT | {"status": "on-leave"}, "", ""),
        ("delete", VISIT | {"status": "finished"}, "", "ADT^A23"),
        ("delete", PATIENT, "", "ADT^A29"),
        ("create", REPORT, "", "ORU^R01"),
        ("delete", REPORT, "", ""),
        ("create", RESULT, "", ""),
    ],
)
def test_a_change_is_told_by_its_message(kind: Any, document: dict[str, Any], event: str, message: str) -> None:
    assert told_by(change(kind, document, event), GENERIC) == message


def test_changes_go_out_in_the_order_in_which_they_were_committed() -> None:
    site = made()
    feed = link(site)
    write(site, PATIENT)
    write(site, VISIT | {"status": "in-progress"})
    write(site, RESULT)
    write(site, REPORT)
    write(site, VISIT | {"status": "finished"}, "update")
    assert kinds(feed) == ["ADT^A28", "ADT^A01", "ORU^R01", "ADT^A03"]
    assert [list(exchange.changes) for exchange in feed.ready] == [[1], [2], [4], [5]]
    assert [exchange.number for exchange in feed.ready] == [1, 2, 3, 4]
    assert feed.number == 4


def test_a_report_carries_its_results_and_its_patient() -> None:
    site = made()
    feed = link(site, "ORU^*")
    for document in (PATIENT, RESULT, REPORT):
        write(site, document)
    (message,) = feed.ready
    assert b"Muster^Erika" in message.body
    assert b"Glucose" in message.body
    assert message.patient == "a"


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        (("*",), ["ADT^A28", "ADT^A01", "ORU^R01"]),
        (("ADT^*",), ["ADT^A28", "ADT^A01"]),
        (("ADT^A01", "ORU^R01"), ["ADT^A01", "ORU^R01"]),
        (("MDM^*",), []),
    ],
)
def test_a_link_carries_the_messages_that_it_is_for(messages: tuple[str, ...], sent: list[str]) -> None:
    site = made()
    feed = link(site, *messages)
    for document in (PATIENT, VISIT | {"status": "in-progress"}, REPORT):
        write(site, document)
    assert kinds(feed) == sent
    assert feed.number == len(sent)


def test_links_number_their_messages_apart() -> None:
    site = made()
    everything, reports = link(site, name="all"), link(site, "ORU^*", name="reports")
    for document in (PATIENT, RESULT, REPORT):
        write(site, document)
    ids = [[exchange.body.split(b"|")[9] for exchange in feed.ready] for feed in (everything, reports)]
    assert ids == [[b"1", b"2"], [b"1"]]
    assert [exchange.peer for exchange in reports.ready] == ["reports"]


def test_what_came_in_over_hl7_is_not_sent_back_out() -> None:
    site = made()
    feed = link(site)
    site.handle(Exchange("mllp-in", "SEND", body=ADMISSION))
    assert [one.source for one in site.log.changes] == ["hl7"]
    assert not feed.ready


def test_a_change_of_nobody_known_is_not_told() -> None:
    site = made()
    feed = link(site)
    write(site, VISIT | {"status": "in-progress"})
    write(site, PATIENT)
    write(site, PATIENT, "delete")
    write(site, REPORT)
    assert [list(exchange.changes) for exchange in feed.ready] == [[2], [3]]


@pytest.mark.parametrize(
    ("code", "matched", "acknowledged"),
    [("AA", True, 1), ("CA", True, 1), ("AE", True, 0), ("AR", True, 0), ("AA", False, 0), ("", False, 0)],
)
def test_only_a_matching_acceptance_counts_as_acknowledged(code: str, matched: bool, acknowledged: int) -> None:
    site = made()
    feed = link(site)
    told: list[tuple[str, int]] = []
    site.links.settled = lambda one, exchange: told.append((one.name, exchange.number))
    write(site, PATIENT)
    exchange = feed.ready.popleft()
    site.links.settle(feed, exchange, code=code, matched=matched, ack=b"MSA", error="" if matched else "no answer")
    refused = code in ("AE", "AR")
    assert (feed.acknowledged, feed.failed, len(feed.resting)) == (
        acknowledged,
        refused,
        not (acknowledged or refused),
    )
    assert exchange.reply is not None
    assert (exchange.reply.status, exchange.reply.body) == (200 if acknowledged else 400, b"MSA")
    assert exchange.notes["ack"] == code
    assert exchange.notes.get("failure", "") == ("" if matched else "no answer")
    assert told == [("lab", 1)]


def test_a_reset_forgets_what_waits_and_counts_from_one_again() -> None:
    site = made()
    feed = link(site)
    write(site, PATIENT)
    write(site, PATIENT, "update")
    site.links.settle(feed, feed.ready.popleft(), code="AA", matched=True, ack=b"", error="")
    site.reset()
    assert (list(feed.ready), feed.number, feed.acknowledged, feed.failed) == ([], 0, 0, 0)
    assert site.links.links == {"lab": feed}
    write(site, PATIENT)
    assert feed.ready[0].body.split(b"|")[9] == b"1"


def test_the_pump_is_woken_for_every_link_and_message() -> None:
    site = made()
    woken: list[int] = []
    site.links.wake = lambda: woken.append(1)
    link(site, "ADT^*")
    assert len(woken) == 1
    write(site, PATIENT)
    write(site, RESULT)
    assert len(woken) == 2


def test_a_time_that_is_none_leaves_the_change_untold_and_written() -> None:
    site = made()
    feed = link(site, "ORU^*")
    write(site, PATIENT)
    write(site, REPORT | {"effectiveDateTime": "yesterday at noon"})
    assert site.store.read("DiagnosticReport", "r") is not None
    assert not feed.ready
    assert [number for number, _ in feed.untold] == [2]
    assert feed.number == 0
