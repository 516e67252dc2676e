"""JSON for people (`_pretty=true`, FHIR R4 http.html#general): blanks are added, and nothing else is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def indented(body: bytes) -> bytes:
    """The same JSON over several lines, two blanks a level. Digits, order and broken octets stay as they are.

    What is no JSON comes out in some form, and never raises.
    """
    return b"".join(_pieces(_TOKENS.findall(body)))


def _pieces(tokens: list[bytes]) -> Iterator[bytes]:
    depth = 0
    for place, token in enumerate(tokens):
        if token in (b"{", b"["):
            empty = tokens[place + 1 : place + 2] in ([b"}"], [b"]"])
            depth += 1
            yield token if empty else token + _line(depth)
        elif token in (b"}", b"]"):
            depth = max(0, depth - 1)
            empty = place > 0 and tokens[place - 1] in (b"{", b"[")
            yield token if empty else _line(depth) + token
        elif token == b",":
            yield token + _line(depth)
        elif token == b":":
            yield b": "
        else:
            yield token


def _line(depth: int) -> bytes:
    return b"\n" + b"  " * depth
