"""Lines and columns of issues, where the JSON text is at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from json import JSONDecoder
from typing import Final

from mockehr.fhir.validation.issue import Issue

LARGEST: Final = 1 << 18
"""Octets of a text that is looked through; in a larger one the expression has to do."""
_BLANK = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"([^.\[\]]+(?:\[x\])?)(?:\[([0-9]+)\])?")
_DECODER = JSONDecoder()


def place(issues: Sequence[Issue], body: bytes) -> list[Issue]:
    """The same issues with line and column of the elements in `body`, the text that the document was parsed from.

    Of what is missing, the place of the object that should have it. Issues stay as they are where nothing is found,
    or where the text is larger than LARGEST. Never raises.
    """
    if len(body) > LARGEST:
        return list(issues)
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    return [_placed(issue, text) for issue in issues]


def _placed(issue: Issue, text: str) -> Issue:
    try:
        offset = _offset(text, issue.expression)
    except (ValueError, IndexError, RecursionError):
        return issue
    return replace(issue, line=text.count("\n", 0, offset) + 1, column=offset - (text.rfind("\n", 0, offset) + 1) + 1)


def _offset(text: str, expression: str) -> int:
    """Where the value at an expression begins, or the deepest one on the way that is there."""
    at = _skip(text, 0)
    for name, position in _STEP.findall(expression.partition(".")[2]):
        found = _member(text, at, name)
        if found is None:
            return at
        at = found
        if position and text[at] == "[":
            inner = _item(text, at, int(position))
            if inner is None:
                return at
            at = inner
    return at


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _member(text: str, at: int, name: str) -> int | None:
    """Where the value of a member begins; an element that has only extensions is under `_name`."""
    if text[at] != "{":
        return None
    beside = None
    at = _skip(text, at + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == name:
            return at
        if key == f"_{name}":
            beside = at
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        if text[at] != ",":
            break
        at = _skip(text, at + 1)
    return beside


def _item(text: str, at: int, position: int) -> int | None:
    at = _skip(text, at + 1)
    for _ in range(position):
        if text[at] == "]":
            return None
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        if text[at] != ",":
            return None
        at = _skip(text, at + 1)
    return at
