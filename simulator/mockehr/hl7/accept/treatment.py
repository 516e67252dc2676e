"""What messages of care that was given or ordered share: whom they concern, numbers of orders, amounts, routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import concept, entity
from mockehr.hl7.accept.intents import Context, Intent, reference
from mockehr.hl7.accept.person import patient
from mockehr.hl7.accept.values import number
from mockehr.hl7.accept.visit import encounter
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.medication import ROUTE_OTHER
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.stamps import to_fhir
from mockehr.hl7.terms import UCUM

Placed = tuple[Segment, int]
"""A segment and the how many-th of its kind it is."""
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Opening:
    """Whom a message concerns: the intents for the patient and the visit, and by which keys others refer to them."""

    intents: tuple[Intent, ...] = ()
    patient_key: str = "patient"
    encounter_key: str = ""

    def join(self, resource: JSON, subject: str = "subject", visit: str = "encounter") -> None:
        """Refer to the patient, and to the visit if the message has one, under these names."""
        resource[subject] = reference(self.patient_key)
        if self.encounter_key:
            resource[visit] = reference(self.encounter_key)


def open_message(message: Message, context: Context) -> Opening:
    """The patient of PID and the visit of PV1, if that tells of one. Raises Rejection (100) without a PID."""
    pid, pv1 = message.segment("PID"), message.segment("PV1")
    if pid is None:
        raise Rejection("AE", Fault(100, "PID", 1, text=f"{message.header.kind} needs PID to be applied"))
    intents: list[Intent] = [patient(pid, context)]
    # The visit is told for reference; without a number or a class it is a placeholder.
    if pv1 is None or not pv1.has(19) or not pv1.has(2) or pv1.text(2) == "N":
        return Opening(tuple(intents))
    intents.append(encounter(pv1, message, context))
    return Opening(tuple(intents), encounter_key="encounter")


def groups(message: Message, head: str, *, several: bool = False) -> list[list[Placed]]:
    """The segments of the message from the first ORC or `head` on, order by order.

    A new group begins at each ORC, and at a `head` for which there is no ORC of its own; with `several` one ORC may
    have many of them. Raises Rejection (100) if there is no `head` at all.
    """
    found: list[list[Placed]] = []
    seen: dict[str, int] = {}
    for segment in message.segments:
        seen[segment.id] = seen.get(segment.id, 0) + 1
        headed = bool(found) and any(one.id == head for one, _ in found[-1])
        if segment.id == "ORC" or (segment.id == head and (not found or (headed and not several))):
            found.append([])
        if found:
            found[-1].append((segment, seen[segment.id]))
    if head not in seen:
        raise Rejection("AE", Fault(100, head, 1, text=f"{message.header.kind} needs {head} to be applied"))
    return found


def one(group: Sequence[Placed], segment_id: str) -> Placed | None:
    """The first segment of that id in a group."""
    return next((placed for placed in group if placed[0].id == segment_id), None)


def numbers(orc: Segment | None) -> list[JSON]:
    """The placer's and the filler's number of an order."""
    if orc is None:
        return []
    return [
        found
        for field, kind in ((2, "PLAC"), (3, "FILL"))
        for item in orc.repetitions(field)[:1]
        if (found := entity(item, kind))
    ]


def decimal(segment: Segment, field: int, sequence: int, component: int = 1) -> float | int | None:
    """A number; None if there is none. Raises Rejection (102) for what is none."""
    text = segment.text(field, 1, component, 1).strip()
    if not text or text == '""':
        return None
    if not _DECIMAL.fullmatch(text):
        fault = Fault(102, segment.id, sequence, field, text=f"{segment.id}-{field} is {text!r}, which is no number")
        raise Rejection("AE", fault)
    return number(text)


def component_time(segment: Segment, field: int, component: int, context: Context, sequence: int) -> str:
    """A time that is one component of a field as FHIR date or dateTime; empty if there is none.

    Raises Rejection (102) if it is no time.
    """
    text = segment.text(field, 1, component, 1)
    if not text or text == '""':
        return ""
    try:
        return to_fhir(text, context.dialect.offset)
    except ValueError as error:
        fault = Fault(102, segment.id, sequence, field, component, f"{segment.id}-{field}.{component}: {error}")
        raise Rejection("AE", fault) from None


def amount(segment: Segment, field: int, units: int, sequence: int) -> JSON | None:
    """The number of one field with the units of another as Quantity; None without a number."""
    value = decimal(segment, field, sequence)
    if value is None:
        return None
    found: JSON = {"value": value}
    if segment.has(units):
        item = segment.repetitions(units)[0]
        code, text, system = part(item, 1), part(item, 2), part(item, 3)
        if text or code:
            found["unit"] = text or code
        if code and system.upper() in ("UCUM", "ISO+"):
            found |= {"system": UCUM, "code": code}
    return found


def notes(group: Sequence[Placed], *more: str) -> list[JSON]:
    """Annotations: the texts of the group's NTE, and further ones."""
    told = ["\n".join(segment.texts(3)) for segment, _ in group if segment.id == "NTE" and segment.has(3)]
    return [{"text": text} for text in (*more, *told) if text.strip()]


def concepts(segment: Segment, field: int) -> list[JSON]:
    """Every repetition of a coded field."""
    return [found for item in segment.repetitions(field) if (found := concept(item))]


def whole(segment: Segment, *fields: int) -> JSON | None:
    """All codings of coded fields as one concept, its text that of the first that has one."""
    found = [one for field in fields for one in concepts(segment, field)]
    codings = [coding for one in found for coding in one.get("coding", [])]
    texts = [one["text"] for one in found if "text" in one]
    merged: JSON = {"coding": codings} if codings else {}
    return merged | ({"text": texts[0]} if texts else {}) or None


def route(rxr: Placed | None) -> tuple[JSON | None, JSON | None, JSON | None]:
    """Route, site and method of an RXR; a route of `other` says nothing."""
    if rxr is None:
        return None, None, None
    segment = rxr[0]
    told = whole(segment, 1) if segment.text(1, 1, 1) != ROUTE_OTHER else None
    return told, whole(segment, 2), whole(segment, 4)
