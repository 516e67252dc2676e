"""ADT out about who is who: merges, links, other numbers, deletions, swapped beds.

The patients come in any order, the one that the change is about first: their `link` says who replaces whom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mockehr.core.changes import QUIET
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.adt import add_segments, start
from mockehr.hl7.emit.fields import name_xpn, patient_identifiers
from mockehr.hl7.emit.outline import Event, referred
from mockehr.hl7.emit.person import add_former_numbers, add_patient, add_practice, add_visit
from mockehr.hl7.write import Field, Repeat


def merge(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID [PD1] MRG: who survives, and whom it replaces. A18 has a PV1 behind, of class N."""
    survivor, prior = _survivor(_two_patients(event, resources))
    outline = start(event, dialect)
    add_patient(outline, survivor)
    add_practice(outline, survivor, resources)
    numbers = patient_identifiers(prior.get("identifier", []), dialect)
    fields: dict[int, Field] = {
        1: Repeat(numbers or [[str(prior.get("id", "")), "", "", dialect.sending_facility, "PI"]]),
        7: Repeat(name_xpn(name, dialect) for name in prior.get("name", [])[:1]),
    }
    if event.trigger == "A39":
        fields[4] = numbers[0] if numbers else ""
    outline.add("MRG", fields)
    if event.trigger == "A18":
        outline.add("PV1", {1: "1", 2: "N"})
    return outline.finish()


def renumber(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID [PD1] MRG of one patient: the numbers that it has, and the old ones that it had (A47)."""
    patient = _patients(resources, event, 1)[0]
    old = [one for one in patient.get("identifier", []) if one.get("use") == "old" and one.get("value")]
    if not old:
        raise UsageError(
            f"{event.name} wants a Patient with an old identifier.", remedy="Mark the former one with use `old`."
        )
    outline = start(event, dialect)
    add_patient(outline, patient)
    add_practice(outline, patient, resources)
    plain = [{name: value for name, value in one.items() if name != "use"} for one in old]
    outline.add("MRG", {1: Repeat(patient_identifiers(plain, dialect))})
    return outline.finish()


def accounts(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID MRG: a visit's account PID-18, and the one that it was under (A35, A41)."""
    patient = _patients(resources, event, 1)[0]
    encounter = _encounters(resources, event, 1)[0]
    outline = start(event, dialect)
    add_patient(outline, patient, encounter)
    add_former_numbers(outline, patient, encounter, always=True)
    return outline.finish()


def link(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID PID: two records of one patient (A24), or no longer (A37)."""
    outline = start(event, dialect)
    for patient in _two_patients(event, resources):
        add_patient(outline, patient)
        add_practice(outline, patient, resources)
    return outline.finish()


def swap(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN and twice PID PV1: two patients who have changed places (A17)."""
    outline = start(event, dialect)
    patients = _patients(resources, event, 2)
    for encounter in _encounters(resources, event, 2):
        patient = referred(patients, encounter.get("subject"))
        if patient is None:
            raise UsageError(
                f"{event.name} cannot be written without the Patient of each Encounter.",
                remedy="Give both Patients among the resources.",
            )
        add_patient(outline, patient, encounter)
        add_practice(outline, patient, resources)
        add_visit(outline, encounter, resources)
        add_segments("PV2", outline, patient, encounter, resources)
    return outline.finish()


def _survivor(pair: tuple[JSON, JSON]) -> tuple[JSON, JSON]:
    """(who survives, who is replaced) of two patients; without links, in the order given."""
    one, other = pair
    if _names(one, other, "replaced-by") or (_names(other, one, "replaces") and not _names(one, other, "replaces")):
        return other, one
    return one, other


def _two_patients(event: Event, resources: Sequence[JSON]) -> tuple[JSON, JSON]:
    """The patient whom it is about and the other one: of several, whom the last link names, or for A37 whom none
    does."""
    patients = _patients(resources, event, 2)
    one, others = patients[0], patients[1:]
    if event.trigger == "A37":
        apart = [other for other in others if not _names(one, other)]
        return one, (apart or others)[0]
    replaced = [link for link in one.get("link", []) if link.get("type") == "replaced-by"]
    for known in (*replaced, *reversed(one.get("link", []))):
        other = referred(others, known.get("other"))
        if other is not None:
            return one, other
    return one, others[0]


def _patients(resources: Sequence[JSON], event: Event, count: int) -> list[JSON]:
    found = [one for one in resources if one.get("resourceType") == "Patient"]
    if len(found) < count:
        raise UsageError(
            f"{event.name} wants {'two Patients' if count == 2 else 'a Patient'}, not {len(found)}.",
            remedy="Give the surviving Patient first and the one that it replaces second.",
        )
    return found


def _encounters(resources: Sequence[JSON], event: Event, count: int) -> list[JSON]:
    found = [one for one in resources if one.get("resourceType") == "Encounter"]
    if len(found) < count:
        raise UsageError(
            f"{event.name} wants {'two Encounters' if count == 2 else 'an Encounter'}, not {len(found)}.",
            remedy="Give each visit that the event is about among the resources.",
        )
    return found[:count]


def _names(one: JSON, other: JSON, kind: str = "") -> bool:
    return any(
        link.get("type") == (kind or link.get("type")) and referred([other], link.get("other")) is other
        for link in one.get("link", [])
    )


EMITS: Final = {
    "ADT^A17": swap,
    **{f"ADT^{trigger}": merge for trigger in ("A18", "A30", "A34", "A36", "A39", "A40")},
    "ADT^A24": link,
    "ADT^A35": accounts,
    "ADT^A37": link,
    "ADT^A41": accounts,
    "ADT^A47": renumber,
}
"""Message type and trigger to what writes it."""
GATHERS: Final[Mapping[str, tuple[str, ...]]] = {"ADT^A17": (QUIET,)}
"""The swap is told by one of two changes: what the quiet one before it changed belongs to it."""
