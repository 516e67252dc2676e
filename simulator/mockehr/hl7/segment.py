"""One segment: its bytes, split only as far as somebody asks, and put together again only where something changed."""

from __future__ import annotations

from typing import Final

from mockehr.core.errors import UsageError
from mockehr.hl7.charset import Charset
from mockehr.hl7.delimiters import Delimiters, escape, unescape

NULL: Final = '""'
"""The explicit null: the sender says that there is no value (delete it), not merely that it says nothing."""
HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
Repetition = list[list[str]]
"""One repetition as components of subcomponents, decoded: `[["Doe"], ["John"]]`."""


def part(repetition: Repetition, component: int, subcomponent: int = 1) -> str:
    """A decoded (sub)component of one repetition, counted from 1; empty if absent or explicitly null."""
    if component > len(repetition):
        return ""
    pieces = repetition[component - 1]
    value = pieces[subcomponent - 1] if subcomponent <= len(pieces) else ""
    return "" if value == NULL else value


class Segment:
    """A segment of a message. Field numbers are those of the standard (MSH-1 is the field separator itself)."""

    __slots__ = ("_charset", "_delimiters", "_fields", "_raw", "_shift", "id")

    def __init__(self, raw: bytes, delimiters: Delimiters, charset: Charset) -> None:
        self._raw: bytes | None = raw
        self._fields: list[bytes] | None = None
        self._delimiters = delimiters
        self._charset = charset
        name = raw[:3] if raw[3:4] == delimiters.field else raw.split(delimiters.field, 1)[0]
        self.id = name.decode("latin-1")
        self._shift = 1 if self.id in HEADERS else 0

    def __bytes__(self) -> bytes:
        if self._raw is None:
            self._raw = self._delimiters.field.join(self._split())
        return self._raw

    def __repr__(self) -> str:
        return f"Segment({bytes(self)!r})"

    def _split(self) -> list[bytes]:
        if self._fields is None:
            self._fields = (self._raw or b"").split(self._delimiters.field)
        return self._fields

    def __len__(self) -> int:
        """The number of the last field that is there, empty or not."""
        return len(self._split()) - 1 + self._shift

    def field(self, number: int) -> bytes | None:
        """The field's bytes as they stand; None if the segment ends before it."""
        if self._shift and number == 1:
            return self._delimiters.field
        fields = self._split()
        place = number - self._shift
        return fields[place] if 0 < place < len(fields) else None

    def has(self, number: int) -> bool:
        """True if the field has a value other than empty and explicit null."""
        return self.field(number) not in (None, b"", b'""')

    def is_null(self, number: int) -> bool:
        """True if the field is the explicit null `""`."""
        return self.field(number) == b'""'

    def bytes_at(self, field: int, repetition: int = 0, component: int = 0, subcomponent: int = 0) -> bytes | None:
        """The bytes at a place; 0 means the whole of that level; None if the delimiters end before it."""
        value = self.field(field)
        if value is None or (self._shift and field <= 2):
            return value
        marks = self._delimiters
        steps = (
            (marks.repetition, repetition or (1 if component else 0)),
            (marks.component, component or (1 if subcomponent else 0)),
            (marks.subcomponent, subcomponent),
        )
        for mark, number in steps:
            if number:
                pieces = value.split(mark) if mark else [value]
                if number > len(pieces):
                    return None
                value = pieces[number - 1]
        return value

    def text(self, field: int, repetition: int = 0, component: int = 0, subcomponent: int = 0) -> str:
        """The decoded text at a place, escape sequences resolved; empty if absent. The explicit null stays `""`."""
        value = self.bytes_at(field, repetition, component, subcomponent)
        return self._decode(value) if value else ""

    def texts(self, field: int, component: int = 0) -> list[str]:
        """The decoded text of every repetition, or of one component of each; empty if the field has no value."""
        value = self.field(field)
        if not value:
            return []
        marks = self._delimiters
        items = value.split(marks.repetition) if marks.repetition else [value]
        if component:
            parted = [item.split(marks.component) if marks.component else [item] for item in items]
            items = [pieces[component - 1] if component <= len(pieces) else b"" for pieces in parted]
        return [self._decode(item) for item in items]

    def repetitions(self, field: int) -> list[Repetition]:
        """The field as repetitions of components of subcomponents, decoded; empty if it has no value."""
        value = self.field(field)
        if not value:
            return []
        marks = self._delimiters
        if not any(mark in value for mark in (marks.repetition, marks.component, marks.subcomponent) if mark):
            return [[[self._decode(value)]]]
        return [
            [
                [self._decode(piece) for piece in (item.split(marks.subcomponent) if marks.subcomponent else [item])]
                for item in (one.split(marks.component) if marks.component else [one])
            ]
            for one in (value.split(marks.repetition) if marks.repetition else [value])
        ]

    def set_bytes(
        self, value: bytes, field: int, repetition: int = 0, component: int = 0, subcomponent: int = 0
    ) -> None:
        """Replace what is at a place by `value` as it stands, adding delimiters as far as needed."""
        if field < 1 or (self._shift and field <= 2):
            raise UsageError(
                f"{self.id}-{field} cannot be set: it is the delimiters.", remedy="Use Message.translate(delimiters)."
            )
        marks = self._delimiters
        fields = list(self._split())
        place = field - self._shift
        fields += [b""] * (place + 1 - len(fields))
        steps = [
            (marks.repetition, repetition or (1 if component or subcomponent else 0)),
            (marks.component, component or (1 if subcomponent else 0)),
            (marks.subcomponent, subcomponent),
        ]
        fields[place] = _replace(fields[place], [step for step in steps if step[1]], value)
        self._fields = fields
        self._raw = None

    def set_text(
        self, value: str, field: int, repetition: int = 0, component: int = 0, subcomponent: int = 0
    ) -> None:
        """Replace what is at a place by a text, escaped and encoded; `""` (NULL) is written as the explicit null."""
        self.set_bytes(self._encode(value), field, repetition, component, subcomponent)

    def _decode(self, value: bytes) -> str:
        text = value.decode(self._charset.codec, "replace")
        if self._delimiters.escape not in value:
            return text
        return unescape(text, self._delimiters, self._charset.codec)

    def _encode(self, text: str) -> bytes:
        return escape(text, self._delimiters).encode(self._charset.codec, "replace")


def _replace(value: bytes, steps: list[tuple[bytes, int]], new: bytes) -> bytes:
    if not steps:
        return new
    (mark, number), *deeper = steps
    if not mark:
        if number > 1:
            raise UsageError(
                "MSH-2 declares no delimiter for that place.", remedy="Set the whole field, or translate the message."
            )
        return _replace(value, deeper, new)
    pieces = value.split(mark)
    pieces += [b""] * (number - len(pieces))
    pieces[number - 1] = _replace(pieces[number - 1], deeper, new)
    return mark.join(pieces)
