"""Appointments that come in: what each trigger makes of them, and the many ways to say when."""

from typing import Any

import pytest

from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Accepted, Context, Key, Known, Upsert
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
TIMED = "SCH|P1^CLINIC|F1^SCHED||||NEW|||30|min|^^30^20260110090000^20260110093000"


def take(*segments: str, trigger: str = "S12", version: str = "2.5.1", **rest: Any) -> Accepted:
    head = f"MSH|^~\\&|SCHED|H1|EHR|H2|20260105115959||SIU^{trigger}^SIU_S12|M1|P|{version}"
    return accept(Message("\r".join([head, *segments, ""]).encode()), Context(AT, GENERIC, **rest))


def booked(*segments: str, trigger: str = "S12") -> Upsert:
    found = take(*segments, trigger=trigger).intents[-1]
    assert isinstance(found, Upsert)
    assert found.resource_type == "Appointment"
    return found


def times(*segments: str, trigger: str = "S12") -> tuple[Any, ...]:
    resource = booked(*segments, trigger=trigger).resource
    return tuple(resource.get(name) for name in ("start", "end", "minutesDuration"))


def refused(*segments: str, trigger: str = "S12") -> tuple[str, int, str]:
    with pytest.raises(Rejection) as caught:
        take(*segments, trigger=trigger)
    (fault,) = caught.value.faults
    return caught.value.code, fault.code, fault.place


def test_a_new_appointment_has_its_numbers_its_time_and_who_takes_part() -> None:
    accepted = take(
        f"{TIMED}|||||^Desk||||^Clerk|||||Booked|O1^EHR",
        "NTE|1||Fasting",
        "NTE|2||Bring the referral",
        PID,
        "NTE|1||not about the appointment",
        "RGS|1|A",
        "AIS|1|A|ECHO^Echocardiogram^L",
        "AIL|1|A|CARD^1^^HOSP",
        "AIP|1|A|1234^Grey^Ada^^^^^^NPI~77^Fox^Bo^^^^^^H1|AT^Attending^L",
        "AIG|1|A|US3^Ultrasound 3^L|DEV",
    )
    assert (accepted.event, accepted.subject) == ("SIU^S12", "Appointment")
    patient, appointment = accepted.intents
    assert isinstance(patient, Upsert)
    assert isinstance(appointment, Upsert)
    assert patient.match == (Key(AUTHORITY + "HOSP", "42"),)
    assert appointment.match == (Key(AUTHORITY + "SCHED", "F1"), Key(AUTHORITY + "CLINIC", "P1"))
    resource = appointment.resource
    assert [one["type"]["coding"][0]["code"] for one in resource["identifier"]] == ["FILL", "PLAC"]
    assert (resource["status"], resource["minutesDuration"]) == ("booked", 30)
    assert (resource["start"], resource["end"]) == ("2026-01-10T09:00:00Z", "2026-01-10T09:30:00Z")
    assert resource["comment"] == "Fasting\nBring the referral"
    assert resource["serviceType"][0]["coding"][0]["code"] == "ECHO"
    assert resource["basedOn"][0]["identifier"]["value"] == "O1"
    actors = [one["actor"] for one in resource["participant"]]
    assert actors[0] == {"reference": "urn:mockehr:intent:patient"}
    assert actors[1]["identifier"] == {"system": AUTHORITY + "location", "value": "CARD^1^^HOSP"}
    assert [one["display"] for one in actors[2:]] == ["Grey, Ada", "Fox, Bo", "Ultrasound 3"]
    assert resource["participant"][2]["type"][0]["coding"][0]["code"] == "AT"
    assert appointment.defaults["created"] == "2026-01-05T12:00:00Z"


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        ("S12", "booked"),
        ("S13", "booked"),
        ("S14", None),
        ("S15", "cancelled"),
        ("S16", "cancelled"),
        ("S17", "entered-in-error"),
        ("S18", None),
        ("S22", None),
        ("S26", "noshow"),
    ],
)
def test_the_trigger_says_what_became_of_the_appointment(trigger: str, status: str | None) -> None:
    assert booked(TIMED, PID, trigger=trigger).resource.get("status") == status


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Noshow^No show^HL70278", "noshow"),
        ("NO SHOW", "noshow"),
        ("^Checked In", "checked-in"),
        ("ARRIVED", "arrived"),
        ("Complete", "fulfilled"),
        ("Started", "checked-in"),
        ("XYZ", None),
        ("", None),
    ],
)
def test_a_modification_may_say_the_status_in_sch_25(said: str, status: str | None) -> None:
    sch = f"{TIMED}||||||||||||||{said}"
    assert booked(sch, PID, trigger="S14").resource.get("status") == status
    assert booked(sch, PID, trigger="S15").resource["status"] == "cancelled"


