"""ppmdmsg actions about visits: of a day, of a patient, and those that changed. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.personalities.advancedmd.desk import Desk, Refused, Visit
from mockehr.personalities.advancedmd.ppmd.call import Call, listing, result
from mockehr.personalities.advancedmd.ppmd.patients import changed_since, day_of, patient_by, server_time
from mockehr.personalities.advancedmd.words import us_time
from mockehr.personalities.concepts import text_of
from mockehr.personalities.markup import Element

VISIT_FIELDS: Final[Mapping[str, Callable[[Desk, Visit], str]]] = MappingProxyType(
    {
        "Visit_UID": lambda desk, one: one.id,
        "PatientID": lambda desk, one: one.patient,
        "ColumnHeading": lambda desk, one: desk.name(one.provider.resource),
        "AppointmentType": lambda desk, one: text_of(one.appointment.get("appointmentType")),
        "AppointmentTypeID": lambda desk, one: str(one.kind),
        "VisitStartDateTime": lambda desk, one: f"{one.begins:%Y-%m-%dT%H:%M:%S}",
        "Duration": lambda desk, one: str(one.minutes),
        "ProfileUID": lambda desk, one: str(one.provider.profile),
        "ProfileCode": lambda desk, one: one.provider.code,
        "ProfileName": lambda desk, one: desk.name(one.provider.resource),
        "ProviderName": lambda desk, one: desk.name(one.provider.resource),
        "Comments": lambda desk, one: str(one.appointment.get("comment", "")),
        "VisitNote": lambda desk, one: str(one.appointment.get("description", "")),
        "ApptStatus": lambda desk, one: str(one.status),
        "FacilityCode": lambda desk, one: f"FAC{desk.facility_number(one.facility)}" if one.facility else "",
        "FacilityName": lambda desk, one: str(one.facility.get("name", "")).upper(),
        "CreatedAt": lambda desk, one: us_time(str(one.appointment.get("created", "")), desk.zone),
        "ModifiedAt": lambda desk, one: us_time(_updated(one), desk.zone),
    }
)
"""What a template may ask of a visit."""
_DAY: Final = ("VisitStartDateTime", "Duration", "AppointmentType", "ApptStatus", "ColumnHeading", "Comments")


def get_updated_visits(call: Call) -> Element:
    """Those that changed since `@datechanged`, or those of `visitlist`; with what the templates ask for.

    Of too many the ids alone are told; they are then asked for by `visitlist`.
    """
    desk = call.desk
    wanted = call.message.find("visitlist")
    if wanted is not None:
        found = _by_ids(desk, [one.get("id") for one in wanted.every("visit")])
    else:
        since = changed_since(call)
        found = desk.booked(desk.everywhere("Appointment", f"_lastUpdated=ge{instant(since)}", since))
    brief = wanted is None and len(found) > int(desk.settings["whole_up_to"])
    rows = [Element("visit", {"id": one.id}) for one in found] if brief else _described(call, found[: desk.most])
    told = {"visitcount": str(len(found)), "servertime": server_time(desk)}
    return result(told, listing("visitlist", rows))


def get_date_visits(call: Call) -> Element:
    """All of `@visitdate`."""
    first, last = day_of(call.told("visitdate"), call.desk.zone)
    return _listed(call, call.desk.visits(first, last))


def get_patient_visits(call: Call) -> Element:
    """All of `@patientid`."""
    patient = call.patient()
    return _listed(call, call.desk.booked(call.desk.of_patient("Appointment", str(patient["id"]))))


def _by_ids(desk: Desk, ids: Sequence[str]) -> list[Visit]:
    if len(ids) > int(desk.settings["whole_up_to"]):
        raise Refused("Too many visits are asked for")
    told = (desk.records.read("Appointment", id) for id in ids if id)
    return desk.booked([one for one in told if one is not None])


def _described(call: Call, found: Sequence[Visit]) -> list[Element]:
    """Visits by the templates `visit` and `patient` of a call; each patient is looked up once."""
    desk, message = call.desk, call.message
    visit, patient = message.find("visit"), message.find("patient")
    people: dict[str, JSON | None] = {}
    rows = []
    for one in found:
        desk.saw(one.appointment)
        made = {"id": one.id}
        for name, field in (visit.attributes if visit is not None else {}).items():
            known = VISIT_FIELDS.get(field)
            made[name] = known(desk, one) if known is not None else ""
        row = Element("visit", made)
        if one.patient and one.patient not in people:
            people[one.patient] = desk.records.read("Patient", one.patient)
        whom = people.get(one.patient)
        if patient is not None and whom is not None:
            row.children.append(Element("patientlist", children=[patient_by(desk, desk.saw(whom), patient)]))
        rows.append(row)
    return rows


def _listed(call: Call, found: Sequence[Visit]) -> Element:
    desk, rows = call.desk, []
    for one in found[: desk.most]:
        desk.saw(one.appointment)
        made = {"id": one.id, "patientid": f"pat{one.patient}" if one.patient else ""}
        made |= {name.lower(): VISIT_FIELDS[name](desk, one) for name in _DAY}
        rows.append(Element("visit", made))
    return result({}, listing("visitlist", rows))


def _updated(visit: Visit) -> str:
    return str(visit.appointment.get("meta", {}).get("lastUpdated", ""))
