"""SIU out: an Appointment, its Patient, and those of its participants that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import clinician_xcn, concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Event, Outline, first, needed, referred
from mockehr.hl7.emit.person import add_patient
from mockehr.hl7.emit.places import place_pl
from mockehr.hl7.scheduling import EVENT_REASON, FILLER_STATUS, STATUS_TRIGGER
from mockehr.hl7.terms import IDENTIFIER_TYPE, LOCAL_AUTHORITY
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field

_MINUTES: Final = ("MIN", "minutes", "UCUM")
_WAITING: Final = frozenset({"proposed", "pending", "waitlist"})


def schedule(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH SCH [TQ1] [NTE] [PID] RGS [AIS] [AIG] [AIL] [AIP]; times in SCH-11, TQ1 (since 2.5) and each resource."""
    outline = Outline(event, dialect)
    add_appointment(outline, needed(resources, "Appointment", event), resources)
    return outline.finish()


def add_appointment(outline: Outline, appointment: JSON, resources: Sequence[JSON]) -> None:
    """Add SCH and all that follows it. The trigger of the event is that of a notification, or says nothing."""
    _add_schedule(outline, appointment, resources)
    patient = _patient(appointment, resources)
    if patient is not None:
        add_patient(outline, patient)
    outline.add("RGS", {1: "1", 2: "A" if outline.event.trigger == "S12" else "U"})
    used = _Used(outline, appointment)
    _add_services(used, appointment)
    actors = [one for one in appointment.get("participant", []) if _kind(one.get("actor", {})) != "Patient"]
    for segment_id in ("AIG", "AIL", "AIP"):
        for participant in actors:
            if _SEGMENTS.get(_kind(participant.get("actor", {})), "AIG") == segment_id:
                used.add(segment_id, participant, resources)


def _add_schedule(outline: Outline, appointment: JSON, resources: Sequence[JSON]) -> None:
    event, dialect = outline.event, outline.dialect
    start, end = outline.time(appointment.get("start", "")), outline.time(appointment.get("end", ""))
    length = _length(appointment)
    placer, filler = _numbers(appointment, dialect)
    if not placer and not at_least(dialect.version, "2.4"):
        placer = filler
    doctors = [one["actor"] for one in appointment.get("participant", []) if _kind(one.get("actor", {})) in _DOCTORS]
    contact = [who for doctor in doctors if (who := clinician_xcn(doctor, referred(resources, doctor)))]
    fields: dict[int, Field] = {
        1: placer,
        2: filler,
        6: _event_reason(event.trigger, appointment),
        7: concept_cwe(next(iter(appointment.get("reasonCode", [])), None)),
        8: concept_cwe(appointment.get("appointmentType")),
        9: length,
        10: _MINUTES if length else "",
        11: ["" if start else "1", "", f"M{length}" if length else "", start, end],
        16: contact[0] if contact else ["", "Scheduling"],
        20: event.operator or dialect.sending_application.partition("^")[0],
        25: FILLER_STATUS.get(appointment.get("status", ""), ""),
    }
    for based in appointment.get("basedOn", [])[:1]:
        order = based.get("identifier") or next(iter((referred(resources, based) or {}).get("identifier", [])), None)
        fields[27 if _type(order or {}) == "FILL" else 26] = entity_ei(order)
    outline.add("SCH", fields)
    if start and at_least(dialect.version, "2.5"):
        outline.add("TQ1", {1: "1", 6: [length, _MINUTES] if length else "", 7: start, 8: end})
    for number, line in enumerate(appointment.get("comment", "").splitlines(), 1):
        outline.add("NTE", {1: str(number), 3: line})


