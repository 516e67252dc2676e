"""What a client's records and the truth differ in, field by field, as tables of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import orjson

from mockehr.journal.entry import encodable
from mockehr.scenarios.report.rows import cut
from mockehr.sites.truth import Alteration, TruthReport

SHOWN: Final = 200
"""So many differences of a kind are shown."""
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Field:
    """One element that differs, as HTML: what is expected and what was given, with the differing part marked."""

    key: str
    path: str
    expected: str
    got: str
    why: str


@dataclass(frozen=True, slots=True)
class Difference:
    """All differences of one kind; those of fields as `fields`, others as `lines`."""

    kind: str
    count: int
    fields: tuple[Field, ...]
    lines: tuple[str, ...]

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.count - len(self.fields) - len(self.lines)


def differences(report: TruthReport) -> list[Difference]:
    """Every kind of difference that there is, what the site itself did last."""
    kinds: dict[str, Sequence[Any]] = {**report.findings(), "inherited from the site": report.inherited}
    lines = report.examples(SHOWN)
    found = []
    for kind, items in kinds.items():
        altered = [item for item in items[:SHOWN] if isinstance(item, Alteration)]
        told = () if altered else tuple(cut(line, _LONGEST) for line in lines.get(kind, ()))
        if items:
            found.append(Difference(kind, len(items), tuple(map(_field, altered)), told))
    return found


def _field(item: Alteration) -> Field:
    left, right = _text(item.expected), _text(item.got)
    shared = _alike(left, right)
    shorter = min(len(left), len(right)) - shared
    ends = _alike(left[::-1][:shorter], right[::-1][:shorter])
    because = [item.damage] if item.damage else []
    because += [f"corrupted by the site: {item.corruption}"] if item.corruption else []
    expected, got = (_marked(text, shared, ends) for text in (left, right))
    return Field(item.key, item.path, expected, got, "; ".join(because))


def _alike(left: str, right: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(left), len(right)))


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    return cut(value if isinstance(value, str) else orjson.dumps(encodable(value)).decode(), _LONGEST)


def _marked(text: str, shared: int, ends: int) -> str:
    """The text with what is its own between the part that both begin and the one that both end with in a mark."""
    text = str(encodable(text))
    stop = len(text) - ends
    own = text[shared:stop]
    middle = f"<mark>{escape(own)}</mark>" if own else ""
    return escape(text[:shared]) + middle + escape(text[stop:])
