"""The versions of HL7 v2 and what each knows: which fields a segment has, of which data type, how often.

The facts come from `corpora/hl7/versions.json`, which `corpora/hl7/derive_versions.py` makes; the file is read when
somebody asks for the first time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mockehr.core.data import data_root

VERSIONS: Final = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
"""In order of age. (2.7.1 changed no segment that 2.7 had otherwise, and is read as 2.7.)"""

NEWEST: Final = VERSIONS[-1]
_NUMBERS: Final = re.compile(r"\s*(\d{1,4}(?:\.\d{1,4})*)")
_SLOT: Final = re.compile(r"(\w+)(!?)(\*?)(\d*)(?::(\d+))?")
UNBOUNDED: Final = 0
"""`Slot.limit` of what may repeat without end."""

Table = Mapping[str, Mapping[str, str | None]]
"""Name to version to the text of its slots from there on."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of a segment, or a component of a data type. Data type "" is withdrawn: nothing may stand there."""

    datatype: str
    """Such as `CX`; `varies` where another field says it."""
    required: bool = False
    limit: int = 1
    """How many repetitions there may be, or UNBOUNDED."""
    table: str = ""
    """Number of the HL7 table, such as `0001`; empty if there is none."""

    @property
    def repeats(self) -> bool:
        """True if there may be more than one."""
        return self.limit != 1


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


@lru_cache(maxsize=4096)
def fields_of(version: str, segment_id: str) -> tuple[Slot, ...]:
    """The fields of a segment in a version (as in MSH-12), field 1 first; empty if the version does not have it."""
    return _slots(_at(_tables()["segments"], segment_id, version))


@lru_cache(maxsize=4096)
def components_of(version: str, datatype: str) -> tuple[Slot, ...]:
    """The components of a data type in a version; empty if it has none, or the version does not have it."""
    return _slots(_at(_tables()["types"], datatype, version))


@lru_cache(maxsize=4096)
def knows_datatype(version: str, datatype: str) -> bool:
    """True if a version has that data type, with or without components."""
    return _at(_tables()["types"], datatype, version) is not None


def is_standard(segment_id: str) -> bool:
    """True if any version has that segment."""
    return segment_id in _tables()["segments"]


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Table]:
    text = (data_root("corpora") / "hl7" / "versions.json").read_text(encoding="utf-8")
    tables: Mapping[str, Table] = json.loads(text)
    return tables


def _at(table: Table, name: str, version: str) -> str | None:
    age = VERSIONS.index(known_version(version))
    past = [text for since, text in table.get(name, {}).items() if VERSIONS.index(since) <= age]
    return past[-1] if past else None


def _slots(text: str | None) -> tuple[Slot, ...]:
    return tuple(map(_slot, (text or "").split()))


@lru_cache(maxsize=4096)
def _slot(text: str) -> Slot:
    found = _SLOT.fullmatch(text)
    if found is None:
        return Slot("")
    datatype, required, repeats, most, table = found.groups()
    return Slot(datatype, bool(required), int(most or UNBOUNDED) if repeats else 1, table or "")


def _rank(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
