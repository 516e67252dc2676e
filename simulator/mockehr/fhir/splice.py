"""Taking JSON text apart and putting it together without reading what is not touched: bytes stay what they were.

Works on text that is known to be JSON (it was parsed before); anything else gives a ValueError or nonsense.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)

Span = tuple[int, int]
"""[start, end) in octets."""


def members(text: bytes, within: Span | None = None) -> Iterator[tuple[str, Span]]:
    """The members of the object that `text` (or its span) is: name and span of the value, in order."""
    name, value_start, last, depth, wants_name = "", -1, 0, 0, True
    start, end = within or (0, len(text))
    for token in _TOKEN.finditer(text, start, end):
        letter = text[token.start() : token.start() + 1]
        if letter in b"{[":
            depth += 1
            if depth == 2 and value_start < 0:
                value_start = token.start()
        elif letter in b"}]":
            depth -= 1
            if depth == 0:
                if value_start >= 0:
                    yield name, (value_start, last)
                return
        elif depth == 1:
            if letter == b"," and value_start >= 0:
                yield name, (value_start, last)
                value_start, wants_name = -1, True
            elif letter == b":":
                wants_name = False
            elif letter != b",":
                if wants_name:
                    name = _name(token.group())
                else:
                    value_start = token.start()
        last = token.end()


def items(text: bytes, within: Span) -> Iterator[Span]:
    """The spans of the items of the list at that span, in order."""
    value_start, last, depth = -1, 0, 0
    for token in _TOKEN.finditer(text, *within):
        letter = text[token.start() : token.start() + 1]
        if letter in b"}]":
            depth -= 1
            if depth == 0:
                if value_start >= 0:
                    yield value_start, last
                return
        elif letter == b"," and depth == 1:
            yield value_start, last
            value_start = -1
        elif depth == 1 and value_start < 0:
            value_start = token.start()
        if letter in b"{[":
            depth += 1
        last = token.end()


def with_members(text: bytes, values: Mapping[str, bytes | None]) -> bytes:
    """The object with some members set (or taken out: None), everything else as it stands.

    Members that were not there come after the first one, in the order given (`resourceType` is first as a rule).
    """
    edits: list[tuple[int, int, bytes]] = []
    missing = {name: value for name, value in values.items() if value is not None}
    found = list(members(text))
    for position, (name, (start, end)) in enumerate(found):
        if name not in values:
            continue
        value = values[name]
        missing.pop(name, None)
        edits.append((start, end, value) if value is not None else _cut(text, found, position))
    added = b",".join(b'"' + name.encode() + b'":' + value for name, value in missing.items())
    if added:
        stays = next((position for position, (name, _) in enumerate(found) if values.get(name, b"") is not None), -1)
        at = found[stays][1][1] if stays >= 0 else text.index(b"{") + 1
        edits.append((at, at, b"," + added if stays >= 0 else added))
    made, reached = [], 0
    for start, end, value in sorted(edits):
        made += [text[reached:start], value]
        reached = end
    return b"".join([*made, text[reached:]])


def _cut(text: bytes, found: list[tuple[str, Span]], position: int) -> tuple[int, int, bytes]:
    """What to take out for a member: from the end of the one before it, or up to the name of the one after it."""
    end = found[position][1][1]
    if position:
        return found[position - 1][1][1], end, b""
    start = text.index(b"{") + 1
    if len(found) == 1:
        return start, end, b""
    return start, text.index(b",", end) + 1, b""


def _name(token: bytes) -> str:
    text = token[1:-1].decode("utf-8", "surrogateescape")
    return str(json.loads(token)) if "\\" in text else text
