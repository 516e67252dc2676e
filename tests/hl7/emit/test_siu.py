"""Appointments that go out: shapes judged by hl7apy, values by reading them back, and which message tells of what."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.changes import Change
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message
from mockehr.hl7.scheduling import EVENT_REASON

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": AUTHORITY + "HOSP", "value": "42"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
}
DOCTOR: dict[str, Any] = {
    "resourceType": "Practitioner",
    "id": "d1",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1111111111"}],
    "name": [{"family": "Grey", "given": ["Ada"]}],
}
CLINIC: dict[str, Any] = {
    "resourceType": "Location",
    "id": "l1",
    "identifier": [{"system": "https://example.org/places", "value": "1006"}],
    "name": "A clinic with quite a long name",
}


def number(kind: str, value: str) -> dict[str, Any]:
    return {"type": {"coding": [{"system": V2_0203, "code": kind}]}, "system": AUTHORITY + "SCHED", "value": value}


APPOINTMENT: dict[str, Any] = {
    "resourceType": "Appointment",
    "id": "a1",
    "identifier": [number("PLAC", "P1"), number("FILL", "F1")],
    "status": "booked",
    "serviceType": [{"coding": [{"code": "ECHO", "display": "Echocardiogram"}], "text": "Echocardiogram"}],
    "appointmentType": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0276", "code": "CHECKUP"}]
    },
    "reasonCode": [{"text": "Palpitations"}],
    "start": "2026-01-10T09:00:00Z",
    "end": "2026-01-10T09:30:00Z",
    "minutesDuration": 30,
    "comment": "Fasting\nBring the referral",
    "participant": [
        {"actor": {"reference": "Patient/p1"}, "required": "required", "status": "accepted"},
        {"actor": {"reference": "Practitioner/d1"}, "required": "required", "status": "accepted"},
        {"actor": {"reference": "Location/l1"}, "required": "required", "status": "accepted"},
        {"actor": {"display": "Ultrasound 3"}, "required": "required", "status": "accepted"},
    ],
}  # fmt: skip
ALL = [APPOINTMENT, PATIENT, DOCTOR, CLINIC]


def written(name: str, appointment: dict[str, Any] = APPOINTMENT, dialect: Dialect = GENERIC) -> Message:
    return Message(emit(Event(name, AT, 7), [appointment, *ALL[1:]], dialect))


def strictly(message: Message) -> None:
    text = bytes(message).decode()
    if message.get("MSH-12") == "2.3":  # names no structure in MSH-9, and hl7apy knows that of S12 only
        text = text.replace(message.get("MSH-9"), "SIU^S12")
    assert parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize("trigger", EVENT_REASON)
def test_a_strict_reader_accepts_each_message(trigger: str, version: str) -> None:
    dialect = replace(GENERIC, version=version)
    strictly(written(f"SIU^{trigger}", dialect=dialect))
    bare = {"resourceType": "Appointment", "id": "a1", "status": "cancelled", "participant": [{"status": "accepted"}]}
    strictly(written(f"SIU^{trigger}", bare, dialect))


def test_an_appointment_of_the_generic_dialect_is_this() -> None:
    unit = "MIN^minutes^UCUM"
    when, state = "20260110090000", "Booked^Booked^HL70278"
    assert bytes(written("SIU^S12")).decode().split("\r") == [
        "MSH|^~\\&|MOCKEHR|HOSPITAL|CLIENT|CLIENT|20260105120000||SIU^S12^SIU_S12|7|P|2.5.1||||||UNICODE UTF-8",
        f"SCH|P1^SCHED|F1^SCHED||||NEW^New appointment^L|^Palpitations|CHECKUP^^HL70276|30|{unit}"
        f"|^^M30^{when}^20260110093000|||||1111111111^Grey^Ada^^^^^^NPI^^^^NPI||||MOCKEHR|||||{state}",
        f"TQ1|1|||||30^MIN&minutes&UCUM|{when}|20260110093000",
        "NTE|1||Fasting",
        "NTE|2||Bring the referral",
        "PID|1||42^^^HOSP^MR||Muster^Erika^^^^^L",
        "RGS|1|A",
        f"AIS|1|A|ECHO^Echocardiogram^L|{when}|||30|{unit}||{state}",
        f"AIG|1|A|^Ultrasound 3|^Resource||||{when}|||30|{unit}||{state}",
        f"AIL|1|A|1006^^^^^^^^A clinic with quite a long name|^Location||{when}|||30|{unit}||{state}",
        f"AIP|1|A|1111111111^Grey^Ada^^^^^^NPI^^^^NPI|^Provider||{when}|||30|{unit}||{state}",
        "",
    ]


def test_what_one_site_books_another_books_alike() -> None:
    accepted = accept(written("SIU^S12"), Context(AT))
    found = [one for one in accepted.intents if isinstance(one, Upsert)][-1].resource
    for element in ("status", "start", "end", "minutesDuration", "comment", "appointmentType", "reasonCode"):
        assert found[element] == APPOINTMENT[element], element
    assert sorted(one["value"] for one in found["identifier"]) == ["F1", "P1"]
    assert found["serviceType"][0]["text"] == "Echocardiogram"
    actors = [one["actor"] for one in found["participant"]]
    assert {one["identifier"]["value"] for one in actors if "identifier" in one} == {"1111111111", "1006"}
    assert {one.get("display") for one in actors} == {
        None, "Grey, Ada", "A clinic with quite a long name", "Ultrasound 3",
    }  # fmt: skip


@pytest.mark.parametrize("trigger", ["S12", "S13", "S14", "S15", "S17", "S26"])
@pytest.mark.parametrize("status", ["booked", "arrived", "checked-in", "fulfilled"])
def test_a_status_survives_the_way_there_and_back_unless_the_trigger_ends_it(trigger: str, status: str) -> None:
    message = written(f"SIU^{trigger}", {**APPOINTMENT, "status": status})
    ended = {"S15": "cancelled", "S17": "entered-in-error", "S26": "noshow"}
    found = accept(message, Context(AT)).intents[-1]
    assert isinstance(found, Upsert)
    assert found.resource["status"] == ended.get(trigger, status)


def test_a_reason_to_cancel_survives_and_none_is_made_up() -> None:
    ill = {**APPOINTMENT, "status": "cancelled", "cancelationReason": {"text": "Patient is ill"}}
    for appointment, reason in ((ill, {"text": "Patient is ill"}), ({**ill, "cancelationReason": None}, None)):
        found = accept(written("SIU^S15", appointment), Context(AT)).intents[-1]
        assert isinstance(found, Upsert)
        assert found.resource.get("cancelationReason") == reason


def test_what_has_no_number_goes_out_with_that_of_its_record() -> None:
    message = written("SIU^S12", {**APPOINTMENT, "identifier": []})
    assert (message.get("SCH-1"), message.get("SCH-2")) == ("", "a1^HOSPITAL")


def told(kind: str, status: str, before: str | None = None, **was: Any) -> str:
    earlier = {**APPOINTMENT, "status": before, **was} if before else None
    document = {**APPOINTMENT, "status": status}
    return told_by(Change(1, kind, "Appointment", "a1", 2, AT, "fhir", document, before=earlier), GENERIC)  # type: ignore[arg-type]


def test_the_change_says_which_message_tells_of_it() -> None:
    assert told("create", "booked") == "SIU^S12"
    assert told("create", "arrived") == "SIU^S12"
    assert told("create", "proposed") == ""
    assert told("create", "entered-in-error") == ""
    assert told("update", "booked", "proposed") == "SIU^S12"
    assert told("update", "booked", "cancelled") == "SIU^S12"
    assert told("update", "booked", "booked") == "SIU^S14"
    assert told("update", "booked", "booked", start="2026-01-09T09:00:00Z") == "SIU^S13"
    assert told("update", "arrived", "booked") == "SIU^S14"
    assert told("update", "cancelled", "booked") == "SIU^S15"
    assert told("update", "noshow", "booked") == "SIU^S26"
    assert told("update", "entered-in-error", "booked") == "SIU^S17"
    assert told("delete", "booked", "booked") == "SIU^S17"
    assert told("delete", "entered-in-error", "entered-in-error") == ""
