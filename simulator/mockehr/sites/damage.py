"""What happened to a text between the truth and the client: the encoding mistakes that can be told by their result.

Every test here asks the same way: does this mistake, made on the true text, give exactly the text that came out?
"""

from __future__ import annotations

import unicodedata
from typing import Final

_PAGES: Final = ("utf-8", "cp1252", "latin-1", "iso8859-15", "cp437", "cp850", "mac-roman", "utf-16-le")
_NAMES: Final = {"utf-8": "UTF-8", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
_STROKES: Final = str.maketrans(
    {
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
    }
)
_MAX_ROUNDS = 3


def same_text(expected: str, got: str) -> bool:
    """True for equal texts and for canonically equivalent ones (Unicode UAX #15: é is e plus an accent)."""
    return expected == got or unicodedata.normalize("NFC", expected) == unicodedata.normalize("NFC", got)


def damage(expected: str, got: str) -> str:
    """The encoding mistake that turned `expected` into `got`, in a few words; empty if none explains it."""
    if same_text(expected, got):
        return ""
    if "\ufffd" in got and "\ufffd" not in expected:
        return "characters replaced by U+FFFD"
    if got.lstrip("\ufeff") == expected or got.removeprefix("ï»¿") == expected:
        return "byte order mark kept as text"
    if any("\ud800" <= letter <= "\udfff" for letter in got) and not any("\ud800" <= x <= "\udfff" for x in expected):
        return "bytes kept as lone surrogates"
    if expected.isascii():
        return ""
    return _lossy(expected, got) or _misread(expected, got)


def fairly_read(text: str) -> str:
    """A text as a careful reader gets it: octets that were no UTF-8 (held as lone surrogates) as Windows-1252."""
    return "".join(_windows(ord(x) - 0xDC00) if "\udc80" <= x <= "\udcff" else x for x in text)


def whole_characters(text: str) -> str:
    """A text as libraries give it that replace halves of pairs (WHATWG Encoding, Go's encoding/json)."""
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)


def _lossy(expected: str, got: str) -> str:
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, expected)
        if got == text.encode("ascii", "replace").decode():
            return "characters replaced by question marks"
        if got == text.encode("ascii", "ignore").decode() != _without_accents(expected):
            return "characters dropped"
    if got in (_without_accents(expected), _without_accents(expected).encode("ascii", "ignore").decode()):
        return "accents dropped"
    return ""


def _misread(expected: str, got: str) -> str:
    for written in _PAGES:
        for read in _PAGES:
            if written == read:
                continue
            text = expected
            for round_ in range(1, _MAX_ROUNDS + 1):
                wrong = _reread(text, written, read)
                if wrong is None or wrong == text:
                    break
                text = wrong
                if text in (got, got.replace("\u00a0", " ")):
                    times = f", {round_} times over" if round_ > 1 else ""
                    return f"{_NAMES.get(written, written)} read as {_NAMES.get(read, read)}{times}"
    return ""


def _reread(text: str, written: str, read: str) -> str | None:
    """`text` written in one code page and read in another; None if that cannot be done without loss."""
    try:
        octets = text.encode(written)
    except UnicodeEncodeError:
        return None
    if read == "cp1252":  # browsers and databases read its five undefined octets as C1 controls
        return "".join(_windows(octet) for octet in octets)
    try:
        return octets.decode(read)
    except UnicodeDecodeError:
        return octets.decode(read, "ignore") if read == "utf-8" else None


def _windows(octet: int) -> str:
    try:
        return bytes([octet]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(octet)


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.translate(_STROKES))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