class _Used:
    """The resources of one appointment being written, each kind counted by itself."""

    def __init__(self, outline: Outline, appointment: JSON) -> None:
        self.outline = outline
        self.start = outline.time(appointment.get("start", ""))
        self.length = _length(appointment)
        self.status: Field = FILLER_STATUS.get(appointment.get("status", ""), "")
        self.counts: dict[str, int] = {}

    def number(self, segment_id: str) -> dict[int, Field]:
        """Set id and action code, the first two fields of each."""
        self.counts[segment_id] = self.counts.get(segment_id, 0) + 1
        return {1: str(self.counts[segment_id]), 2: "A" if self.outline.event.trigger == "S12" else "U"}

    def add(self, segment_id: str, participant: JSON, resources: Sequence[JSON]) -> None:
        """AIG, AIL or AIP for a participant; none for one of whom nothing is said."""
        actor = participant.get("actor", {})
        at_hand = referred(resources, actor)
        if at_hand is not None and at_hand["resourceType"] == "PractitionerRole":
            actor = at_hand.get("practitioner", actor)
            at_hand = referred(resources, actor)
        role = concept_cwe(next(iter(participant.get("type", [])), None))
        who: Sequence[Component]
        if segment_id == "AIP":
            who = clinician_xcn(actor, at_hand)
            role = role or ["", "Provider"]
        elif segment_id == "AIL":
            who, role = place_pl(actor, at_hand), ["", "Location"]
        else:
            who = [actor.get("identifier", {}).get("value", ""), actor.get("display", "")]
            role = role or ["", "Resource"]
        if not any(who):
            return
        period = participant.get("period", {})
        start = self.outline.time(period.get("start", "")) or self.start
        first_field = 8 if segment_id == "AIG" else 6
        fields = self.number(segment_id) | {3: who, 4: role, first_field: start, first_field + 6: self.status}
        if self.length:
            fields |= {first_field + 3: self.length, first_field + 4: _MINUTES}
        self.outline.add(segment_id, fields)


def _add_services(used: _Used, appointment: JSON) -> None:
    """AIS for each service; the description stands in for one, because a service is what many readers look at."""
    services = [concept_cwe(one) for one in appointment.get("serviceType", [])]
    if not any(services) and appointment.get("description"):
        services = [["", appointment["description"]]]
    for service in services:
        fields = used.number("AIS") | {3: service, 4: used.start, 10: used.status}
        if used.length:
            fields |= {7: used.length, 8: _MINUTES}
        used.outline.add("AIS", fields)


_SEGMENTS: Final = {"Location": "AIL", "Practitioner": "AIP", "PractitionerRole": "AIP"}
_DOCTORS: Final = frozenset({"Practitioner", "PractitionerRole"})


def _kind(actor: JSON) -> str:
    return str(actor.get("type") or actor.get("reference", "").rpartition("/")[0].rpartition("/")[2])


def _patient(appointment: JSON, resources: Sequence[JSON]) -> JSON | None:
    for participant in appointment.get("participant", []):
        found = referred(resources, participant.get("actor"))
        if found is not None and found["resourceType"] == "Patient":
            return found
    return first(resources, "Patient")


def _length(appointment: JSON) -> str:
    return str(appointment.get("minutesDuration", "") or "")


def _numbers(appointment: JSON, dialect: Dialect) -> tuple[list[Component], list[Component]]:
    """SCH-1 and SCH-2. What has no number of the filler's has the one of the record."""
    numbers = [one for one in appointment.get("identifier", []) if one.get("value")]
    placer = next((one for one in numbers if _type(one) == "PLAC"), None)
    filler = next((one for one in numbers if _type(one) == "FILL"), None)
    filler = filler or next((one for one in numbers if one is not placer), None)
    own = LOCAL_AUTHORITY + dialect.sending_facility.partition("^")[0]
    return entity_ei(placer), entity_ei(filler or {"system": own, "value": appointment.get("id", "")})


def _type(identifier: JSON) -> str:
    codings = identifier.get("type", {}).get("coding", [])
    known = (coding.get("code", "") for coding in codings if coding.get("system", IDENTIFIER_TYPE) == IDENTIFIER_TYPE)
    return next(known, "")


def _event_reason(trigger: str, appointment: JSON) -> Field:
    trigger = trigger or STATUS_TRIGGER.get(appointment.get("status", ""), "S12")
    reason = concept_cwe(appointment.get("cancelationReason")) if trigger in ("S15", "S16", "S26") else []
    return reason or EVENT_REASON.get(trigger, EVENT_REASON["S14"])


def _tell(change: Change, dialect: Dialect) -> str:
    status, before = str(change.document.get("status", "")), change.status_before
    if change.kind == "delete":
        return "" if status == "entered-in-error" else "SIU^S17"
    if status in _WAITING:
        return ""  # asked for, and nothing to keep free yet
    if status != before and status in STATUS_TRIGGER:
        return f"SIU^{STATUS_TRIGGER[status]}" if before or status != "entered-in-error" else ""
    if change.kind == "create" or before in (*_WAITING, "cancelled"):
        return "SIU^S12"
    moved = change.before is not None and change.document.get("start") != change.before.get("start")
    return "SIU^S13" if moved else "SIU^S14"


EMITS: Final = {f"SIU^{trigger}": schedule for trigger in EVENT_REASON}
"""Message type and trigger to what writes it."""
TELLS: Final = {"Appointment": _tell}
"""Resource type to the message that tells of its change."""
