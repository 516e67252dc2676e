"""Placer and filler numbers of orders and results (ORC-2, ORC-3, OBR-2, OBR-3), and specimens (SPM, OBR-15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import concept, entity, when
from mockehr.hl7.accept.intents import Context, Key, Upsert, reference
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.ordering import own_system
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.terms import LOCAL_AUTHORITY

SPECIMEN_KEY: Final = LOCAL_AUTHORITY + "specimen"
"""System of the identifier of a specimen that has no number of its own: that of its order or result."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The placer's and the filler's Identifier, None where the message has none."""

    placer: JSON | None = None
    filler: JSON | None = None

    @property
    def all(self) -> list[JSON]:
        """Those that there are, the placer's first."""
        return [number for number in (self.placer, self.filler) if number]

    @property
    def base(self) -> str:
        """The value by which parts of this order or result are told from those of others: the filler's number, else
        the placer's, else nothing."""
        return str((self.filler or self.placer or {}).get("value", ""))


def numbers(orc: Segment | None, detail: Segment | None, *, detail_first: bool = False) -> Numbers:
    """From ORC-2 and ORC-3, or else from the same fields of the OBR (`detail_first`: the other way round)."""
    of_detail = detail if detail is not None and detail.id == "OBR" else None
    order = (of_detail, orc) if detail_first else (orc, of_detail)
    found: dict[str, JSON] = {}
    for field, kind in ((2, "PLAC"), (3, "FILL")):
        for segment in order:
            if kind not in found and segment is not None and segment.has(field):
                number = entity(segment.repetitions(field)[0], kind)
                if number:
                    found[kind] = number
    return Numbers(found.get("PLAC"), found.get("FILL"))


def order_keys(dialect: Dialect, *identifiers: JSON | None) -> tuple[Key, ...]:
    """By what an order that is known already is found: its numbers; one without an authority may be our own."""
    found: list[Key] = []
    for identifier in identifiers:
        if identifier:
            found.append(Key(identifier.get("system", ""), identifier["value"]))
            if "system" not in identifier:
                found.append(Key(own_system(dialect), identifier["value"]))
    return tuple(dict.fromkeys(found))


def known_order(key: str, match: tuple[Key, ...], patient_key: str, resource_type: str = "ServiceRequest") -> Upsert:
    """Finds an order, so that others can refer to it by `key`, and leaves it as it is; there may be none."""
    resource: JSON = {"resourceType": resource_type}
    if patient_key:
        resource["subject"] = reference(patient_key)
    return Upsert(key, resource, match, creates=False, quiet=True, revise=_untouched)


def _untouched(stored: JSON | None, told: JSON) -> None:
    return None


def specimen(spm: Segment, context: Context, key: str, patient_key: str, base: str, *, sequence: int = 1) -> Upsert:
    """SPM as Specimen, found again by SPM-2, or by the number `base` of the order or result and SPM-1."""
    found: JSON = {"resourceType": "Specimen", "status": "available"}
    if spm.has(21):
        found["status"] = "unsatisfactory"
    elif spm.text(20, 1, 1) == "N":
        found["status"] = "unavailable"
    identifier = _specimen_number(spm) or _derived(base, spm.text(1) or str(sequence))
    if identifier:
        found["identifier"] = [identifier]
    kind = concept(spm.repetitions(4)[0]) if spm.has(4) else None
    if kind:
        found["type"] = kind
    collection: JSON = {}
    collected = when(spm, 17, context, sequence=sequence)
    if collected:
        collection["collectedDateTime"] = collected
    for field, element in ((7, "method"), (8, "bodySite")):
        told = concept(spm.repetitions(field)[0]) if spm.has(field) else None
        if told:
            collection[element] = told
    if collection:
        found["collection"] = collection
    received = when(spm, 18, context, sequence=sequence)
    if "T" in received:
        found["receivedTime"] = received
    notes = [*spm.texts(14), spm.text(21, 1, 2)]
    if any(notes):
        found["note"] = [{"text": note} for note in notes if note]
    return _upsert(key, found, patient_key)


def specimen_source(obr: Segment, context: Context, key: str, patient_key: str, base: str) -> Upsert | None:
    """OBR-15 (specimen source, before SPM came in 2.5) as Specimen; None if it is empty."""
    item = obr.repetitions(15)[0] if obr.has(15) else []
    kind = concept([[piece] for piece in item[0]]) if item else None
    if kind is None:
        return None
    found: JSON = {"resourceType": "Specimen", "status": "available", "type": kind}
    identifier = _derived(base, "1")
    if identifier:
        found["identifier"] = [identifier]
    site = concept([[piece] for piece in item[3]]) if len(item) > 3 else None
    if site:
        found["collection"] = {"bodySite": site}
    received = when(obr, 14, context)
    if "T" in received:
        found["receivedTime"] = received
    return _upsert(key, found, patient_key)


def _upsert(key: str, found: JSON, patient_key: str) -> Upsert:
    if patient_key:
        found["subject"] = reference(patient_key)
    identifiers = found.get("identifier", [])
    return Upsert(key, found, tuple(Key(one.get("system", ""), one["value"]) for one in identifiers))


def _specimen_number(spm: Segment) -> JSON | None:
    """SPM-2 is an EIP: the placer's number, or else the filler's."""
    item: Repetition = spm.repetitions(2)[0] if spm.has(2) else []
    for place in (1, 2):
        pieces = [[piece] for piece in item[place - 1]] if place <= len(item) else []
        found = entity(pieces, "FILL" if place == 2 else "PLAC") if part(pieces, 1) else None
        if found:
            return {name: value for name, value in found.items() if name != "type"}
    return None


def _derived(base: str, number: str) -> JSON | None:
    return {"system": SPECIMEN_KEY, "value": f"{base}:{number}"} if base else None
