"""Cuts a segment to what its version of HL7 knows, so that one emitter serves versions 2.1 to 2.8.2.

Emitters write the newest form. What an older version lacks is left out: fields after its last one, repetitions where
a field may not repeat, components that a data type does not have (CWE to CE, XPN to PN, CX to CK, HD to ST); what a
newer one has withdrawn is left out too. Nothing is made up: a required field that the emitter does not fill stays
empty. What an observation says (OBX-5) is never cut to fewer repetitions, because its lines are a report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from mockehr.hl7.versions import UNBOUNDED, Slot, components_of, fields_of, is_standard, knows_datatype
from mockehr.hl7.write import Component, Field, Repeat

Item = Sequence[Component] | str
"""One repetition of a field."""
Fit = Callable[[Field], Field]
"""Takes the value of one field to what its version allows there."""

_OPEN: Final = frozenset({"varies", "CM"})
"""Data types that say nothing about their components."""
_DEGREES: Final = {4: "Y", 6: "L", 8: "D", 10: "H", 12: "M", 14: "S"}
"""Digits of a time stamp to its degree of precision (2.1, chapter 2)."""
_STAND_INS: Final = {"CWE": "CE", "CNE": "CE", "DTM": "TS", "CE": "CWE", "TS": "DTM"}
"""The data type of OBX-5 to use in a version that does not have the one in OBX-2."""


def fit(segment_id: str, fields: Mapping[int, Field], version: str) -> Mapping[int, Field]:
    """The fields of one segment as `version` (as in MSH-12) has them.

    Empty if the version does not have the segment at all: then it is not to be written. A segment of the site's own
    (one that no version has) comes back as it is.
    """
    fits = _fits(version, segment_id)
    if fits is None:
        return fields if not is_standard(segment_id) else {}
    if segment_id == "OBX":
        return _fit_observation(fits, fields, version)
    last = len(fits)
    fitted = {}
    for number, value in fields.items():
        if value and number <= last:
            one = fits[number]
            fitted[number] = value if one is None else one(value)
    return fitted


@lru_cache(maxsize=4096)
def _fits(version: str, segment_id: str) -> dict[int, Fit | None] | None:
    """Field number to what cuts it, None where nothing has to be; None if the version lacks the segment."""
    slots = fields_of(version, segment_id)
    return {number: _fit_of(version, slot) for number, slot in enumerate(slots, 1)} or None


def _fit_observation(fits: dict[int, Fit | None], fields: Mapping[int, Field], version: str) -> Mapping[int, Field]:
    """OBX: its second field says the data type of the fifth."""
    fitted = {}
    for number, value in fields.items():
        one = fits.get(number, _nothing)
        fitted[number] = value if one is None or number == 5 else one(value)
    kind = fields.get(2, "")
    if isinstance(kind, str) and kind:
        if not knows_datatype(version, kind):
            fitted[2] = kind = _STAND_INS.get(kind, kind)
        content = _fit_of(version, Slot(kind, limit=UNBOUNDED))
        if content is not None and 5 in fitted:
            fitted[5] = content(fitted[5])
    return fitted


def _nothing(value: Field) -> Field:
    return ""


@lru_cache(maxsize=4096)
def _fit_of(version: str, slot: Slot) -> Fit | None:
    if not slot.datatype:
        return _nothing
    one = _fit_of_type(version, slot.datatype)
    limit = slot.limit

    def whole(value: Field) -> Field:
        if isinstance(value, str):
            return value if one is None else one(value)
        if isinstance(value, Repeat):
            cut = [item if one is None else one(item) for item in value]
            kept = [item for item in cut if item]
            if limit:
                del kept[limit:]
            return kept[0] if len(kept) == 1 else Repeat(kept) if kept else ""
        return value if one is None else one(value)

    return whole


@lru_cache(maxsize=4096)
def _fit_of_type(version: str, datatype: str) -> Callable[[Item], Item] | None:
    """What cuts one repetition to a data type; None if nothing has to be cut."""
    if datatype in _OPEN or (not knows_datatype(version, datatype)):
        return None
    if datatype == "TN":
        return _telephone
    if datatype == "DT":
        return _day
    parts = components_of(version, datatype)
    if not parts:
        return _first
    if datatype == "TS" and len(parts) > 1 and parts[1].required:
        return _graded
    if datatype == "XTN" and not parts[0].datatype:
        return _unformatted(parts)
    return _composite(version, parts)


def _composite(version: str, parts: tuple[Slot, ...]) -> Callable[[Item], Item]:
    withdrawn = tuple(place for place, part in enumerate(parts) if not part.datatype)
    widths = tuple(len(components_of(version, part.datatype)) for part in parts)
    width = len(parts)

    def components(value: Item) -> Item:
        if isinstance(value, str):
            return value
        if not withdrawn and len(value) <= width:
            for part in value:
                if not isinstance(part, str):
                    break
            else:
                return value
        cut = list(value[:width])
        for place, part in enumerate(cut):
            if not isinstance(part, str):
                cut[place] = part[: widths[place]] if widths[place] else _leaf(part)
        for place in withdrawn:
            if place < len(cut):
                cut[place] = ""
        return cut

    return components


def _unformatted(parts: tuple[Slot, ...]) -> Callable[[Item], Item]:
    """XTN since its first component is withdrawn (2.6): such a number goes to the twelfth, the unformatted one."""

    def telephone(value: Item) -> Item:
        leaves: list[Component] = [value] if isinstance(value, str) else list(value[: len(parts)])
        if leaves and leaves[0]:
            leaves += [""] * (12 - len(leaves))
            leaves[11] = leaves[11] or leaves[0]
            leaves[0] = ""
        return leaves

    return telephone


def _leaf(value: Component) -> str:
    """The first subcomponent that says something."""
    return value if isinstance(value, str) else next((part for part in value if part), "")


def _first(value: Item) -> str:
    """The first component, or the one that follows if it is empty (a code without a code has its text)."""
    return value if isinstance(value, str) else next((leaf for leaf in map(_leaf, value) if leaf), "")


def _day(value: Item) -> str:
    return _first(value)[:8]


def _graded(value: Item) -> Item:
    """A time stamp of 2.1, which names its degree of precision."""
    stamp = _first(value)
    degree = _DEGREES.get(len(stamp.partition(".")[0].partition("+")[0].partition("-")[0]), "")
    return [stamp, degree] if degree else stamp


def _telephone(value: Item) -> str:
    """XTN as TN: its first component, or a number made of area code and local number, or the unformatted one."""
    if isinstance(value, str):
        return value
    leaves = [_leaf(part) for part in value] + [""] * 12
    if leaves[0]:
        return leaves[0]
    if leaves[6]:
        return (f"({leaves[5]})" if leaves[5] else "") + leaves[6]
    return leaves[11]
