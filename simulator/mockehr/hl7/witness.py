"""What a receiver must end up with: a witness hears every message of a feed as it was meant, in the order of events.

It applies each of them once and by the book. Its records are flat, in the words of the wire, so that a peer of any
kind can give back its own to be compared: one record for each message, person, visit, result, order, appointment and
document, each by the number that the feed calls it by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.message import Message
from mockehr.hl7.segment import NULL, Segment

KINDS: Final = ("Message", "Person", "Visit", "Result", "Order", "Appointment", "Document")
"""Of records, in the order in which they are listed."""
_VISITS: Final = MappingProxyType(
    {"A01": "admitted", "A04": "registered", "A05": "preadmitted", "A14": "preadmitted", "A03": "discharged"}
    | {"A11": "cancelled", "A38": "cancelled", "A27": "cancelled", "A13": "admitted", "A06": "admitted"}
    | {"A07": "registered"}
)
_APPOINTMENTS: Final = MappingProxyType(
    {"S12": "booked", "S13": "booked", "S14": "", "S15": "cancelled", "S16": "discontinued", "S17": "deleted"}
    | {"S26": "no-show"}
)
_ORDERS: Final = MappingProxyType(
    {"NW": "active", "XO": "active", "RL": "active", "SC": "", "HD": "held", "CA": "cancelled", "DC": "discontinued"}
    | {"OC": "cancelled", "RE": ""}
)
_MERGES: Final = frozenset({"A18", "A30", "A34", "A35", "A36", "A39", "A40", "A41"})


class Witness:
    """Applies messages and holds what follows from them. A message whose control id it knows changes nothing."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, JSON]] = {kind: {} for kind in KINDS}
        self._merged: dict[str, str] = {}
        self._families: dict[str, Callable[[Message, str, str], None]] = {
            "ADT": self._move,
            "ORU": self._result,
            "ORM": self._order,
            "OML": self._order,
            "OMG": self._order,
            "SIU": self._schedule,
            "MDM": self._document,
        }

    def hear(self, body: bytes) -> None:
        """Apply one message; what is no HL7 or known already is passed over."""
        message = Message(body)
        kind, _, trigger = message.header.kind.partition("^")
        own = message.header.control_id
        if own in self._records["Message"]:
            return
        self._records["Message"][own] = {"resourceType": "Message", "id": own, "kind": message.header.kind}
        person = self._person(message.segment("PID"))
        apply = self._families.get(kind)
        if apply is not None:
            apply(message, trigger, person)

    def records(self, kinds: Sequence[str] = KINDS) -> Iterator[JSON]:
        """All records of those kinds; persons that were merged are left out, what was theirs is the survivor's."""
        for kind in KINDS:
            for key, record in self._records[kind].items() if kind in kinds else ():
                if kind == "Person" and key in self._merged:
                    continue
                owner = record.get("person")
                yield {**record, "person": self.survivor(owner)} if owner is not None else dict(record)

    @property
    def merged(self) -> dict[str, str]:
        """Persons that were replaced, with the one who stands for them now."""
        return {loser: self.survivor(loser) for loser in self._merged}

    def survivor(self, person: str) -> str:
        """Who stands for a person now: the end of the chain of merges."""
        seen = {person}
        while person in self._merged and self._merged[person] not in seen:
            person = self._merged[person]
            seen.add(person)
        return person

    def _person(self, pid: Segment | None) -> str:
        if pid is None:
            return ""
        own = pid.text(3, 1, 1) or pid.text(2, 1, 1)
        if own:
            record = self._records["Person"].setdefault(own, {"resourceType": "Person", "id": own})
            told = {
                "family": pid.text(5, 1, 1, 1),
                "given": pid.text(5, 1, 2),
                "birthDate": pid.text(7, 1, 1)[:8],
                "sex": pid.text(8, 1, 1),
            }
            _take(record, told)
        return own

    def _move(self, message: Message, trigger: str, person: str) -> None:
        if trigger in _MERGES:
            self._merge(message)
            return
        if trigger == "A37":
            for pid in message.all("PID"):
                self._merged.pop(pid.text(3, 1, 1), None)
            return
        pv1 = message.segment("PV1")
        number = pv1.text(19, 1, 1) if pv1 is not None else ""
        if pv1 is None or not number:
            return
        told = {"person": person, "location": pv1.text(3), "class": pv1.text(2, 1, 1)}
        visit = self._records["Visit"].setdefault(number, {"resourceType": "Visit", "id": number})
        _take(visit, told | {"status": _VISITS.get(trigger, "")})

    def _merge(self, message: Message) -> None:
        survivor = ""
        for segment in message.segments:
            if segment.id == "PID":
                survivor = segment.text(3, 1, 1)
            elif segment.id == "MRG" and survivor:
                for number in range(1, len(segment.repetitions(1)) + 1):
                    loser = segment.text(1, number, 1)
                    if loser and loser != survivor:
                        self._merged.pop(survivor, None)
                        self._merged[loser] = survivor

    def _result(self, message: Message, trigger: str, person: str) -> None:
        filler = ""
        owner = person
        for segment in message.segments:
            if segment.id == "PID":
                owner = self._person(segment)
            elif segment.id == "OBR":
                filler = segment.text(3, 1, 1) or segment.text(2, 1, 1)
            elif segment.id == "OBX" and filler:
                code = segment.text(3, 1, 1) or segment.text(3, 1, 4)
                number = ":".join(piece for piece in (filler, code, segment.text(4)) if piece)
                self._records["Result"][number] = {
                    "resourceType": "Result",
                    "id": number,
                    "person": owner,
                    "value": segment.text(5),
                    "units": segment.text(6, 1, 1),
                    "status": segment.text(11, 1, 1),
                }

    def _order(self, message: Message, trigger: str, person: str) -> None:
        for orc in message.all("ORC"):
            number = orc.text(2, 1, 1) or orc.text(3, 1, 1)
            if number:
                order = self._records["Order"].setdefault(number, {"resourceType": "Order", "id": number})
                status = _ORDERS.get(orc.text(1), "")
                if orc.text(1) == "SC":
                    status = {"CM": "completed", "CA": "cancelled", "HD": "held"}.get(orc.text(5), "active")
                _take(order, {"person": person, "status": status})

    def _schedule(self, message: Message, trigger: str, person: str) -> None:
        sch = message.segment("SCH")
        number = (sch.text(2, 1, 1) or sch.text(1, 1, 1)) if sch is not None else ""
        if sch is None or not number:
            return
        booked = self._records["Appointment"].setdefault(number, {"resourceType": "Appointment", "id": number})
        start = sch.text(11, 1, 4) or message.get("AIS-4.1") or message.get("AIP-6.1")
        _take(booked, {"person": person, "start": start, "status": _APPOINTMENTS.get(trigger, "")})

    def _document(self, message: Message, trigger: str, person: str) -> None:
        txa = message.segment("TXA")
        number = txa.text(12, 1, 1) if txa is not None else ""
        if txa is None or not number:
            return
        document = self._records["Document"].setdefault(number, {"resourceType": "Document", "id": number})
        status = "cancelled" if trigger == "T11" else txa.text(17)
        _take(document, {"person": person, "parent": txa.text(13, 1, 1), "status": status})


def _take(record: JSON, told: dict[str, str]) -> None:
    """What was told replaces what is known; what was not told stays, and an explicit null takes it away."""
    for name, value in told.items():
        if value == NULL:
            record.pop(name, None)
        elif value:
            record[name] = value
