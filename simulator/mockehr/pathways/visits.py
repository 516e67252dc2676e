"""Encounters: how a visit begins, where it takes place, how it moves on. Shared by steps that are about visits."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.beds import Bed
from mockehr.pathways.scalars import coded
from mockehr.population.chart.codes import HL7, ICD10, coding, hl7, snomed
from mockehr.population.chart.visits import VISIT_NUMBERS

VisitClass = Literal["inpatient", "emergency", "outpatient", "observation", "preadmission"]
CLASSES: Final = MappingProxyType(
    {
        "inpatient": ("IMP", "inpatient encounter"),
        "emergency": ("EMER", "emergency"),
        "outpatient": ("AMB", "ambulatory"),
        "observation": ("OBSENC", "observation encounter"),
        "preadmission": ("PRENC", "pre-admission"),
    }
)
"""v3-ActCode of each class of visit."""
_TYPES: Final = MappingProxyType(
    {
        "inpatient": ("32485007", "Hospital admission (procedure)"),
        "emergency": ("50849002", "Emergency room admission (procedure)"),
        "outpatient": ("185349003", "Encounter for check up (procedure)"),
        "observation": ("448951000124107", "Admission to observation unit (procedure)"),
        "preadmission": ("32485007", "Hospital admission (procedure)"),
    }
)
OPEN: Final = ("planned", "arrived", "in-progress", "onleave")
"""Statuses of a visit that may still go on."""


def begin_visit(
    act: Act, status: str, kind: str, event: str, *, bed: Bed | None, reason: str, title: str, source: str = ""
) -> str:
    """Write a new Encounter; returns its key. `source` is an admit-source code and its display."""
    someone, hospital = act.someone, act.hospital
    ward = bed.ward if bed is not None else "MED"
    if title or kind not in ("outpatient", "preadmission"):
        someone.attending = hospital.clinician(ward, title, act.stream)
    body: JSON = {
        "identifier": [
            {
                "use": "official",
                "type": hl7("v2-0203", "VN", "Visit number"),
                "system": VISIT_NUMBERS,
                "value": f"V{hospital.number():09d}",
            }
        ],
        "status": status,
        "class": class_of(kind),
        "type": [snomed(*_TYPES[kind])],
        "subject": act.subject(),
        "participant": [_participant(act, kind)],
    }
    if status != "planned":
        body["period"] = {"start": act.when}
    if reason:
        body["reasonCode"] = [coded(ICD10, reason)]
    if source:
        code, _, display = source.partition(" ")
        body["hospitalization"] = {"admitSource": hl7("admit-source", code, display)}
    if bed is not None:
        body["location"] = [stay(act, bed)]
    elif kind == "outpatient":
        body["location"] = [{"location": hospital.clinic(act.patient()), "status": "active"}]
    body["serviceProvider"] = hospital.house("hospital")
    someone.conditions = []
    someone.left = []
    someone.bed = bed
    someone.visit = act.put("Encounter", "us-core-encounter", body, event)
    return someone.visit


def class_of(kind: str) -> JSON:
    """The class of an Encounter."""
    return coding(HL7 + "v3-ActCode", *CLASSES[kind])


def _participant(act: Act, kind: str) -> JSON:
    role = ("PPRF", "primary performer") if kind == "outpatient" else ("ATND", "attender")
    return {"type": [hl7("v3-ParticipationType", *role)], "individual": act.attending()}


def stay(act: Act, bed: Bed) -> JSON:
    """One element of `location`: that bed, from now on."""
    return {"location": act.hospital.location(bed), "status": "active", "period": {"start": act.when}}


def moved(act: Act, visit: JSON, bed: Bed) -> list[JSON]:
    """`location` of a visit that goes on in another bed."""
    return [*(_left(act, one) for one in visit.get("location", [])), stay(act, bed)]


def gone(act: Act, visit: JSON) -> list[JSON]:
    """`location` of a visit that is over."""
    return [_left(act, one) for one in visit.get("location", [])]


def _left(act: Act, place: JSON) -> JSON:
    if place.get("status") != "active":
        return place
    period = {**place["period"], "end": act.when} if "period" in place else None
    return {**place, "status": "completed", **({"period": period} if period else {})}


def reclassed(act: Act, visit: JSON, kind: str) -> JSON:
    """What changes when a visit becomes one of another class."""
    since = visit["classHistory"][-1]["period"]["end"] if visit.get("classHistory") else _start(act, visit)
    past = {"class": visit["class"], "period": {"start": since, "end": act.when}}
    made: JSON = {"class": class_of(kind), "type": [snomed(*_TYPES[kind])]}
    return made | {"classHistory": [*visit.get("classHistory", []), past]}


def _start(act: Act, visit: JSON) -> str:
    return str(visit.get("period", {}).get("start", act.when))


def free(act: Act) -> None:
    """Whoever lies in a bed leaves it."""
    bed, act.someone.bed = act.someone.bed, None
    if bed is not None:
        act.hospital.beds.release(bed)


def is_open(visit: JSON) -> bool:
    """Whether a visit may still go on."""
    return visit["status"] in OPEN


def class_code(visit: JSON) -> Any:
    """Its v3-ActCode."""
    return visit["class"]["code"]
