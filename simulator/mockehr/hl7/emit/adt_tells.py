"""Which ADT message tells of a Patient or an Encounter that was written over FHIR: a reading of what changed."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.terms import INPATIENT, PATIENT_CLASS

_HERE: Final = frozenset({"arrived", "triaged", "in-progress"})
_BEGINS: Final = MappingProxyType({"planned": "A05", "arrived": "A04", "triaged": "A04", "finished": "A03",
                                   "cancelled": "A11", "onleave": "A21"})  # fmt: skip


def tell_patient(change: Change, dialect: Dialect) -> str:
    """A28 and A29 for one who is new or gone, A40 for one who was merged into another, A24 and A37 for links; else
    the update that this dialect uses for persons."""
    if change.kind == "delete":
        return "ADT^A29"
    before, now = _links(change.before), _links(change.document)
    merged, was_merged = now.get("replaced-by", set()), before.get("replaced-by", set())
    if merged - was_merged:
        return "ADT^A40"
    if change.kind == "create":
        return "ADT^A28"
    if was_merged - merged or before.get("seealso", set()) - now.get("seealso", set()):
        return "ADT^A37"
    if now.get("seealso", set()) - before.get("seealso", set()):
        return "ADT^A24"
    return f"ADT^{dialect.person_update}"


def tell_encounter(change: Change, dialect: Dialect) -> str:
    """By status first (A05 planned, A04 arrived, A01 or A04 begun, A21 and A22 leave, A03 ended, A13 ended no more,
    A11, A27 or A38 cancelled), then by class (A06, A07) and place (A02, A12); else A08."""
    if change.kind == "delete":
        return "ADT^A23"
    before, now = change.before or {}, change.document
    was, status = str(before.get("status", "")), str(now.get("status", ""))
    if status == "entered-in-error":
        return "ADT^A23" if was and was != status else ""
    if status not in (*_BEGINS, "in-progress"):
        return ""
    trigger = _same(before, now) if was == status and change.kind == "update" else _turned(was, status, before, now)
    return f"ADT^{trigger}"


def _turned(was: str, status: str, before: JSON, now: JSON) -> str:
    """What a new status tells."""
    if status == "cancelled":
        return "A38" if was == "planned" else "A11"
    if status in _HERE and was == "finished":
        return "A13"
    if status in _HERE and was == "onleave":
        return "A22"
    if status == "planned" and was in _HERE:
        return "A11"  # the arrival is taken back
    if status in _HERE and was in _HERE:
        moved = _same(before, now)
        # Somebody in a bed is admitted only once treatment begins; an outpatient was registered before.
        begun = moved == "A08" and status == "in-progress" and was != "in-progress" and _inpatient(now)
        return "A01" if begun else moved
    if status == "in-progress":
        return "A01" if _inpatient(now) else "A04"
    return _BEGINS[status]


def _same(before: JSON, now: JSON) -> str:
    """What tells of a change within one status."""
    if before.get("class") and now.get("status") in (*_HERE, "onleave"):
        if _inpatient(now) and not _inpatient(before):
            return "A06"
        if _inpatient(before) and not _inpatient(now):
            return "A07"
    places, former = now.get("location") or [], before.get("location") or []
    if now.get("status") in (*_HERE, "onleave") and places and _place(places) != _place(former) and former:
        returned = len(places) < len(former) and any(_place([one]) == _place(places) for one in former)
        return "A12" if returned else "A02"
    return "A08"


def _inpatient(visit: JSON) -> bool:
    code = visit.get("class", {}).get("code", "")
    return code in INPATIENT or PATIENT_CLASS.get(code) == "I"


def current_place(places: list[JSON]) -> JSON | None:
    """The element of Encounter.location where the patient is: the last active one, else the last."""
    active = [one for one in places if one.get("status", "active") == "active"]
    return next(iter((active or places)[-1:]), None)


def _place(places: list[JSON]) -> tuple[str, str]:
    found: dict[str, Any] = (current_place(places) or {}).get("location", {})
    named = found.get("reference") or found.get("identifier", {}).get("value", "")
    return str(named), "" if named else str(found.get("display", ""))


def _links(patient: JSON | None) -> dict[str, set[str]]:
    """Patients linked, by type of the link."""
    found: dict[str, set[str]] = {}
    for link in (patient or {}).get("link") or ():
        reference = str(link.get("other", {}).get("reference", ""))
        if "Patient/" in reference:
            found.setdefault(str(link.get("type")), set()).add(reference.rsplit("Patient/", 1)[1])
    return found


TELLS: Final = {"Patient": tell_patient, "Encounter": tell_encounter}
"""Resource type to the message that tells of its change."""
