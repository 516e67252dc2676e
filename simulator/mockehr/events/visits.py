"""What the changes of an Encounter mean for those who wait for visits to begin, go on elsewhere, or end."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.events.topic import became

STAYS: Final = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC"})
"""Codes of v3-ActEncounterCode for visits with a bed: inpatients, and those who are kept for observation."""
_VISITS: Final = frozenset({"AMB", "EMER", "FLD", "HH", "PRENC", "SS", "VR"})
"""The codes of the same system for those without."""
UNDER_WAY: Final = ("in-progress", "onleave", "triaged")
FILTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: name
        for name in ("_id", "class", "location", "participant", "patient", "service-provider", "subject", "type")
    }
)
"""What subscriptions to visits may be narrowed by."""
RELATED: Final[Mapping[str, str]] = MappingProxyType(
    {"Patient": "Encounter:subject", "Observation": "Observation:encounter"}
)


def begins(change: Change) -> bool:
    """A visit is under way that was not before."""
    return _of_visit(change) and became(change, *UNDER_WAY)


def ends(change: Change) -> bool:
    """A visit is finished that was not before."""
    return _of_visit(change) and became(change, "finished")


def admits(change: Change) -> bool:
    """A stay is under way that was none, or was not under way, before."""
    if not _of_visit(change) or change.kind == "delete" or change.document.get("status") not in UNDER_WAY:
        return False
    was = change.before is not None and change.status_before in UNDER_WAY and is_stay(change.before)
    # a vendor may write classes of its own: then the hospital's word for it tells
    return not was and (is_stay(change.document) or (begins(change) and change.event == "ADT^A01"))


def discharges(change: Change) -> bool:
    """A stay is finished that was not before."""
    strange = _class_code(change.document) not in STAYS | _VISITS
    return ends(change) and (is_stay(change.document) or (strange and change.event == "ADT^A03"))


def moves(change: Change) -> bool:
    """A visit that is under way and was before has other places than it had."""
    if not _of_visit(change) or change.kind == "delete" or change.before is None:
        return False
    under_way = change.document.get("status") in UNDER_WAY and change.status_before in UNDER_WAY
    there = beds(change.document)
    return under_way and bool(there) and there != beds(change.before)


def is_stay(visit: JSON) -> bool:
    """Whether the class of an Encounter is one with a bed."""
    return _class_code(visit) in STAYS


def _class_code(visit: JSON) -> str:
    coding = visit.get("class")
    return str(coding.get("code", "")) if isinstance(coding, dict) else ""


def beds(visit: JSON) -> frozenset[str]:
    """References to where the patient is at present: places that are neither over nor yet to come."""
    listed: Any = visit.get("location")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return frozenset(
        str((one.get("location") or {}).get("reference", ""))
        for one in found
        if not (one.get("period") or {}).get("end") and one.get("status", "active") == "active"
    ) - {""}


def _of_visit(change: Change) -> bool:
    return change.resource_type == "Encounter"
