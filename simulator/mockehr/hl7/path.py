"""Terse paths into a message.

    path       = segment [ "[" n "]" ] "-" field [ repetition ] [ "." component [ "." subcomponent ] ]
    repetition = "[" n "]" | "(" n ")"

All numbers count from 1. `PID-5.1` is the family name, `PID-3[2].1` the second identifier, `OBX[2]-5(1).2` the second
component of the second OBX's first value. Where a number is left out, `get` means the first and `get_all` means all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mockehr.core.errors import UsageError

_PATH: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9]{2})(?:\[(\d+)\])?-(\d+)(?:\[(\d+)\]|\((\d+)\))?(?:\.(\d+)(?:\.(\d+))?)?"
)


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path; 0 stands for a number that was left out."""

    segment: str
    occurrence: int
    field: int
    repetition: int
    component: int
    subcomponent: int


@lru_cache(maxsize=1024)
def parse_path(text: str) -> Path:
    """The parts of a terse path; raises UsageError if it is none."""
    found = _PATH.fullmatch(text)
    if found is None or any(part is not None and part.isdigit() and int(part) == 0 for part in found.groups()[1:]):
        raise UsageError(
            f"{text!r} is no path into an HL7 message.",
            remedy="Write it like PID-5.1, PID-3[2].1 or OBX[2]-5(1).2; all numbers count from 1.",
        )
    segment, occurrence, field, square, round_, component, subcomponent = found.groups()
    return Path(
        segment,
        int(occurrence or 0),
        int(field),
        int(square or round_ or 0),
        int(component or 0),
        int(subcomponent or 0),
    )
