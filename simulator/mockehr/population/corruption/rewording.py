"""Changing what is written for people in a dressed chart: names, addresses and displays, never codes or ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON

Rewrite = Callable[[str], str]

WRITTEN: Final = frozenset(
    {
        "family", "given", "text", "line", "city", "district", "display", "title", "description", "comment",
        "patientInstruction", "name",
    }
)  # fmt: skip
"""Members whose texts are written for people. A narrative (`div`) is not touched: it is made from the rest."""


def reworded(resource: JSON, rewrite: Rewrite) -> JSON:
    """A copy of a record with its written texts run through `rewrite`; the record itself where that changes none."""
    made: JSON = _walk(resource, rewrite, written=False)
    return resource if made == resource else made


def reworded_chart(
    chart: Sequence[JSON], rewrite: Callable[[JSON, Stream], JSON], dice: Stream, share: float
) -> list[JSON]:
    """The chart with its Patient rewritten, and that share of the other records; a Binary is its octets only."""

    def told(kind: str) -> bool:
        return kind == "Patient" or (kind != "Binary" and dice.chance(share))

    return [rewrite(resource, dice) if told(resource["resourceType"]) else resource for resource in chart]


def has_letters_beyond_ascii(person: Any) -> bool:
    """Whether the person's name can be told apart in different encodings."""
    return not (person.family + "".join(person.given) + person.preferred).isascii()


def octets_in_latin_1(text: str) -> str:
    """A text as Latin-1 octets (held as lone surrogates until rendered); as it is where Latin-1 lacks a letter."""
    if any(letter > "\xff" or "\x7f" < letter < "\xa0" for letter in text):
        return text
    return text.encode("latin-1").decode("ascii", "surrogateescape")


def _walk(node: Any, rewrite: Rewrite, *, written: bool) -> Any:
    if isinstance(node, str):
        return rewrite(node) if written and node else node
    if isinstance(node, list):
        return [_walk(item, rewrite, written=written) for item in node]
    if isinstance(node, dict):
        return {name: _walk(value, rewrite, written=name in WRITTEN) for name, value in node.items()}
    return node
