"""JSON that comes out as it went in: decimals keep their digits, doubled members are noticed (FHIR R4 json.html).

`1.10` is not `1.1` in FHIR (datatypes.html#decimal): a decimal that a float cannot write back is a `Lexical`, a float
that remembers its text. It counts and compares as a float, and `encode` writes the text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import orjson

LONGEST_NUMBER: Final = 100
"""Characters in a number; nobody measures to more digits, and converting them costs their square."""
_SUSPECT: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""Escapes that may stand for NUL or for half a character."""
_HALVES: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters that stand for no octet (`surrogateescape` uses U+DC80 to U+DCFF)."""
BOM: Final = b"\xef\xbb\xbf"
"""What some clients put before UTF-8; it is no part of the text (RFC 8259 section 8.1 lets it be ignored)."""
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""Brackets, and texts to be skipped. A text without an end is one as well, else its quotes were tried one by one."""
_DEEP: Final = 512
"""Levels that the parser walks at all. What may be stored is bounded more tightly (`mockehr.fhir.validate`)."""


class Unreadable(ValueError):
    """Text that is no JSON a FHIR server can take; the message says what is wrong and where, for people."""


class Lexical(float):
    """A decimal with its digits: `Lexical("1.10")`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Lexical:
        """From the text of a JSON number; raises ValueError if it is none."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __reduce__(self) -> tuple[type[Lexical], tuple[str]]:
        return Lexical, (self.text,)


def parse(body: bytes) -> Any:
    """The value that a JSON text stands for; raises Unreadable.

    Refused: bytes that are no UTF-8, a member that comes twice in one object, NaN and Infinity, numbers of more than
    LONGEST_NUMBER characters, NUL and lone surrogates, and nesting that no resource has.
    """
    try:
        text = body.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"byte {error.start} ({body[error.start : error.start + 1].hex()}) is no UTF-8") from None
    if too_nested(body):
        raise Unreadable(f"objects and lists are nested more than {_DEEP} levels deep")
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"line {error.lineno} column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise Unreadable(f"objects and lists are nested more than {_DEEP} levels deep") from None
    if _SUSPECT.search(text) and any(_is_broken(part) for part in _texts(found)):
        raise Unreadable("an escape stands for half a character, or for NUL")
    return found


def too_nested(body: bytes) -> bool:
    """Whether brackets alone may nest deeper than the parser should walk. Counts those in texts too: a quick look."""
    return body.count(b"[") + body.count(b"{") > _DEEP and _depth(body) > _DEEP


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for token in _BRACKETS.finditer(body):
        letter = token.group()
        if letter in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif letter in (b"]", b"}"):
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Unreadable(f"the member {twice[:80]!r} comes more than once in one object")
    return made


def _decimal(text: str) -> float:
    if len(text) > LONGEST_NUMBER:
        raise Unreadable(f"a number has {len(text)} characters; {LONGEST_NUMBER} are allowed")
    value = float(text)
    return value if repr(value) == text else Lexical(text)


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise Unreadable(f"a number has {len(text)} characters; {LONGEST_NUMBER} are allowed")
    return int(text)


def _constant(text: str) -> Any:
    raise Unreadable(f"{text} is no JSON number")


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def _is_broken(text: str) -> bool:
    return "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def encode(document: Any) -> bytes:
    """Compact JSON. Decimals keep their digits; lone surrogates become the octets that they stand for, or escapes."""
    try:
        return orjson.dumps(document, default=_fragment)
    except (TypeError, orjson.JSONEncodeError):
        return b"".join(_pieces(document))


def _fragment(value: Any) -> orjson.Fragment:
    if isinstance(value, Lexical):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _pieces(node: Any) -> Iterator[bytes]:
    """The long way, for what orjson does not write: raw octets in texts, integers of more than 64 bits."""
    if isinstance(node, dict):
        start = b"{"
        for key, value in node.items():
            yield start + _text(key) + b":"
            yield from _pieces(value)
            start = b","
        yield b"}" if node else b"{}"
    elif isinstance(node, (list, tuple)):
        start = b"["
        for value in node:
            yield start
            yield from _pieces(value)
            start = b","
        yield b"]" if node else b"[]"
    elif isinstance(node, str):
        yield _text(node)
    elif isinstance(node, int) and not isinstance(node, bool):
        yield str(node).encode()
    else:
        yield orjson.dumps(node, default=_fragment)


def _text(text: str) -> bytes:
    written = json.dumps(text, ensure_ascii=False)
    try:
        return written.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # halves of pairs that stand for no octet: JSON has them as escapes only
        return _HALVES.sub(lambda half: f"\\u{ord(half.group()):04x}", written).encode("utf-8", "surrogateescape")
