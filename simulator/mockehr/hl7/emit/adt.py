"""ADT out: a Patient, and an Encounter where the event concerns a visit; for a merge, two Patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import name_xpn, patient_identifiers
from mockehr.hl7.emit.outline import Event, Outline, first, needed
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.stamps import stamp
from mockehr.hl7.write import Repeat


def movement(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID PV1. What concerns a person only (A28, A31, A08 without a visit) carries a PV1 of class N."""
    patient = needed(resources, "Patient", event)
    visitless = event.trigger in ("A08", "A28", "A31")
    encounter = first(resources, "Encounter") if visitless else needed(resources, "Encounter", event)
    outline = _start(event, dialect)
    add_patient(outline, patient, encounter)
    if encounter is not None:
        add_visit(outline, encounter, resources)
    else:
        outline.add("PV1", {1: "1", 2: "N"})
    return outline.finish()


def merge(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID MRG: the first Patient survives, the second is what it replaces."""
    patients = [resource for resource in resources if resource.get("resourceType") == "Patient"]
    if len(patients) != 2:
        raise UsageError(
            f"{event.name} wants two Patients, not {len(patients)}.",
            remedy="Give the surviving Patient first and the one that it replaces second.",
        )
    outline = _start(event, dialect)
    add_patient(outline, patients[0])
    prior = patients[1]
    outline.add(
        "MRG",
        {
            1: Repeat(patient_identifiers(prior.get("identifier", []), dialect)),
            7: Repeat(name_xpn(name, dialect) for name in prior.get("name", [])[:1]),
        },
    )
    return outline.finish()


def _start(event: Event, dialect: Dialect) -> Outline:
    outline = Outline(event, dialect)
    told = stamp(event.at, dialect.precision, dialect.offset)
    occurred = stamp(event.occurred, dialect.precision, dialect.offset) if event.occurred is not None else ""
    outline.add("EVN", {1: event.trigger, 2: told, 5: event.operator or dialect.operator.split("^"), 6: occurred})
    return outline


def _tell_patient(change: Change, dialect: Dialect) -> str:
    if change.kind == "delete":
        return ""  # A29 says that the person never was, A08 that there is somebody
    return "ADT^A28" if change.kind == "create" else "ADT^A08"


def _tell_encounter(change: Change, dialect: Dialect) -> str:
    if change.kind == "delete":
        return ""
    status = str(change.document.get("status"))
    triggers = {"planned": "A05", "arrived": "A04", "in-progress": "A01", "finished": "A03", "cancelled": "A11"}
    if change.kind == "update" and status == change.status_before:
        return "ADT^A08"
    return f"ADT^{triggers[status]}" if status in triggers else ""


_MOVEMENTS: Final = ("A01", "A02", "A03", "A04", "A05", "A08", "A11", "A13", "A28", "A31")
EMITS: Final = {
    **{f"ADT^{trigger}": movement for trigger in _MOVEMENTS},
    "ADT^A34": merge,
    "ADT^A40": merge,
}
"""Message type and trigger to what writes it."""
TELLS: Final = {"Patient": _tell_patient, "Encounter": _tell_encounter}
"""Resource type to the message that tells of its change."""
