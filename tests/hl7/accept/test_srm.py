"""Requests for appointments: what they ask to be written, and the SRR that answers, over a site of its own."""

import json
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.exchange import Exchange
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Known, Upsert
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

AT = 1_767_614_400.0
PID = "PID|1||90001^^^H1^MR||Muster^Erika||19800304|F"
REQUEST = ["NTE|1||Fasting", PID, "RGS|1|A", "AIS|1|A|ECHO^Echocardiogram^L", "AIP|1|A|1234^Grey^Ada^^^^^^NPI|AT"]


def arq(filler: str = "", start: str = "20260110090000") -> str:
    return (
        f"ARQ|P1^CLINIC|{filler}||||ILL^Patient is ill^L|^Palpitations||30|min|{start}^20260110120000||||^Desk||||^X"
    )


def message(trigger: str, *segments: str, version: str = "2.5.1") -> Message:
    head = f"MSH|^~\\&|APP|H1|MOCKEHR|HOSPITAL|20260105120000||SRM^{trigger}|M{trigger}|P|{version}"
    return Message("\r".join([head, *segments, ""]).encode())


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("north", patients=0, stepped=True, open_access=True, seed=7))


def send(site: Site, trigger: str, *segments: str, version: str = "2.5.1") -> Message:
    body = bytes(message(trigger, *segments, version=version))
    reply = site.handle(Exchange("mllp-in", method="SEND", body=body)).reply
    assert reply is not None
    return Message(reply.body)


def appointments(site: Site) -> list[dict[str, Any]]:
    reply = site.handle(Exchange("fhir", path="/Appointment", query="identifier=P1")).reply
    assert reply is not None
    return [entry["resource"] for entry in json.loads(reply.body).get("entry", [])]


def test_a_request_books_and_the_answer_has_the_number_to_move_and_cancel_by(site: Site) -> None:
    reply = send(site, "S01", arq(), *REQUEST)
    assert [reply.get(path) for path in ("MSH-9", "MSA-1", "MSA-2")] == ["SRR^S01^SRR_S01", "AA", "MS01"]
    (booked,) = appointments(site)
    assert (booked["status"], booked["start"], booked["end"]) == (
        "booked", "2026-01-10T09:00:00Z", "2026-01-10T09:30:00Z",
    )  # fmt: skip
    assert (reply.get("SCH-1.1"), reply.get("SCH-2.1"), reply.get("SCH-25.1")) == ("P1", booked["id"], "Booked")
    assert sorted(one["value"] for one in booked["identifier"]) == sorted(["P1", booked["id"]])
    assert [one.id for one in reply.segments] == [
        "MSH", "MSA", "SCH", "TQ1", "NTE", "PID", "RGS", "AIS", "AIP",
    ]  # fmt: skip
    number = reply.bytes_at("SCH-2")
    assert number is not None
    moved = send(site, "S02", arq(number.decode(), "20260111090000"), PID)
    assert moved.get("SCH-11.4") == "20260111090000"
    gone = send(site, "S04", arq(number.decode()), PID)
    assert (gone.get("SCH-25.1"), gone.get("SCH-6.2")) == ("Cancelled", "Patient is ill")
    (cancelled,) = appointments(site)
    assert (cancelled["id"], cancelled["status"]) == (booked["id"], "cancelled")
    events = [change.event for change in site.log.changes if change.resource_type == "Appointment"]
    assert events == ["SIU^S12", "SIU^S13", "SIU^S15"]


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
def test_a_strict_reader_accepts_the_answer(site: Site, version: str) -> None:
    refused = send(site, "S02", arq("F9^H9"), *REQUEST, version=version)
    # Names no structure in MSH-9 of 2.3, and hl7apy knows that of S01 only.
    for raw in (
        bytes(send(site, "S01", arq(), *REQUEST, version=version)),
        bytes(refused).replace(b"SRR^S02|", b"SRR^S01|"),
    ):
        text = raw.decode()
        assert parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()


@pytest.mark.parametrize("trigger", ["S02", "S03", "S04", "S05", "S06"])
def test_what_is_not_known_cannot_be_changed(site: Site, trigger: str) -> None:
    reply = send(site, trigger, arq("F9^H9"), *REQUEST)
    assert (reply.get("MSA-1"), reply.get("ERR-2"), reply.get("ERR-3.1")) == ("AE", "ARQ^1^2", "204")
    assert reply.get("MSH-9") == f"SRR^{trigger}^SRR_S01"
    assert not reply.segment("SCH")
    assert not appointments(site)


def test_a_new_one_is_numbered_and_another_must_be_known() -> None:
    new = accept(message("S01", arq(), *REQUEST), Context(AT)).intents
    assert [type(one) for one in new] == [Upsert, Upsert]
    changed = accept(message("S03", arq(), *REQUEST), Context(AT)).intents
    assert [type(one) for one in changed] == [Upsert, Known, Upsert]


def test_what_cannot_be_applied_is_refused_with_its_place() -> None:
    for segments, expected in (
        ((PID,), (100, "ARQ")),
        ((arq(),), (100, "PID")),
        (("ARQ", PID), (101, "ARQ-2")),
        (("ARQ|P1", PID), (101, "ARQ-11")),
        ((arq(start="noon"), PID), (102, "ARQ-11")),
    ):
        with pytest.raises(Rejection) as caught:
            accept(message("S01", *segments), Context(AT))
        assert (caught.value.faults[0].code, caught.value.faults[0].place) == expected
