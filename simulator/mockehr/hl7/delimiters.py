"""Delimiters as MSH-1 and MSH-2 declare them, and the escape sequences that depend on them (HL7 v2 chapter 2.7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_FORMATS: Final = r"\.(?:br|sp|in|ti|fi|nf|ce|sk)[+-]?[0-9]{0,6}"
_SEQUENCE_BODY: Final = rf"[FSTREPHN]|X[0-9A-Fa-f]+|{_FORMATS}|C[0-9A-Fa-f]{{4}}|M[0-9A-Fa-f]{{4,6}}|Z[^{{0}}]*"
_CONTROLS: Final = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """One byte each; empty if MSH-2 is too short to declare it. `truncation` exists since 2.7 (`^~\\&#`)."""

    field: bytes = b"|"
    component: bytes = b"^"
    repetition: bytes = b"~"
    escape: bytes = b"\\"
    subcomponent: bytes = b"&"
    truncation: bytes = b""

    @classmethod
    def of(cls, header: bytes) -> Delimiters:
        """The delimiters that a segment starting with MSH, FHS or BHS declares; the usual ones if none."""
        separator = header[3:4]
        if not separator or separator in b"\r\n":
            return DEFAULT
        declared = header[4:12].split(separator, 1)[0].split(b"\r", 1)[0].split(b"\n", 1)[0]
        if separator == b"|" and declared == b"^~\\&":
            return DEFAULT
        one = [declared[place : place + 1] for place in range(5)]
        return cls(separator, one[0], one[1], one[2], one[3], one[4])

    @property
    def declaration(self) -> bytes:
        """MSH-2 as it declares these delimiters."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation

    @property
    def letters(self) -> tuple[tuple[bytes, str], ...]:
        """(delimiter, letter of its escape sequence), the escape character first."""
        return (
            (self.escape, "E"),
            (self.field, "F"),
            (self.component, "S"),
            (self.repetition, "R"),
            (self.subcomponent, "T"),
            (self.truncation, "P"),
        )


DEFAULT: Final = Delimiters()


def escape(text: str, delimiters: Delimiters = DEFAULT) -> str:
    """Text made safe as a value: delimiters as `\\F\\` and so on, control characters as `\\X0D\\`."""
    if unsafe(delimiters)(text) is None:
        return text
    mark = delimiters.escape.decode("latin-1")
    if mark:
        for delimiter, letter in delimiters.letters:
            character = delimiter.decode("latin-1")
            if character and character in text:
                # The escape character comes first, so the sequences written here are not escaped again.
                text = text.replace(character, f"{mark}{letter}{mark}")
    if _CONTROLS.search(text):
        text = _CONTROLS.sub(lambda found: f"{mark}X{ord(found[0]):02X}{mark}" if mark else " ", text)
    return text


@lru_cache(maxsize=64)
def unsafe(delimiters: Delimiters) -> Callable[[str], re.Match[str] | None]:
    """Finds the first character of a text that `escape` would change: most texts have none."""
    characters = b"".join(character for character, _ in delimiters.letters) if delimiters.escape else b""
    return re.compile(f"[\\x00-\\x1f{re.escape(characters.decode('latin-1'))}]").search


def unescape(text: str, delimiters: Delimiters = DEFAULT, codec: str = "utf-8") -> str:
    """The text that escape sequences stand for; what is no known sequence (a lone backslash) stays as it is.

    `\\.br\\`, `\\.sp\\` and `\\.ce\\` become line feeds, `\\.sk n\\` spaces, highlighting and other formatting
    nothing; `\\Xdd..\\` is read in `codec`, leading zero octets dropped (peers write `\\X000d\\`); `\\C`, `\\M` and
    `\\Z` sequences stay. `\\E\\X09\\E\\` is the text `\\X09\\`: one level only.
    """
    mark = delimiters.escape.decode("latin-1")
    if not mark or mark not in text:
        return text
    quoted = re.escape(mark)
    pattern = f"{quoted}({_SEQUENCE_BODY.replace('{0}', quoted)}){quoted}"
    plain = {letter: character.decode("latin-1") for character, letter in delimiters.letters if character}

    def meaning(found: re.Match[str]) -> str:
        body = found[1]
        if body[0] == "X":
            digits = body[1:] if len(body) % 2 else "0" + body[1:]
            octets = bytes.fromhex(digits)
            return (octets.lstrip(b"\x00") or octets[:1]).decode(codec, "replace")
        if body[0] == ".":
            return _format(body[1:3].lower(), body[3:])
        if body in ("H", "N"):
            return ""
        return plain.get(body, found[0])

    return re.sub(pattern, meaning, text, flags=re.IGNORECASE if "." in text else 0)


def _format(command: str, count: str) -> str:
    times = int(count) if count.isdigit() else 1
    if command in ("br", "ce"):
        return "\n"
    if command == "sp":
        return "\n" * min(times, 100)
    return " " * min(times, 1000) if command == "sk" else ""


def translate(raw: bytes, old: Delimiters, new: Delimiters) -> bytes:
    """One segment's bytes from one set of delimiters to another, escaping data that the new set claims."""
    letters = {letter.encode(): character for character, letter in old.letters if character}
    escapes = {character: new.escape + letter.encode() + new.escape for character, letter in new.letters if character}
    swaps = {
        getattr(old, name): getattr(new, name)
        for name in ("field", "component", "repetition", "subcomponent")
        if getattr(old, name)
    }
    special = b"".join(re.escape(character) for character in {*swaps, *escapes})
    mark = re.escape(old.escape)
    body = _SEQUENCE_BODY.replace("{0}", mark.decode("latin-1")).encode("latin-1")
    pattern = (mark + b"(" + body + b")" + mark + b"|" if old.escape else b"()(?!)|") + b"[" + special + b"]"

    def swap(found: re.Match[bytes]) -> bytes:
        sequence = found[1]
        if sequence:
            character = letters.get(sequence)
            if character is None:
                return new.escape + sequence + new.escape
            return escapes.get(character, character)
        return swaps.get(found[0]) or escapes[found[0]]

    return re.sub(pattern, swap, raw)
