"""The content of one order: ORC, OBR and what follows as a ServiceRequest, RXO as a MedicationRequest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, concept, entity, integer, required, when
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.accept.treatment import amount, component_time, concepts, notes, route
from mockehr.hl7.order_control import PRIORITY
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import DIAGNOSTIC_SECTION

Part = tuple[Segment, int]
"""A segment and its number among those of its id."""
_CODE_FIELDS: Final = {"OBR": (4,), "ODS": (3, 2), "ODT": (1,), "RQD": (2, 3, 4), "RQ1": (4,)}
"""Where each kind of order names what is ordered."""


@dataclass(frozen=True, slots=True)
class Notes:
    """Adds what is said of the order in passing (why it was cancelled) to the notes that it has."""

    more: tuple[str, ...] = ()

    def __call__(self, stored: JSON | None, told: JSON) -> JSON:
        known = told.get("note") or (stored or {}).get("note") or []
        present = {one.get("text") for one in known}
        fresh = [{"text": text} for text in self.more if text not in present]
        found = {**told, "note": [*known, *fresh]} if fresh else dict(told)
        if stored is not None and "subject" in found and stored.get("subject"):
            found["subject"] = stored["subject"]
        return found


def service_request(orc: Segment, parts: Sequence[Part], context: Context) -> JSON:
    """What is ordered, when, by whom, why and how urgently. Raises Rejection (101) if OBR-4 is empty."""
    found: JSON = {}
    obr = next((segment for segment, _ in parts if segment.id == "OBR"), None)
    code = _code(parts)
    if code:
        found["code"] = code
    if orc.has(4):
        group = entity(orc.repetitions(4)[0], "PGN")
        if group:
            found["requisition"] = group
    if obr is not None and obr.has(24):
        found["category"] = [{"coding": [{"system": DIAGNOSTIC_SECTION, "code": obr.text(24, 1, 1)}]}]
    _times(found, orc, obr, parts, context)
    who = _orderer(orc, obr)
    if who:
        found["requester"] = who
    reasons = [*(concepts(obr, 31) if obr is not None else ()), *(one for dg1, _ in parts for one in _diagnosis(dg1))]
    if reasons:
        found["reasonCode"] = [one for place, one in enumerate(reasons) if one not in reasons[:place]]
    # Consecutive NTE are the lines of one note.
    texts = [obr.text(13) if obr is not None else "", "\n".join(note["text"] for note in notes(parts))]
    if any(texts):
        found["note"] = [{"text": text} for text in texts if text]
    return found


def medication_request(orc: Segment, parts: Sequence[Part], context: Context) -> JSON:
    """RXO as the content of a MedicationRequest. Raises Rejection (101) if RXO-1 is empty."""
    rxo, sequence = next(one for one in parts if one[0].id == "RXO")
    required(rxo, 1, "requested give code", sequence=sequence)
    found: JSON = {"medicationCodeableConcept": concept(rxo.repetitions(1)[0]) or {}}
    _times(found, orc, None, parts, context)
    dosage: JSON = {}
    timing = found.pop("occurrenceDateTime", "")
    if timing:
        dosage["timing"] = {"event": [timing]}
    least, most = amount(rxo, 2, 4, sequence), amount(rxo, 3, 4, sequence)
    if least and most:
        dosage["doseAndRate"] = [{"doseRange": {"low": least, "high": most}}]
    elif least:
        dosage["doseAndRate"] = [{"doseQuantity": least}]
    way, site, method = route(next((one for one in parts if one[0].id == "RXR"), None))
    dosage |= {name: one for name, one in (("route", way), ("site", site), ("method", method)) if one}
    texts = [text for field in (6, 7) for text in (rxo.text(field, 1, 2) or rxo.text(field, 1, 1),) if text]
    if texts:
        dosage["text"] = "; ".join(texts)
    if dosage:
        found["dosageInstruction"] = [dosage]
    supply = amount(rxo, 11, 12, sequence)
    refills = integer(rxo.text(13, 1, 1))
    dispense: JSON = {"quantity": supply} if supply else {}
    if refills is not None:
        dispense["numberOfRepeatsAllowed"] = refills
    if dispense:
        found["dispenseRequest"] = dispense
    who = _orderer(orc, None)
    if who:
        found["requester"] = who
    told = notes(parts)
    return {**found, "note": told} if told else found


def _code(parts: Sequence[Part]) -> JSON | None:
    for segment, sequence in parts:
        fields = _CODE_FIELDS.get(segment.id)
        if not fields:
            continue
        if segment.id == "OBR":
            required(segment, 4, "universal service identifier", sequence=sequence)
        for field in fields:
            found = concept(segment.repetitions(field)[0]) if segment.has(field) else None
            if found:
                return found
    return None


def _times(found: JSON, orc: Segment, obr: Segment | None, parts: Sequence[Part], context: Context) -> None:
    """ORC-9 (authored); start and priority from TQ1, or the TQ of ORC-7 or OBR-27, or OBR-5, OBR-6 and OBR-36."""
    authored = when(orc, 9, context)
    if authored:
        found["authoredOn"] = authored
    tq1 = next(((segment, sequence) for segment, sequence in parts if segment.id == "TQ1"), None)
    start, priority = "", ""
    if tq1 is not None:
        start, priority = when(tq1[0], 7, context, sequence=tq1[1]), tq1[0].text(9, 1, 1)
    for segment, field in ((orc, 7), (obr, 27)):
        if segment is not None and segment.has(field):
            start = start or component_time(segment, field, 4, context, 1)
            priority = priority or part(segment.repetitions(field)[0], 6)
    if obr is not None:
        start = start or when(obr, 36, context) or when(obr, 6, context)
        priority = priority or obr.text(5, 1, 1)
    if start:
        found["occurrenceDateTime"] = start
    if priority.upper() in PRIORITY:
        found["priority"] = PRIORITY[priority.upper()]


def _orderer(orc: Segment, obr: Segment | None) -> JSON | None:
    for segment, field in ((orc, 12), (obr, 16)):
        found = clinician(segment.repetitions(field)[0]) if segment is not None and segment.has(field) else None
        if found:
            return found
    return None


def _diagnosis(dg1: Segment) -> list[JSON]:
    """DG1-3, or DG1-4 where only the words are sent."""
    if dg1.id != "DG1":
        return []
    found = concept(dg1.repetitions(3)[0]) if dg1.has(3) else None
    if found is None and dg1.has(4):
        found = {"text": dg1.text(4, 1, 1)}
    return [found] if found else []
