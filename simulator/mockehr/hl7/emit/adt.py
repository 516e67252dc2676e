"""ADT out about one person or visit: a Patient, an Encounter where the event concerns one, and what is at hand of the
patient's next of kin, allergies, diagnoses, procedures and insurances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.coverage import add_coverages
from mockehr.hl7.emit.findings import add_allergies, add_diagnoses, add_procedures, add_signs
from mockehr.hl7.emit.kin import add_guarantors, add_kin
from mockehr.hl7.emit.outline import Event, Outline, first, needed
from mockehr.hl7.emit.person import (
    add_expectations,
    add_former_numbers,
    add_patient,
    add_practice,
    add_visit,
)
from mockehr.hl7.stamps import stamp
from mockehr.hl7.versions import at_least

_FULL: Final = "PD1 NK1 PV1 PV2 OBX AL1 DG1 PR1 GT1 IN1"
_ORDER: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "A01 A04 A05 A08 A13 A14 A28 A31": (("2.1", "NK1 PV1 DG1"), ("2.2", _FULL)),
        "A06 A07": (("2.1", "PV1"), ("2.2", "PD1 MRG" + _FULL[3:])),
        "A03": (
            ("2.1", "PV1"),
            ("2.2", "PV1 PV2 OBX"),
            ("2.3", "PD1 PV1 PV2 DG1 PR1 OBX"),
            ("2.5", "PD1 NK1 PV1 PV2 AL1 DG1 PR1 OBX GT1 IN1"),
        ),
        "A09 A10 A11": (("2.1", "PV1 DG1"), ("2.2", "PD1 PV1 PV2 OBX DG1"), ("2.7", "PD1 PV1 PV2 OBX")),
        "A38": (("2.1", "PV1"), ("2.3", "PD1 PV1 PV2 OBX DG1")),
        "A02 A12 A21 A22 A23 A27 A29": (("2.1", "PV1"), ("2.2", "PD1 PV1 PV2 OBX")),
    }
)
"""What follows PID, by trigger and version (chapter 3.3 of each)."""
_VISITLESS: Final = frozenset({"A04", "A08", "A28", "A29", "A31"})
_WHOLE: Final = ("AllergyIntolerance", "Coverage", "RelatedPerson")
_OF_VISIT: Final = ("Condition", "Procedure")


def movement(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID and what its structure has. What concerns a person only carries a PV1 of class N."""
    patient = needed(resources, "Patient", event)
    visitless = event.trigger in _VISITLESS
    encounter = first(resources, "Encounter") if visitless else needed(resources, "Encounter", event)
    outline = start(event, dialect)
    add_patient(outline, patient, encounter)
    for segment_id in _order(event.trigger, dialect):
        add_segments(segment_id, outline, patient, encounter, resources)
    return outline.finish()


def start(event: Event, dialect: Dialect) -> Outline:
    """MSH and EVN."""
    outline = Outline(event, dialect)
    told = stamp(event.at, dialect.precision, dialect.offset)
    occurred = stamp(event.occurred, dialect.precision, dialect.offset) if event.occurred is not None else ""
    outline.add("EVN", {1: event.trigger, 2: told, 5: event.operator or dialect.operator.split("^"), 6: occurred})
    return outline


def add_segments(
    segment_id: str, outline: Outline, patient: JSON, encounter: JSON | None, resources: Sequence[JSON]
) -> None:
    """Add all segments of one kind that the resources give."""
    if segment_id == "PD1":
        add_practice(outline, patient, resources)
    elif segment_id == "PV1":
        if encounter is None:
            outline.add("PV1", {1: "1", 2: "N"})
        else:
            add_visit(outline, encounter, resources)
    elif segment_id in _OF_THE_PERSON:
        _OF_THE_PERSON[segment_id](outline, patient, resources)
    elif encounter is not None:
        _OF_THE_VISIT[segment_id](outline, encounter, resources)


def _former(outline: Outline, encounter: JSON, resources: Sequence[JSON]) -> None:
    """MRG of A06 and A07: the number that the visit had before, where it got another one."""
    add_former_numbers(outline, needed(resources, "Patient", outline.event), encounter)


def _order(trigger: str, dialect: Dialect) -> list[str]:
    past = [order for since, order in _ORDERS[trigger] if at_least(dialect.version, since)]
    return past[-1].split()


_OF_THE_PERSON: Final[Mapping[str, Callable[[Outline, JSON, Sequence[JSON]], None]]] = MappingProxyType(
    {"NK1": add_kin, "AL1": add_allergies, "GT1": add_guarantors, "IN1": add_coverages}
)
_OF_THE_VISIT: Final[Mapping[str, Callable[[Outline, JSON, Sequence[JSON]], None]]] = MappingProxyType(
    {"MRG": _former, "PV2": add_expectations, "OBX": add_signs, "DG1": add_diagnoses, "PR1": add_procedures}
)
_ORDERS: Final = {trigger: orders for triggers, orders in _ORDER.items() for trigger in triggers.split()}
EMITS: Final = {f"ADT^{trigger}": movement for trigger in _ORDERS}
"""Message type and trigger to what writes it."""
GATHERS: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"ADT^{trigger}": _WHOLE + _OF_VISIT for trigger in ("A01", "A04", "A05", "A06", "A07", "A08", "A13", "A14")},
    **{f"ADT^{trigger}": _WHOLE for trigger in ("A28", "A31")},
    "ADT^A03": _WHOLE + _OF_VISIT,
}
"""Message to the types of which all that the patient's chart has is told: lists are snapshots, so a part would do
harm."""
