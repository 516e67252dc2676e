"""Magic actions about appointments and encounters."""

from __future__ import annotations

from datetime import timedelta

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import text_of
from mockehr.personalities.veradigm.unity.call import Call, MagicError
from mockehr.personalities.veradigm.unity.patients import parts_of, record_number
from mockehr.personalities.veradigm.unity.people import (
    person_number,
    practitioners,
    provider_name,
    user_name,
)
from mockehr.personalities.veradigm.unity.words import Row, head, read_date, seconds_of, shown_at, stamp, stamped
from mockehr.personalities.zones import instant_of, local

STATUSES = (("fulfilled", "Completed"), ("cancelled", "Canceled"), ("noshow", "No Show"), ("arrived", "Arrived"))


def get_schedule(call: Call) -> list[Row]:
    """The appointments of a day (Parameter1), or of `from|to`; of the provider Parameter4 or AppUserID, if it is one.

    With Parameter2 only those that changed since.
    """
    first, last = _days(call)
    since = read_date(call.parameter(2), call.zone) if call.parameter(2) else None
    changed = f"&_lastUpdated=ge{instant(since)}" if since is not None else ""
    found = list(call.everywhere("Appointment", f"date=ge{instant(first)}&date=lt{instant(last)}{changed}"))
    staff = {f"Practitioner/{one['id']}": (place, one) for place, one in enumerate(practitioners(call))}
    wanted = _whose(call, [one for _, one in staff.values()])
    rows = []
    for one in sorted(found, key=lambda one: str(one.get("start", ""))):
        begins = seconds_of(str(one.get("start", "")))
        actors = {_actor(part).partition("/")[0]: _actor(part) for part in one.get("participant", ())}
        provider = actors.get("Practitioner", "")
        if begins is None or not first <= begins < last or (wanted and provider != wanted):
            continue
        rows.append(_row(call, call.saw(one), actors, staff.get(provider)))
    return rows


def get_encounter_list(call: Call) -> list[Row]:
    """The encounters of PatientID, newest first; with Parameter4 `N` none that is over.

    Where there are none, a row of zeros stands for them.
    """
    patient = call.patient()
    found = call.of_patient("Encounter", patient)
    if call.parameter(4).upper() == "N":
        now = instant(call.records.now())
        found = [one for one in found if str(one.get("period", {}).get("end", "9")) > now]
    staff = {f"Practitioner/{one['id']}": (place, one) for place, one in enumerate(practitioners(call))}
    rows = [_encounter(call, patient, one, staff) for one in reversed(found)]
    return rows or [{"ID": "0", "patientid": "0"}]


def _days(call: Call) -> tuple[float, float]:
    text = call.parameter(1)
    first, bar, last = text.partition("|")
    begins = read_date(first, call.zone) if first else call.records.now()
    ends = read_date(last, call.zone) if bar else begins
    if begins is None or ends is None:
        raise MagicError("Parameter1 is no date.")
    from_day = local(begins, call.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    to_day = local(ends, call.zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return instant_of(from_day, call.zone), instant_of(to_day, call.zone)


def _whose(call: Call, staff: list[JSON]) -> str:
    """The reference of the provider whose schedule is wanted; empty for everybody's."""
    sought = call.parameter(4)
    for one in staff:
        if user_name(one).casefold() == (sought or call.request.user).casefold():
            return f"Practitioner/{one['id']}"
    if sought:
        raise MagicError(f"User {sought[:40]} was not found.")
    return ""


def _actor(participant: JSON) -> str:
    return str(participant.get("actor", {}).get("reference", ""))


def _row(call: Call, one: JSON, actors: dict[str, str], provider: tuple[int, JSON] | None) -> Row:
    id = actors.get("Patient", "").rpartition("/")[2]
    patient = call.records.read("Patient", id) if id else None
    last, first, middle = parts_of(patient) if patient is not None else ("", "", "")
    at = shown_at(str(one["start"]), call.zone)
    assert at is not None
    hour = f"{at:%H:%M}"
    over = at + timedelta(minutes=int(one.get("minutesDuration", 0) or 0))
    places = [part["actor"] for part in one.get("participant", ()) if _actor(part).startswith("Location/")]
    return {
        "Status": dict(STATUSES).get(str(one.get("status")), "Pending"),
        "SchedComment": "",
        "ApptTime": hour,
        "Patient": f"{last}, {' '.join(filter(None, (first, middle)))}",
        "Duration": str(one.get("minutesDuration", 0)),
        "SchedText": "",
        "organizationMRN": record_number(patient) if patient is not None else "",
        "type": text_of(one.get("appointmentType")),
        "TimeIn": hour,
        "OrgName": "",
        "base64image": "",
        "statuscolor": "black",
        "Provider": provider_name(provider[1]) if provider is not None else "",
        "LocationName": str(head(places).get("display", "")),
        "TimeOut": f"{over:%H:%M}",
        "ProviderID": person_number(provider[0]) if provider is not None else "",
        "Comment": str(one.get("comment", "")),
        "OrganizationID": "",
        "PatientLastName": last,
        "TimeStart": hour,
        "PatientFirstName": first,
        "ApptTime2": stamped(at),
        "patientID": call.number(id),
    }


def _encounter(call: Call, patient: JSON, one: JSON, staff: dict[str, tuple[int, JSON]]) -> Row:
    whom = (str(part.get("individual", {}).get("reference", "")) for part in one.get("participant", ()))
    provider = next((staff[name] for name in whom if name in staff), None)
    visit = str(head(one.get("identifier", ())).get("value", ""))
    return {
        "patientid": call.number(str(patient["id"])),
        "ID": str(one["id"]),
        "DTTM": stamp(str(one.get("period", {}).get("start", "")), call.zone),
        "VisitID": visit,
        "PerformingProviderID": person_number(provider[0]) if provider is not None else "",
        "PerformingProviderName": provider_name(provider[1]) if provider is not None else "",
        "ApptComment": text_of(one.get("reasonCode")),
        "EncounterType": text_of(one.get("type")),
    }
