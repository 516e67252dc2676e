"""Ledger G2: an acknowledgement counts for the message that it names, and for no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard

_ANSWERS: Final = (b"AA", b"AE", b"AR", b"CA", b"CE", b"CR")


@dataclass(frozen=True, slots=True)
class Hl7AckMatched(Probe):
    """Does the peer acknowledge each HL7 message under its own id, and send again what was not acknowledged?

    Messages that the site sent must be answered with MSA-2 equal to their MSH-10 and a code of table 0008. A message
    of the peer's whose acknowledgement was lost or named another message must come again under the same MSH-10.
    """

    name: ClassVar[str] = "hl7-ack-matched"
    ledger: ClassVar[tuple[str, ...]] = ("G2",)

    def judge(self, case: Case) -> Finding:
        """Compare the ids of messages and acknowledgements."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for message in case.on("mllp-out"):
            fault = _answered(message)
            told = fault or "was acknowledged under its own id"
            (faults if fault else coped).append(Evidence(message.number, told))
        _resent(case.on("mllp-in"), faults, coped)
        if not faults and not coped:
            return self.unseen("No message was sent to the peer, and every one of its own was acknowledged.")
        good = "Messages matched with their acknowledgement: {n}."
        return self.weigh(faults, coped, good, "Messages not matched with their acknowledgement: {n}.")


def _answered(message: Exchange) -> str:
    """What is wrong with the peer's answer to a message of ours; empty if nothing."""
    own = _field(message.body, b"MSH", 10)
    reply = message.reply
    if reply is None or not reply.body:
        return f"message {_shown(own)} was not acknowledged"
    code, named = _field(reply.body, b"MSA", 1), _field(reply.body, b"MSA", 2)
    if named != own:
        return f"message {_shown(own)} was acknowledged as {_shown(named) or 'nothing'}"
    return "" if code in _ANSWERS else f"message {_shown(own)} was answered with the code {_shown(code) or 'nothing'}"


def _resent(messages: Sequence[Exchange], faults: list[Evidence], coped: list[Evidence]) -> None:
    for position, message in enumerate(messages):
        own = _field(message.body, b"MSH", 10)
        answer = message.reply.body if message.reply is not None and heard(message) else b""
        if not own or (answer and _field(answer, b"MSA", 2) == own):
            continue
        why = f"acknowledged as {_shown(_field(answer, b'MSA', 2)) or 'nothing'}" if answer else "not acknowledged"
        again = next((m for m in messages[position + 1 :] if _field(m.body, b"MSH", 10) == own), None)
        if again is None:
            faults.append(Evidence(message.number, f"message {_shown(own)} was {why} and never sent again"))
        else:
            coped.append(Evidence(again.number, f"message {_shown(own)}, {why}, was sent again"))


def _field(message: bytes, segment: bytes, number: int) -> bytes:
    """A field of the first segment of that name, framed or not; empty if it is not there."""
    for line in message.strip(b"\x0b\x1c\r\n").replace(b"\n", b"\r").split(b"\r"):
        if line.startswith(segment) and len(line) > 3:
            fields = line.split(line[3:4])
            position = number - 1 if segment == b"MSH" else number
            return fields[position] if position < len(fields) else b""
    return b""


def _shown(value: bytes) -> str:
    return value.decode("latin-1")
