"""Octets as they arrive when something on the way went wrong: for readers of JSON, NDJSON, HL7 and MLLP frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

BOM: Final = b"\xef\xbb\xbf"
START: Final = b"\x0b"
END: Final = b"\x1c\r"
"""Of an MLLP frame (HL7 v2 Transport Specification, MLLP release 1)."""
CODECS: Final = ("utf-16", "cp1252", "latin-1", "utf-8-sig")


@dataclass(frozen=True, slots=True)
class WireFault:
    """Octets, the ones that were sent, and what happened on the way."""

    octets: bytes
    sent: bytes
    what: str


def wire_faults(sent: bytes | SearchStrategy[bytes], *, kinds: tuple[str, ...] = ()) -> SearchStrategy[WireFault]:
    """What may arrive in place of `sent`; never `sent` itself. `kinds` are of KINDS (none: all).

    `cut` ends early, `flipped` has one wrong bit, `recoded` is in another charset than it says, `doubled` comes
    twice, `padded` has garbage before or behind, `framed` has wrong, missing or more marks of MLLP frames.
    Raises KeyError for a kind that there is not.
    """
    chosen = [(name, _FAULTS[name]) for name in (kinds or KINDS)]
    drawn = st.just(sent) if isinstance(sent, bytes) else sent

    def faults(octets: bytes) -> SearchStrategy[WireFault]:
        made = [_named(name, fault, octets) for name, fault in chosen]
        return st.one_of(made).filter(lambda one: one.octets != octets)

    return drawn.flatmap(faults)


def _named(name: str, fault: Callable[[bytes], SearchStrategy[bytes]], sent: bytes) -> SearchStrategy[WireFault]:
    return fault(sent).map(lambda arrived: WireFault(arrived, sent, name))


def _cut(sent: bytes) -> SearchStrategy[bytes]:
    return st.integers(0, max(0, len(sent) - 1)).map(lambda length: sent[:length])


def _flipped(sent: bytes) -> SearchStrategy[bytes]:
    def flip(place: int) -> bytes:
        octets = bytearray(sent)
        octets[place // 8] ^= 1 << place % 8
        return bytes(octets)

    return st.integers(0, 8 * len(sent) - 1).map(flip) if sent else st.just(b"\x00")


def _recoded(sent: bytes) -> SearchStrategy[bytes]:
    text = sent.decode("utf-8", "replace")
    return st.sampled_from(CODECS).map(lambda codec: text.encode(codec, "replace"))


def _doubled(sent: bytes) -> SearchStrategy[bytes]:
    return st.sampled_from((sent + sent, sent + b"\r\n" + sent, sent + sent[: len(sent) // 2]))


def _padded(sent: bytes) -> SearchStrategy[bytes]:
    noise = st.one_of(st.sampled_from((BOM, b"\r\n", b"\x00", b"<!-- -->")), st.binary(min_size=1, max_size=8))
    return st.tuples(noise, st.booleans()).map(lambda drawn: drawn[0] + sent if drawn[1] else sent + drawn[0])


def _framed(sent: bytes) -> SearchStrategy[bytes]:
    bare = sent.removeprefix(START).removesuffix(END)
    return st.sampled_from(
        (
            bare,
            START + bare,
            bare + END,
            START + START + bare + END,
            START + bare + END[:1],
            START + bare + b"\r" + END[1:],
            START + bare.replace(b"\r", b"\n") + END,
            START + bare + END + END,
            b"\x02" + bare + b"\x03",
        )
    )


_FAULTS: Final[Mapping[str, Callable[[bytes], SearchStrategy[bytes]]]] = MappingProxyType(
    {"cut": _cut, "flipped": _flipped, "recoded": _recoded, "doubled": _doubled, "padded": _padded, "framed": _framed}
)
KINDS: Final = tuple(_FAULTS)
