"""MFN: master files (HL7 v2 chapter 8). Staff (M02) and places (M05) are applied, others acknowledged, by MFK."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Known, Upsert
from mockehr.hl7.accept.person import keys
from mockehr.hl7.accept.replies import begin, echo
from mockehr.hl7.accept.staff import location, practitioner
from mockehr.hl7.answers import Situation
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.master_files import MASTER_FILES, RECORD_EVENTS
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment
from mockehr.hl7.stamps import stamp
from mockehr.hl7.versions import at_least

Reader = Callable[..., list[Upsert]]
_PARTS: Final = frozenset({"STF", "PRA", "LOC", "LDP"})


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one MFE: writes, of which the first is the record itself, or the fault for which there are none.

    A record of a file that is only acknowledged has neither.
    """

    mfe: Segment
    intents: tuple[Upsert, ...] = ()
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class MasterFile:
    """A message type that carries one master file; `read` makes a record of its segments, None only acknowledges."""

    read: Reader | None = None

    def __call__(self, message: Message, context: Context) -> Accepted:
        """MFN as the records of its file. A record that cannot be applied is refused in its MFA, the others are kept.

        Raises Rejection: 100 without MFI or MFE, 103 for a master file that nobody knows.
        """
        mfi = message.segment("MFI")
        groups = _groups(message)
        if mfi is None or not groups:
            missing = "MFE" if mfi is not None else "MFI"
            text = f"{message.header.kind} needs a {missing} segment"
            raise Rejection("AE", Fault(100, missing, 1, text=text))
        name = mfi.text(1, 1, 1)
        if name not in MASTER_FILES and not name.startswith("Z"):
            text = f"MFI-1 is {name!r}, not one of {', '.join(sorted(MASTER_FILES))}"
            raise Rejection("AE", Fault(103, "MFI", 1, 1, text=text))
        records = [self._record(group, context, number) for number, group in enumerate(groups, 1)]
        intents: list[Intent] = [intent for record in records for intent in record.intents]
        faults = [record.fault for record in records if record.fault]
        if len(faults) == len(records):
            # Nothing is left to apply: refused as a whole, and by an MFK all the same.
            intents = [Known("Basic", (), faults[0])]
        return Accepted(tuple(intents), message.header.kind, respond=_Answer(mfi, tuple(records)))

    def _record(self, group: dict[str, Segment], context: Context, number: int) -> Record:
        mfe = group["MFE"]
        active = RECORD_EVENTS.get(mfe.text(1, 1, 1))
        if active is None:
            text = f"MFE-1 is {mfe.text(1)!r}, not one of {', '.join(RECORD_EVENTS)}"
            return Record(mfe, fault=Fault(103, "MFE", number, 1, text=text))
        if self.read is None:
            return Record(mfe)
        try:
            return Record(mfe, tuple(self.read(group, context, number, active=active)))
        except Rejection as refused:
            return Record(mfe, fault=refused.faults[0])


@dataclass(frozen=True, slots=True)
class _Answer:
    """The MFK: an MFA for each record, or for those that MFI-6 (table 0179) asks for."""

    mfi: Segment
    records: tuple[Record, ...]

    def __call__(self, situation: Situation) -> bytes:
        modern = at_least(situation.header.version, "2.4")
        # Before 2.4 an MFK has no ERR: what is wrong with a record stands in its MFA anyway.
        told = situation if modern else replace(situation, faults=())
        reply = begin(told, f"MFK^{situation.header.kind.partition('^')[2]}")
        echo(reply, self.mfi)
        level = self.mfi.text(6, 1, 1)
        for record in self.records:
            text = _refusal(record, situation.resources)
            if level == "NE" or (level == "ER" and not text) or (level == "SU" and text):
                continue
            mfa = reply.append(b"MFA")
            for field in (1, 2):
                mfa.set_bytes(record.mfe.field(field) or b"", field)
            mfa.set_text(stamp(situation.at), 3)
            mfa.set_text("U" if text else "S", 4, 1, 1)
            if text:
                mfa.set_text(text, 4, 1, 2)
            mfa.set_bytes(record.mfe.field(4) or b"", 5)
            if modern:
                mfa.set_bytes(record.mfe.field(5) or b"CE", 6)
        return bytes(reply)


def _refusal(record: Record, written: Sequence[JSON]) -> str:
    """Why a record was not applied; empty if it was."""
    if record.fault is not None:
        return record.fault.text
    if record.intents:
        record_keys = set(record.intents[0].match)
        if not any(record_keys & set(keys(_numbers(one))) for one in written):
            return "There is no such record, and MFE says too little to make one"
    return ""


def _numbers(resource: JSON) -> list[JSON]:
    return [one for one in resource.get("identifier", []) if one.get("value")]


def _groups(message: Message) -> list[dict[str, Segment]]:
    """The segments of each record: MFE and what follows it, the first of each kind."""
    groups: list[dict[str, Segment]] = []
    for segment in message.segments:
        if segment.id == "MFE":
            groups.append({"MFE": segment})
        elif segment.id in _PARTS and groups:
            groups[-1].setdefault(segment.id, segment)
    return groups


_ACKNOWLEDGED: Final = ("M01", "M03", "M04", "M06", "M07", "M08", "M09", "M10", "M11", "M12", "M13")
ACCEPTS: Final = {
    "MFN^M02": MasterFile(practitioner),
    "MFN^M05": MasterFile(location),
    **{f"MFN^{trigger}": MasterFile() for trigger in _ACKNOWLEDGED},
}
"""Message type and trigger to what it means."""
