"""An HL7 exchange octet by octet: its frames as they were written, control octets by name, and what rules changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON, Effects, Exchange
from mockehr.hl7.frame import END, START
from mockehr.sites.reception import Answered

LINE: Final = 4000
"""Octets of one line that are shown."""
LINES: Final = 2000
"""Lines that are shown of one frame."""
_NAMES: Final = MappingProxyType(
    {
        0x06: "<ACK>",
        0x09: "<TAB>",
        0x0A: "<LF>",
        0x0B: "<VT>",
        0x0C: "<FF>",
        0x0D: "<CR>",
        0x15: "<NAK>",
        0x1C: "<FS>",
    }
)
_PIECES: Final = re.compile(rb"[^\r\n\x0b\x1c]*(?:\r\n|[\r\n\x0b]|\x1c\r?|\Z)")


def octets_of(exchange: Exchange) -> JSON:
    """Both directions of an HL7 exchange; raises UsageError for an entry of another channel."""
    if exchange.channel not in ("mllp-in", "mllp-out"):
        raise UsageError(
            f"Entry {exchange.number} is no HL7 message, it came over {exchange.channel}.",
            remedy="Look for channel mllp-in or mllp-out in mockehr journal list.",
        )
    out = exchange.channel == "mllp-out"
    clean = str(exchange.notes.get("clean", "")).encode("latin-1")
    answer = exchange.reply.body if exchange.reply is not None else b""
    effects = exchange.effects
    shown = [_part("message", exchange.body, effects if out else None, clean if out else b"")]
    if isinstance(exchange.result, Answered):
        shown += [_part("acknowledgement", early, None, b"") for early in exchange.result.earlier]
    if answer:
        shown.append(_part("acknowledgement", answer, None if out else effects, b"" if out else clean))
    return {"entry": exchange.number, "trimmed": "trimmed" in exchange.notes, "frames": shown}


def framed(body: bytes, effects: Effects | None) -> bytes:
    """All octets of one message on the wire, as its exchange's effects have it; nothing if none was written."""
    if effects is None:
        return START + body + END
    if effects.lost or effects.reset == "before":
        return b""
    start = START if effects.start is None else effects.start
    end = END if effects.end is None else effects.end
    whole = effects.prefix + (start + body + end) * (effects.copies + 1) + effects.suffix
    return whole[: len(whole) // 2] if effects.reset == "midway" else whole


def legible(octets: bytes) -> str:
    """Octets as text: control octets by name, what is no ASCII as `<E9>`."""
    return "".join(
        _NAMES.get(octet) or (chr(octet) if 0x20 <= octet < 0x7F else f"<{octet:02X}>") for octet in octets
    )


def changes(clean: bytes, written: bytes) -> Iterator[JSON]:
    """Where `written` differs from `clean`, segment by segment: the offset in it, what was there, what is there."""
    before, after = _pieces(clean), _pieces(written)
    starts = [0]
    for piece in after:
        starts.append(starts[-1] + len(piece))
    for kind, low, high, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        was, now = b"".join(before[low:high]), b"".join(after[first:last])
        head = _shared(was, now)
        tail = _shared(was[head:][::-1], now[head:][::-1])
        yield {
            "offset": starts[first] + head,
            "was": legible(was[head : len(was) - tail][:LINE]),
            "is": legible(now[head : len(now) - tail][:LINE]),
        }


def _part(what: str, body: bytes, effects: Effects | None, clean: bytes) -> JSON:
    wire = framed(body, effects)
    lines, offset = [], 0
    for piece in _pieces(wire)[:LINES]:
        lines.append({"offset": offset, "octets": legible(piece[:LINE]) + ("…" if len(piece) > LINE else "")})
        offset += len(piece)
    shown: dict[str, Any] = {"what": what, "octets": len(wire), "lines": lines}
    if clean:
        shown["changed"] = list(changes(clean, body))
        shown["changed_from"] = wire.find(body) if body else 0
    manner = _manner(effects)
    return shown | ({"wire": manner} if manner else {})


def _manner(effects: Effects | None) -> list[str]:
    """What the connection did, in words."""
    if effects is None:
        return []
    told = {
        "nothing was written": effects.lost or effects.reset == "before",
        "reset after half of it": effects.reset == "midway",
        "closed afterwards": effects.close or effects.lost,
        "read no more": effects.stall,
        f"written in pieces of {effects.split}": effects.split,
        f"dripped: {effects.drip}": effects.drip,
        f"{effects.copies} more times": effects.copies,
        "in one write with the next": effects.packed,
        "never sent": effects.dropped,
    }
    return [words for words, so in told.items() if so]


def _pieces(octets: bytes) -> list[bytes]:
    return [piece for piece in _PIECES.findall(octets) if piece]


def _shared(one: bytes, other: bytes) -> int:
    """How many octets both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
