"""Stories of HL7 v2: messages that come in, messages that go out, messages that go to a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.control.tries.visit import Visit, text_of
from mockehr.core.exchange import Exchange
from mockehr.hl7.batch import Plan, write_batch
from mockehr.sites.feeds import Link

_SUBJECT: Final = {"reference": "Patient/a"}
_ERIKA: Final[Mapping[str, Any]] = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "00042"}, {"system": "urn:oid:1.2.4", "value": "E7"}],
    "name": [{"family": "Müller", "given": ["Zoë"]}],
    "birthDate": "1980-03-04",
    "gender": "female",
}
_MAX: Final[Mapping[str, Any]] = {
    "resourceType": "Patient",
    "id": "b",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "43"}],
    "name": [{"family": "Muster", "given": ["Max"]}],
}
_SUGAR: Final[Mapping[str, Any]] = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}]},
    "subject": _SUBJECT,
    "valueQuantity": {"value": 5.1, "unit": "mg/dL"},
}
_NOTE: Final[Mapping[str, Any]] = {
    "resourceType": "Observation",
    "id": "n",
    "status": "final",
    "code": {"text": "Comment"},
    "subject": _SUBJECT,
    "valueString": "Salt & pepper\n\nsecond",
}
_REPORT: Final[Mapping[str, Any]] = {
    "resourceType": "DiagnosticReport",
    "id": "r",
    "status": "final",
    "code": {"text": "Panel"},
    "subject": _SUBJECT,
    "effectiveDateTime": "2026-01-05T11:00:00Z",
    "result": [{"reference": "Observation/o"}, {"reference": "Observation/n"}],
}
_LAST: Final[Mapping[str, Any]] = {"resourceType": "Patient", "id": "z", "name": [{"family": "Last"}]}


def received(visit: Visit) -> None:
    """Two admissions over one link, and how many persons the hospital has then."""
    for number in (1, 2):
        text = (
            f"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A28^ADT_A05|M{number}|P|2.5.1\r"
            f"EVN|A28|20260105120000\rPID|1||{number}^^^WARD^MR||Muster^Erika\r"
        )
        exchange = Exchange("mllp-in", method="SEND", path="/ward", body=text.encode(), peer="ward")
        visit.saw(visit.site.handle(exchange), f"ADT^A28 number M{number} is sent and acknowledged")
    visit.note("persons that came in", f"  {len(list(visit.site.store.overlay('Patient')))}")


def sent(visit: Visit) -> None:
    """Two persons, a report and a merge, as a peer gets them that acknowledges everything."""
    link = visit.site.links.add(Link("lab", "127.0.0.1", 1))
    _happen(visit)
    for _ in range(60):
        taken = visit.site.links.take(link)
        if not taken:
            visit.wait(60)
            taken = visit.site.links.take(link)
        if not taken:
            return
        for exchange in taken:
            visit.saw(exchange, "the peer gets a message")
            ack = _accepted(exchange.body)
            visit.site.links.settle(link, exchange, code="AA", matched=True, ack=ack, error="")


def _accepted(body: bytes) -> bytes:
    fields = body.split(b"\r")[0].split(body[3:4] or b"|")
    control_id = fields[9] if len(fields) > 9 else b""
    return b"MSH|^~\\&|LAB|LAB|EHR|EHR|20260105||ACK|1|P|2.5.1\rMSA|AA|" + control_id + b"\r"


def batch(visit: Visit) -> None:
    """The same, written to a file."""
    link = visit.site.links.add(Link("lab", "127.0.0.1", 1))
    _happen(visit)
    taken = [link.ready.popleft() for _ in range(len(link.ready))]
    plan: Plan = visit.site.mischief.amend("on_batch", Plan([one.body for one in taken]), taken[0])
    octets = write_batch(
        plan.messages,
        visit.site.dialect,
        at=visit.site.clock.now(),
        control_id="lab-1",
        name="lab-000001.hl7",
        headers=plan.headers,
        batch_count=plan.batch_count,
        file_count=plan.file_count,
    )
    octets = octets[: len(octets) - plan.cut]
    visit.exchanges.append(taken[0])
    for copy in range(1 + plan.again):
        visit.note(f"file {copy + 1} is laid for the peer", *(f"    {line}" for line in text_of(octets)))


def _happen(visit: Visit) -> None:
    def write(document: Mapping[str, Any], kind: Any = "create", event: str = "") -> None:
        visit.site.store.commit(dict(document), kind=kind, source="control", event=event)

    for document in (_ERIKA, _MAX, _SUGAR, _NOTE, _REPORT):
        write(document)
    back = {"other": {"reference": "Patient/a"}, "type": "replaced-by"}
    write({**_MAX, "active": False, "link": [back]}, "update", "-")
    forth = {"other": {"reference": "Patient/b"}, "type": "replaces"}
    write({**_ERIKA, "link": [forth]}, "update", "ADT^A40")
    write(_LAST)
