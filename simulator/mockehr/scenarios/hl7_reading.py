"""What probes read from HL7 traffic: fields, one message with all its attempts, and what rules did to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.header import NotHL7
from mockehr.hl7.message import Message
from mockehr.quirks.rule import quirks
from mockehr.scenarios.probe import Case
from mockehr.scenarios.reading import heard

POSITIVE: Final = frozenset({b"AA", b"CA"})
NEGATIVE: Final = frozenset({b"AE", b"AR", b"CE", b"CR"})
SEVERED: Final = ("link-cut", "lost-message")
"""Quirks after which no acknowledgement can come."""
REFUSABLE: Final = ("missing-segments", "identifier-layout", "odd-fields", "odd-header")
"""Quirks after which a careful receiver may refuse: what is needed, or whom it is about, cannot be read any more."""


def field_of(body: bytes, segment: bytes, number: int) -> bytes:
    """A field of the first segment of that name, by the delimiters of MSH; empty if it is not there.

    `body` may be framed, may have octets before MSH, or may lack MSH; its segments may end in LF.
    """
    start = max(body.find(b"MSH"), 0)
    mark = body[start + 3 : start + 4] if body[start:].startswith(b"MSH") else b"|"
    for line in body[start:].strip(b"\x0b\x1c\r\n").replace(b"\n", b"\r").split(b"\r"):
        fields = line.lstrip(b"\x0b").split(mark)
        if fields[0] == segment:
            position = number - 1 if segment == b"MSH" else number
            return fields[position] if position < len(fields) else b""
    return b""


def control_id(exchange: Exchange) -> bytes:
    """MSH-10 of a message as it was sent."""
    return field_of(exchange.body, b"MSH", 10)


def answer_code(exchange: Exchange) -> bytes:
    """MSA-1 of the answer, if the answer names the message and the sender heard it; else empty."""
    reply = exchange.reply
    if reply is None or not reply.body or not heard(exchange):
        return b""
    code = field_of(reply.body, b"MSA", 1)
    own = control_id(exchange)
    return code if field_of(reply.body, b"MSA", 2) == own and code in POSITIVE | NEGATIVE else b""


def shown(value: bytes) -> str:
    """Octets as text, for evidence."""
    return value.decode("latin-1")[:40]


def family_of(name: str) -> str:
    """The family of a quirk; empty if nobody knows it."""
    return quirks().get(name).about.family if name in quirks() else ""


def fired_on(exchange: Exchange) -> list[str]:
    """Quirks that fired on it."""
    return [decision.quirk for decision in exchange.decisions if decision.outcome == "fired"]


@dataclass(frozen=True, slots=True)
class Telling:
    """One message of the site's with all attempts to send it, in order."""

    attempts: tuple[Exchange, ...]

    @property
    def first(self) -> Exchange:
        """The first attempt, on which rules that change messages acted."""
        return self.attempts[0]

    @property
    def reached(self) -> tuple[Exchange, ...]:
        """The attempts that came through to somebody who could answer."""
        return tuple(one for one in self.attempts if _reached(one))

    @property
    def code(self) -> bytes:
        """The last acknowledgement code under the message's own id; empty if there is none."""
        return next((code for one in reversed(self.attempts) if (code := answer_code(one))), b"")

    @property
    def quirks(self) -> frozenset[str]:
        """All that fired on any attempt."""
        return frozenset(name for one in self.attempts for name in fired_on(one))

    @property
    def refusable(self) -> bool:
        """Whether a careful receiver may refuse it: it lacks what is needed, or merges somebody into himself."""
        message = parsed(self.first)
        itself = message is not None and message.get("MRG-1.1") == message.get("PID-3.1") != ""
        return itself or not self.quirks.isdisjoint(REFUSABLE)

    def clean(self) -> Message | None:
        """The message as it was before rules changed it; None for what is no HL7."""
        return parsed(self.first, str(self.first.notes.get("clean", "")).encode("latin-1"))


def parsed(exchange: Exchange, body: bytes = b"") -> Message | None:
    """The message that was sent (or `body` in its place); None for what is no HL7."""
    try:
        return Message(body or exchange.body)
    except NotHL7:
        return None


def over_connections(case: Case) -> list[Exchange]:
    """The messages that were to be answered: nobody answers those that were laid into files."""
    return [call for call in case.on("mllp-out") if "file" not in call.notes]


def tellings(messages: Iterable[Exchange]) -> list[Telling]:
    """The messages of a site's feeds, one by one in the order of their first attempts, but for those never sent."""
    found: dict[tuple[str, int], list[Exchange]] = {}
    for one in messages:
        if "dropped" not in one.notes:
            found.setdefault((one.path, int(one.notes.get("message", -one.number))), []).append(one)
    return [Telling(tuple(attempts)) for attempts in found.values()]


def same_message(one: Exchange, other: Exchange) -> bool:
    """Whether two messages of the peer's say the same: all behind MSH is alike."""
    return bool(one.body) and _told(one.body) == _told(other.body) != b""


def refused(messages: Sequence[Exchange]) -> list[Exchange]:
    """The messages of the peer's that were answered with AE, AR, CE or CR, which the peer could hear."""
    return [one for one in messages if answer_code(one) in NEGATIVE]


def unanswered(message: Exchange) -> str:
    """Why the peer cannot know that its message was taken; empty if it can."""
    reply = message.reply
    answer = reply.body if reply is not None and heard(message) else b""
    own = control_id(message)
    if not own or (answer and field_of(answer, b"MSA", 2) == own):
        return ""
    return f"acknowledged as {shown(field_of(answer, b'MSA', 2)) or 'nothing'}" if answer else "not acknowledged"


def severed(exchange: Exchange) -> bool:
    """Whether its connection was cut, or stands still."""
    effects = exchange.effects
    return effects is not None and (effects.lost or effects.stall or bool(effects.reset))


def odd(telling: Telling) -> list[str]:
    """What made a message odd though it can be read: quirks of its text, or of its frame."""
    return sorted(name for name in telling.quirks if name == "broken-frame" or family_of(name) == "message")


def _reached(one: Exchange) -> bool:
    if (one.reply is not None and one.reply.body) or (one.effects is not None and one.effects.close):
        return True
    why = str(one.notes.get("failure", ""))
    return bool(why) and why.startswith("no acknowledgement") and not any(name in SEVERED for name in fired_on(one))


def _told(body: bytes) -> bytes:
    return body[max(body.find(b"MSH"), 0) :].partition(b"\r")[2].strip()
