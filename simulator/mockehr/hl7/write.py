"""Builds segments from plain values: a text is a leaf, a list its components, a Repeat its repetitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mockehr.hl7.delimiters import Delimiters, escape, unsafe

Component = str | Sequence[str]
"""A text, or a list of subcomponents."""


class Repeat(tuple[Sequence[Component] | str, ...]):
    """Repetitions of one field."""

    __slots__ = ()


class Raw(str):
    """A text that already carries its escape sequences (formatted text with `\\.br\\`)."""

    __slots__ = ()


Field = str | Sequence[Component] | Repeat


class Writer:
    """Writes segments in one set of delimiters and one codec. Empty places at the end are left out."""

    __slots__ = ("_codec", "_marks", "_unsafe")

    def __init__(self, delimiters: Delimiters, codec: str) -> None:
        self._marks = delimiters
        self._codec = codec
        self._unsafe = unsafe(delimiters)

    def segment(self, segment_id: str, fields: Mapping[int, Field]) -> bytes:
        """One segment without its end; `fields` by number as in the standard."""
        texts = [b""] * (max(fields, default=0) + 1)
        texts[0] = segment_id.encode("ascii")
        for number, value in fields.items():
            if value:
                texts[number] = self.field(value)
        while not texts[-1]:
            texts.pop()
        return self._marks.field.join(texts)

    def header(self, fields: Mapping[int, Field]) -> bytes:
        """MSH; `fields` from MSH-3 on."""
        shifted = {number - 1: value for number, value in fields.items()}
        rest = self.segment("MSH", shifted).split(self._marks.field, 2)[2]
        return b"MSH" + self._marks.field + self._marks.declaration + self._marks.field + rest

    def field(self, value: Field) -> bytes:
        """One field, escaped and encoded; characters that the codec lacks become `?`."""
        if isinstance(value, Repeat):
            return self._marks.repetition.join([self._one(item) for item in value])
        return self._one(value)

    def _one(self, value: str | Sequence[Component]) -> bytes:
        if isinstance(value, str):
            return self._leaf(value) if value else b""
        # Most components are empty texts.
        return self._join(self._marks.component, [self._component(item) if item else b"" for item in value])

    def _component(self, value: Component) -> bytes:
        if isinstance(value, str):
            return self._leaf(value)
        return self._join(self._marks.subcomponent, [self._leaf(item) if item else b"" for item in value])

    def _leaf(self, value: str) -> bytes:
        if self._unsafe(value) is not None and not isinstance(value, Raw):
            value = escape(value, self._marks)
        return value.encode(self._codec, "replace")

    @staticmethod
    def _join(mark: bytes, pieces: list[bytes]) -> bytes:
        while pieces and not pieces[-1]:
            pieces.pop()
        return mark.join(pieces)