NINE, TEN = "2026-01-10T09:00:00Z", "2026-01-10T10:00:00Z"


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        # SCH-11 in the forms of the standard and of production
        (["SCH||F|||||||||^^^20260110090000^20260110100000"], (NINE, TEN, 60)),
        (["SCH||F|||||||||^^M60^20260110090000"], (NINE, TEN, 60)),
        (["SCH||F|||||||||^^60^20260110090000"], (NINE, TEN, 60)),
        (["SCH||F|||||||1|HR|^^^20260110090000"], (NINE, TEN, 60)),
        (["SCH||F|||||||60|M|^^^20260110090000"], (NINE, TEN, 60)),
        (["SCH||F|||||||3600|s^seconds^UCUM|^^^20260110090000"], (NINE, TEN, 60)),
        (["SCH||F|||||||60|fortnights|^^^20260110090000"], (NINE, NINE, None)),
        (["SCH||F|||||||||^^^20260110090000^20260110080000"], (NINE, NINE, None)),
        (["SCH||F|||||||||^^^20260110"], ("2026-01-10T00:00:00Z", "2026-01-10T00:00:00Z", None)),
        (["SCH||F|||||||||^^^20260110090000-0500"], ("2026-01-10T09:00:00-05:00", "2026-01-10T09:00:00-05:00", None)),
        # TQ1 in its place
        (["SCH||F", "TQ1|1|||||60^min|20260110090000"], (NINE, TEN, 60)),
        (["SCH||F", "TQ1|1||||||20260110090000|20260110100000"], (NINE, TEN, 60)),
        # the resources alone
        (["SCH||F", "AIS|1||A|20260110090000|||60|min"], (NINE, TEN, 60)),
        (["SCH||F", "AIP|1||7^D|||20260110090000|||1|h"], (NINE, TEN, 60)),
        (["SCH||F", "AIS|1||A|20260110093000|||30|min", "AIS|2||B|20260110090000|||15|min"], (NINE, TEN, 60)),
        (["SCH||F|||||||60|min", "AIG|1||R^Room|||||20260110090000"], (NINE, TEN, 60)),
        (["SCH||F|||||||||^^^20260110090000", "AIL|1||W^1|||20260110093000|||30|min"], (NINE, TEN, 60)),
    ],
)  # fmt: skip
def test_whichever_place_says_when_is_believed(segments: list[str], expected: tuple[Any, ...]) -> None:
    assert times(segments[0], PID, *segments[1:]) == expected


def test_a_resource_that_is_used_at_another_time_has_a_period() -> None:
    segments = [TIMED, PID, "RGS|1", "AIP|1||7^Fox|||20260110091000|||5|min", "AIL|1||W^1||||10|min|20|min"]
    _, doctor, place = booked(*segments).resource["participant"]
    assert doctor["period"] == {"start": "2026-01-10T09:10:00Z", "end": "2026-01-10T09:15:00Z"}
    assert place["period"] == {"start": "2026-01-10T09:10:00Z", "end": "2026-01-10T09:30:00Z"}


def test_resources_that_were_not_named_stay_and_those_taken_off_go() -> None:
    silent = booked(TIMED, PID, trigger="S14")
    assert "participant" not in silent.resource
    assert len(silent.defaults["participant"]) == 1
    off = booked(TIMED, PID, "RGS|1", "AIP|1|D|7^Fox", "AIP|2|A|8^Hare", trigger="S14")
    assert [one["actor"].get("display") for one in off.resource["participant"]] == [None, "Hare"]


def test_an_update_of_what_is_not_known_is_taken_with_a_warning() -> None:
    warnings = [one for one in take(TIMED, PID, trigger="S13").intents if isinstance(one, Known)]
    assert [(one.fault.code, one.fault.severity, one.fault.place) for one in warnings] == [(204, "W", "SCH-2")]
    assert not [one for one in take(TIMED, PID).intents if isinstance(one, Known)]
    timeless = [one for one in take("SCH|P1", PID, trigger="S26").intents if isinstance(one, Known)]
    assert [(one.fault.code, one.fault.severity, one.fault.place) for one in timeless] == [(204, "E", "SCH-1")]


def test_the_reason_of_a_cancellation_is_kept_unless_it_says_nothing() -> None:
    told = booked("SCH||F||||PAT^Patient is ill^L", PID, trigger="S15")
    assert told.resource["cancelationReason"]["text"] == "Patient is ill"
    assert "cancelationReason" not in booked("SCH||F||||CANCELLED", PID, trigger="S15").resource
    assert "cancelationReason" not in booked(TIMED, PID, trigger="S13").resource
    assert booked(TIMED, PID, trigger="S13").cleared == ("cancelationReason",)
    assert told.cleared == booked(TIMED, PID, trigger="S14").cleared == ()


def test_a_type_in_the_field_of_the_reason_is_a_type() -> None:
    moved = booked(TIMED.replace("|NEW|||", "|NEW|Normal^^HL70277||"), PID).resource
    assert moved["appointmentType"]["coding"][0]["code"] == "Normal"
    assert "reasonCode" not in moved


def test_one_number_in_both_places_is_one_number() -> None:
    assert booked(TIMED.replace("P1^CLINIC", "F1^SCHED"), PID).match == (Key(AUTHORITY + "SCHED", "F1"),)


def test_blocked_time_is_taken_note_of() -> None:
    assert take("SCH||F", trigger="S23").intents == ()


def test_what_cannot_be_applied_is_refused_with_its_place() -> None:
    assert refused(PID) == ("AE", 100, "SCH")
    assert refused(TIMED) == ("AE", 100, "PID")
    assert refused("SCH|||||||||||^^^20260110090000", PID) == ("AE", 101, "SCH-2")
    assert refused("SCH||F", PID) == ("AE", 101, "SCH-11")
    assert refused("SCH||F|||||||||^^^noon", PID) == ("AE", 102, "SCH-11")
    assert refused("SCH||F|||||||||^^^202601", PID) == ("AE", 102, "SCH-11")
    assert refused("SCH||F", PID, "AIS|1||A|noon") == ("AE", 102, "AIS-4")
