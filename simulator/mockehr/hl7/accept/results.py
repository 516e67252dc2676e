"""One OBX as an Observation: its code, status, flags, range, performers. What it belongs to is said by its caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import address, authority_system, clinician, concept, human_name, when
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.accept.values import Value, reference_range
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.terms import INTERPRETATION, LOCAL_AUTHORITY, OBSERVATION_STATUS

OBSERVATION_KEY: Final = LOCAL_AUTHORITY + "observation"
"""System of the identifier by which a corrected result finds the Observation that it corrects."""
STATUS: Final = {**OBSERVATION_STATUS, "N": "cancelled", "V": "final", "B": "amended"}
"""Table 0085 to observation-status, with the codes that came after 2.5."""
WITHDRAWN: Final = "entered-in-error"
_SETTLED: Final = frozenset({"final", "amended", "corrected", "appended"})
_WEAK: Final = frozenset({"registered", "preliminary", "partial"})
_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_FLAGS: Final = frozenset(
    {
        "L", "H", "LL", "HH", "<", ">", "N", "A", "AA", "U", "D", "B", "W", "S", "R", "I", "MS", "VS", "NS", "SYN-R",
        "SYN-S", "SDD", "POS", "NEG", "IND", "E", "ND", "WR", "RR", "NR", "EXP", "UNE", "HX", "LX", "HM", "HU", "LU",
        "AC", "TOX", "CAR", "IE", "DET",
    }
)  # fmt: skip
"""Codes of v3-ObservationInterpretation (table 0078); other flags are only text."""
_SNAPSHOT: Final = (
    "valueQuantity", "valueCodeableConcept", "valueString", "valueBoolean", "valueInteger", "valueRange",
    "valueRatio", "valueSampledData", "valueTime", "valueDateTime", "valuePeriod", "dataAbsentReason",
    "interpretation", "referenceRange", "note", "method",
)  # fmt: skip
"""What an OBX says anew each time: what it leaves out no longer holds."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a result says, given one that is known: lists `joined` grow, for a message may tell of a part only, and a
    preliminary one that comes late changes nothing, unless it `overwrites`."""

    joined: tuple[str, ...] = ()
    overwrites: bool = False

    def __call__(self, stored: JSON | None, told: JSON) -> JSON | None:
        found = {**told, "basedOn": [one for one in told["basedOn"] if one]} if "basedOn" in told else dict(told)
        if "basedOn" in found and not found["basedOn"]:
            del found["basedOn"]
        if stored is None:
            return found
        if not self.overwrites and found["status"] in _WEAK and stored.get("status") in _SETTLED:
            return None
        for name in self.joined:
            if name in found:
                known = stored.get(name) or []
                found[name] = [*known, *(one for one in found[name] if one not in known)]
        return found


def status_of(obx: Segment, context: Context, sequence: int) -> str:
    """OBX-11, or what the dialect reads where it is empty. Raises Rejection: 101 without one, 103 if unknown."""
    code = obx.text(11, 1, 1) if obx.has(11) else context.dialect.default_result_status
    if not code:
        raise Rejection("AE", Fault(101, "OBX", sequence, 11, text="OBX-11 (observation result status) is empty"))
    if code not in STATUS:
        text = f"OBX-11 is {code!r}, not one of {', '.join(STATUS)}"
        raise Rejection("AE", Fault(103, "OBX", sequence, 11, text=text))
    return STATUS[code]


def observation(obx: Segment, status: str, value: Value | None, context: Context, sequence: int) -> JSON:
    """The Observation that an OBX describes, without category, subject, encounter and identifier."""
    found: JSON = {"resourceType": "Observation", "status": status, "code": concept(obx.repetitions(3)[0]) or {}}
    effective = when(obx, 14, context, sequence=sequence)
    if effective:
        found["effectiveDateTime"] = effective
    if value:
        found[value[0]] = value[1]
    if obx.text(11, 1, 1) == "N":
        found["dataAbsentReason"] = {"coding": [{"system": _ABSENT, "code": "not-asked"}]}
    ranges = reference_range(obx)
    if ranges:
        found["referenceRange"] = ranges
    flags = [part(item, 1) for item in obx.repetitions(8)]
    if any(flags):
        found["interpretation"] = [_flag(flag) for flag in flags if flag]
    method = concept(obx.repetitions(17)[0]) if obx.has(17) else None
    if method:
        found["method"] = method
    _performers(found, obx)
    return found


def cleared(resource: JSON) -> tuple[str, ...]:
    """The elements of a stored Observation that a newer OBX takes away by not saying them; a withdrawn result stays
    what it was, but for its status."""
    if resource["status"] == WITHDRAWN:
        return ()
    return tuple(name for name in _SNAPSHOT if name not in resource)


def _flag(flag: str) -> JSON:
    if flag == "*":
        return {"coding": [{"system": INTERPRETATION, "code": "A"}], "text": flag}
    return {"coding": [{"system": INTERPRETATION, "code": flag}]} if flag in _FLAGS else {"text": flag}


def _performers(found: JSON, obx: Segment) -> None:
    """OBX-23 to OBX-25 as an Organization within the Observation, OBX-15 as the name of one, OBX-16 as a person."""
    performers: list[JSON] = []
    if obx.has(23):
        found["contained"] = [_organization(obx)]
        name = obx.text(23, 1, 1)
        performers.append({"reference": "#performer", **({"display": name} if name else {})})
    elif obx.has(15):
        producer = obx.repetitions(15)[0]
        name = part(producer, 2) or part(producer, 1)
        if name:
            performers.append({"type": "Organization", "display": name})
    who = clinician(obx.repetitions(16)[0]) if obx.has(16) else None
    if who:
        performers.append(who)
    if performers:
        found["performer"] = performers


def _organization(obx: Segment) -> JSON:
    item: Repetition = obx.repetitions(23)[0]
    found: JSON = {"resourceType": "Organization", "id": "performer"}
    if part(item, 1):
        found["name"] = part(item, 1)
    number = part(item, 10) or part(item, 3)
    if number:
        system = authority_system(item, 6)
        found["identifier"] = [{"system": system, "value": number} if system else {"value": number}]
    where = address(obx.repetitions(24)[0]) if obx.has(24) else None
    if where:
        found["address"] = [where]
    director = human_name(obx.repetitions(25)[0][1:]) if obx.has(25) else None
    if director:
        found["contact"] = [{"name": director}]
    return found
