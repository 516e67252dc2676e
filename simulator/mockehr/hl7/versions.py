"""The versions of HL7 v2 and what each knows: which fields a segment has, of which data type, how often, how long.

The facts come from `corpora/hl7/versions.json`, which `corpora/hl7/derive_versions.py` makes; the file is read when
somebody asks for the first time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

VERSIONS: Final = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
"""In order of age. (2.7.1 changed no segment that 2.7 had otherwise, and is read as 2.7.)"""

NEWEST: Final = VERSIONS[-1]
_NUMBERS: Final = re.compile(r"\s*(\d{1,4}(?:\.\d{1,4})*)")


@lru_cache(maxsize=512)
def known_version(text: str) -> str:
    """The version of VERSIONS that MSH-12 means: itself, or the nearest lower one.

    `2.5.1^USA^` is 2.5.1, `2.2b` is 2.2, `2.7.1` is 2.7, `2.9` is 2.8.2; what is older than 2.1 is read as 2.1. What
    names no number (empty, `D`) is read as the newest, which knows most.
    """
    found = _NUMBERS.match(text)
    if not found:
        return NEWEST
    asked = _rank(found[1])
    return next((version for version in reversed(VERSIONS) if _rank(version) <= asked), VERSIONS[0])


def at_least(version: str, other: str) -> bool:
    """True if `version` (as in MSH-12) is `other` or newer; both are read by `known_version`."""
    return VERSIONS.index(known_version(version)) >= VERSIONS.index(known_version(other))


def _rank(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
