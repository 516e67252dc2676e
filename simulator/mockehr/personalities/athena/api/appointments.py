"""Appointments of the proprietary API: open slots with numbers for ids, booked ones with texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Reply
from mockehr.personalities.athena.api import schedule
from mockehr.personalities.athena.api.call import (
    Call,
    Refused,
    answered,
    as_number,
    day_text,
    failed,
    missing,
    number_of,
    stamp_text,
    told,
)
from mockehr.personalities.athena.api.schedule import Place
from mockehr.personalities.athena.ids import bare
from mockehr.personalities.athena.look import STRUCTURES
from mockehr.personalities.athena.moments import eastern, with_zone

STATUSES: Final[Mapping[str, str]] = MappingProxyType(
    {"arrived": "2", "checked-in": "2", "fulfilled": "3", "cancelled": "x", "entered-in-error": "x", "noshow": "x"}
)
"""Status of an Appointment → `appointmentstatus`; `f` (future) for all others."""
_AHEAD: Final = timedelta(hours=24)
_FAR: Final = timedelta(days=90)
_HELD: Final = 400 * 86_400.0
"""Seconds for which it is known who began to check in and what became of a cancelled appointment."""
_DRAWER: Final = "athena appointments"
_MOST_TIMES: Final = 288
"""Slots that one call may make: one in five minutes of a day."""


def status_of(appointment: JSON) -> str:
    """`f`, `2`, `3` or `x`."""
    return STATUSES.get(str(appointment.get("status")), "f")


def row(appointment: JSON, call: Call) -> JSON:
    """A booked appointment: all its ids are texts."""
    start = str(appointment.get("start", ""))
    id = bare(str(appointment["id"]))
    status, noted = status_of(appointment), call.records.kept(_DRAWER, id) or {}
    created = stamp_text(eastern(str(appointment.get("created", ""))))
    kind = str((appointment.get("appointmentType") or {}).get("text") or schedule.TYPE_NAME)
    made: JSON = {
        "date": day_text(start),
        "appointmentid": id,
        "starttime": start[11:16] or None,
        "departmentid": _actor(appointment, "Location"),
        "appointmentstatus": status,
        "scheduleddatetime": created,
        "scheduledby": f"API-{_agent(call)}",
        "patientid": _actor(appointment, "Patient"),
        "duration": appointment.get("minutesDuration"),
        "appointmenttypeid": str(schedule.TYPE_ID),
        "appointmenttype": kind,
        "patientappointmenttypename": kind,
        "providerid": _actor(appointment, "Practitioner"),
        "templateappointmentid": id,
        "templateappointmenttypeid": str(schedule.TYPE_ID),
        "hl7providerid": as_number(_actor(appointment, "Practitioner") or "") or None,
        "copay": 0,
        "chargeentrynotrequired": False,
        "coordinatorenterprise": False,
        "lastmodified": stamp_text(eastern(str(appointment.get("meta", {}).get("lastUpdated", "")))) or created,
        "startcheckin": noted.get("startcheckin"),
        "rescheduledappointmentid": noted.get("rescheduled"),
    }
    if status == "x":
        made |= {"cancelledby": f"API-{_agent(call)}", "cancelleddatetime": made["lastmodified"],
                 "cancelreasonname": (appointment.get("cancelationReason") or {}).get("text")}  # fmt: skip
    return told(made)


def _agent(call: Call) -> str:
    """The number that the practice knows its app by."""
    return str(10_000 + int.from_bytes(call.records.key("agent")[:2], "big") % 10_000)


def _actor(appointment: JSON, kind: str) -> str | None:
    for one in appointment.get("participant") or ():
        reference = str((one.get("actor") or {}).get("reference", ""))
        if reference.startswith(f"{kind}/"):
            return number_of(reference)
    return None


# open slots


def list_open(call: Call) -> Reply:
    """GET /appointments/open. Without `reasonid` or `appointmenttypeid` there are none."""
    department = call.chart_department()
    reasons = [one for one in call.get("reasonid").split(",") if one]
    providers = frozenset(one for one in call.get("providerid").split(",") if one)
    if reasons and reasons != ["-1"] and not providers:
        raise missing("providerid")
    now = call.now
    first = call.day("startdate") or now.date()
    last = min(call.day("enddate") or first + timedelta(days=7), first + timedelta(days=366))
    wanted = call.get("appointmenttypeid").split(",")
    rows: list[JSON] = []
    if reasons or str(schedule.TYPE_ID) in wanted:
        for place in schedule.between(call, first, last, department, providers):
            if place.taken or (place.frozen and not call.flag("showfrozenslots")):
                continue
            soon = place.start < now + _AHEAD or place.start > now + _FAR
            if place.start < now or (soon and not call.flag("bypassscheduletimechecks")):
                continue
            rows.append(_open(place))
    return call.page("appointments", rows, largest=10_000)


def _open(place: Place) -> JSON:
    """An open slot: all its ids are numbers."""
    made: JSON = {
        "date": place.start.strftime("%m/%d/%Y"),
        "appointmentid": place.number,
        "departmentid": as_number(place.department),
        "localproviderid": as_number(place.provider),
        "appointmenttype": schedule.TYPE_NAME,
        "providerid": as_number(place.provider),
        "starttime": place.start.strftime("%H:%M"),
        "duration": place.minutes,
        "appointmenttypeid": schedule.TYPE_ID,
        "reasonid": ["-1"],
        "patientappointmenttypename": schedule.TYPE_NAME,
    }
    return {**made, "frozen": True} if place.frozen else made


def make_open(call: Call) -> Reply:
    """POST /appointments/open: slots at each of some times of a day; their numbers are texts here, by time."""
    department, provider, _, times = call.wants("departmentid", "providerid", "appointmentdate", "appointmenttime")
    day = call.day("appointmentdate")
    if call.department(department) is None or call.provider(provider) is None or day is None:
        raise Refused(400, "Invalid departmentid or providerid.")
    starts = []
    if times.count(",") >= _MOST_TIMES:
        raise Refused(400, "Improper appointmenttime: there are too many times.")
    for time in times.split(","):
        try:
            starts.append(datetime.combine(day, datetime.strptime(time.strip(), "%H:%M").time()))
        except ValueError:
            raise Refused(400, "Improper appointmenttime: times must be of the form HH:MM.") from None
    made = {}
    for start in starts:
        slot = schedule.make(call, provider, department, start, schedule.MINUTES)
        made[bare(str(slot["id"]))] = start.strftime("%H:%M")
    return answered({"appointmentids": made})


# booked appointments


def list_booked(call: Call) -> Reply:
    """GET /appointments/booked, between two days, of a department, provider or patient."""
    call.wants("startdate", "enddate")
    first, last = call.day("startdate"), call.day("enddate")
    assert first is not None
    assert last is not None
    query: dict[str, str] = {}
    if call.get("patientid"):
        query["patient"] = str(call.patient(call.get("patientid"))["id"])
    found = call.found("Appointment", query)
    rows = [
        row(one, call) for one in found if first.isoformat() <= str(one.get("start", ""))[:10] <= last.isoformat()
    ]
    rows = [one for one in rows if _meant(one, call)]
    rows.sort(key=lambda one: (one["date"][6:], one["date"], one["starttime"], one["appointmentid"]))
    return call.page("appointments", rows)


def _meant(made: JSON, call: Call) -> bool:
    for name in ("departmentid", "providerid", "appointmenttypeid", "appointmentstatus"):
        if call.get(name) and made.get(name) not in call.get(name).split(","):
            return False
    return made["appointmentstatus"] != "x" or call.flag("showcancelled") or call.get("appointmentstatus") == "x"


def list_of_patient(call: Call) -> Reply:
    """GET /patients/{patientid}/appointments."""
    patient = call.patient()
    found = call.found("Appointment", {"patient": str(patient["id"])})
    call.tell(found)
    rows = [row(one, call) for one in sorted(found, key=lambda one: str(one.get("start", "")))]
    return call.page("appointments", [one for one in rows if _meant(one, call)])


def read(call: Call) -> Reply:
    """GET /appointments/{appointmentid}: a list of one, booked or open."""
    found = _stored(call)
    if found is not None:
        call.tell([found])
        return answered([row(found, call)])
    place = schedule.at_number(call, call.holes["appointmentid"])
    if place is None:
        raise _unknown()
    return answered([{**_open(place), "appointmentid": str(place.number), "appointmentstatus": "o"}])


def book(call: Call) -> Reply:
    """PUT /appointments/{appointmentid}: the slot becomes an appointment of the same number."""
    (number,) = call.wants("patientid")
    patient = call.patient(number)
    place = _free(call, call.holes["appointmentid"])
    if call.get("appointmenttypeid") and call.get("appointmenttypeid") != str(schedule.TYPE_ID):
        raise Refused(400, "Invalid appointmenttypeid.")
    made = _book(call, place, patient)
    shown = row(made, call)
    kept = ("date", "appointmentid", "starttime", "departmentid", "appointmentstatus", "patientid", "duration",
            "appointmenttypeid", "appointmenttype", "providerid", "chargeentrynotrequired",
            "patientappointmenttypename")  # fmt: skip
    empty = dict.fromkeys(("referringproviderid", "renderingproviderid", "supervisingproviderid"), "")
    return answered([{**{name: shown[name] for name in kept}, **empty}])


def _free(call: Call, number: str) -> Place:
    place = schedule.at_number(call, number)
    if place is None:
        raise _unknown()
    if place.taken or place.frozen:
        raise Refused(409, "That appointment time was already booked or is not available for booking.")
    return place


def _book(call: Call, place: Place, patient: JSON) -> JSON:
    ids = call.ids
    kinds = (
        f"Patient/{patient['id']}",
        f"Practitioner/{ids.of_number('Practitioner', place.provider)}",
        f"Location/{ids.of_number('Location', place.department)}",
    )
    made: JSON = {
        "resourceType": "Appointment",
        "extension": [
            {"url": STRUCTURES + "ah-practice",
             "valueReference": {"reference": f"Organization/a-1.Practice-{ids.practice}"}},
        ],
        "status": "booked",
        "appointmentType": {"text": schedule.TYPE_NAME},
        "start": with_zone(place.start),
        "end": with_zone(place.start + timedelta(minutes=place.minutes)),
        "minutesDuration": place.minutes,
        "created": instant(call.records.now()),
        "participant": [{"actor": {"reference": one}, "status": "accepted"} for one in kinds],
    }  # fmt: skip
    if call.get("bookingnote"):
        made["comment"] = call.get("bookingnote")
    return call.stored(call.records.create(call.exchange, made, ids.of_number("Appointment", str(place.number))))


def update(call: Call) -> Reply:
    """PUT /appointments/booked/{appointmentid}: `1`, or a sentence that is as much of a success to HTTP."""
    found = _booked(call)
    participants: list[JSON] = list(found.get("participant") or ())
    for name, kind, known in (
        ("departmentid", "Location", call.department),
        ("providerid", "Practitioner", call.provider),
    ):
        number = call.get(name)
        if number and known(number) is None:
            return answered(f"Invalid {name.upper()} input")
        if number:
            actor = {"reference": f"{kind}/{call.ids.of_number(kind, number)}"}
            rest = [one for one in participants if not _is(one, kind)]
            participants = [*rest, {"actor": actor, "status": "accepted"}]
    if call.get("appointmenttypeid") and call.get("appointmenttypeid") != str(schedule.TYPE_ID):
        return answered("Invalid APPOINTMENTTYPEID input")
    _store(call, found, participant=participants)
    return answered(1)


def _is(participant: JSON, kind: str) -> bool:
    return str((participant.get("actor") or {}).get("reference", "")).startswith(f"{kind}/")


def cancel(call: Call) -> Reply:
    """PUT /appointments/{appointmentid}/cancel."""
    (number,) = call.wants("patientid")
    found = _booked(call)
    if _actor(found, "Patient") != number:
        raise Refused(400, "The appointment is not one of that patient.")
    reason = call.get("cancellationreason") or "PATIENT CANCELLED"
    made = _store(call, found, status="cancelled", cancelationReason={"text": reason})
    return answered([{"appointmentid": bare(str(made["id"])), "status": "x"}])


def reschedule(call: Call) -> Reply:
    """PUT /appointments/{appointmentid}/reschedule: the old one is cancelled and names the new one."""
    number, fresh = call.wants("patientid", "newappointmentid")
    found = _booked(call)
    if _actor(found, "Patient") != number:
        raise Refused(400, "The appointment is not one of that patient.")
    place = _free(call, fresh)
    made = _book(call, place, call.patient(number))
    old = bare(str(found["id"]))
    reason = call.get("reschedulereason") or "RESCHEDULED"
    call.records.keep(_DRAWER, old, {"rescheduled": str(place.number)}, _HELD)
    _store(call, found, status="cancelled", cancelationReason={"text": reason})
    return answered([row(made, call)])


def freeze(call: Call) -> Reply:
    """PUT /appointments/{appointmentid}/freeze: what cannot be is told with 200."""
    place = schedule.at_number(call, call.holes["appointmentid"])
    frozen = call.flag("freeze", usual=True)
    if place is None:
        raise _unknown()
    if place.taken:
        return failed("Appointment is already booked.")
    if place.frozen == frozen:
        return failed("Appointment is already frozen." if frozen else "Appointment is not frozen.")
    schedule.freeze(call, place, frozen=frozen)
    return answered({"success": True, "errormessage": ""})


# the day itself


def start_check_in(call: Call) -> Reply:
    """POST /appointments/{appointmentid}/startcheckin: it stays a future one, but the hour is noted."""
    found = _booked(call)
    call.records.keep(
        _DRAWER, bare(str(found["id"])), {"startcheckin": call.now.strftime("%m/%d/%Y %H:%M:%S")}, _HELD
    )
    return _done()


def cancel_check_in(call: Call) -> Reply:
    """POST /appointments/{appointmentid}/cancelcheckin."""
    found = _existing(call)
    if status_of(found) not in ("f", "2"):
        return _not_done("The appointment is not being checked in.")
    call.records.forget(_DRAWER, bare(str(found["id"])))
    if status_of(found) == "2":
        _store(call, found, status="booked")
    return _done()


def check_in(call: Call) -> Reply:
    """POST /appointments/{appointmentid}/checkin."""
    found = _existing(call)
    if status_of(found) != "f":
        return _not_done("The appointment has been checked in already, or is over.")
    _store(call, found, status="arrived")
    return _done()


def check_out(call: Call) -> Reply:
    """POST /appointments/{appointmentid}/checkout."""
    found = _existing(call)
    if status_of(found) != "2":
        return failed("The appointment has not been checked in.")
    _store(call, found, status="fulfilled")
    return answered({"success": True, "errormessage": ""})


def _done() -> Reply:
    return answered({"success": True, "message": ""})


def _not_done(text: str) -> Reply:
    return answered({"success": False, "message": text})


def _stored(call: Call) -> JSON | None:
    number = call.holes["appointmentid"]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return call.records.read("Appointment", call.ids.of_number("Appointment", number))


def _existing(call: Call) -> JSON:
    found = _stored(call)
    if found is None:
        raise _unknown()
    return found


def _booked(call: Call) -> JSON:
    found = _existing(call)
    if status_of(found) != "f":
        raise Refused(400, "The appointment is not a booked one.")
    return found


def _store(call: Call, appointment: JSON, **changes: Any) -> JSON:
    made = {name: value for name, value in {**appointment, **changes}.items() if name != "meta"}
    return call.stored(call.records.update(call.exchange, made))


def _unknown() -> Refused:
    return Refused(404, "The requested appointment does not exist.")
