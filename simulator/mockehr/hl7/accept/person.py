"""PID (and MRG) as a Patient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import address, concept, human_name, identifier, required, telecom, when
from mockehr.hl7.accept.intents import Context, Key, Upsert
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.terms import ETHNICITY, GENDER, MARITAL_STATUS, OMB, RACE

_CLEARED_BY_NULL: Final = (
    (5, "name"),
    (7, "birthDate"),
    (8, "gender"),
    (11, "address"),
    (13, "telecom"),
    (15, "communication"),
    (16, "maritalStatus"),
    (29, "deceasedDateTime"),
    (30, "deceasedBoolean"),
)


def patient(pid: Segment, context: Context, key: str = "patient", *, sequence: int = 1) -> Upsert:
    """The Patient that a PID describes, to be found by any of its PID-3 identifiers.

    Raises Rejection: 101 without PID-3, 102 for a birth date or a death that is no time.
    """
    required(pid, 3, "patient identifier list", sequence=sequence)
    identifiers = [found for found in (identifier(item, context.dialect) for item in pid.repetitions(3)) if found]
    match = keys(identifiers)
    if not match:
        raise Rejection("AE", Fault(101, "PID", sequence, 3, 1, "PID-3 has no repetition with an id"))
    resource: JSON = {"resourceType": "Patient", "identifier": identifiers}
    _each(resource, "name", pid, (5,), human_name)
    _each(resource, "address", pid, (11,), address)
    phones = [
        found
        for field, use in ((13, "home"), (14, "work"))
        for found in (telecom(item, use) for item in pid.repetitions(field))
        if found
    ]
    if phones:
        resource["telecom"] = phones
    birth = when(pid, 7, context, sequence=sequence)
    if birth:
        resource["birthDate"] = birth[:10]
    if pid.has(8):
        resource["gender"] = GENDER.get(pid.text(8, 1, 1), "unknown")
    _languages(resource, pid)
    _marital(resource, pid)
    _extensions(resource, pid)
    cleared = [element for field, element in _CLEARED_BY_NULL if pid.is_null(field)]
    cleared += _death(resource, pid, context, sequence)
    return Upsert(key, resource, match, tuple(dict.fromkeys(cleared)), {"active": True})


def keys(identifiers: list[JSON]) -> tuple[Key, ...]:
    """The business identifiers of a list of FHIR Identifiers."""
    return tuple(Key(found.get("system", ""), found["value"]) for found in identifiers)


def _each(
    resource: JSON, element: str, pid: Segment, fields: tuple[int, ...], read: Callable[[Repetition], JSON | None]
) -> None:
    found = [item for field in fields for item in map(read, pid.repetitions(field)) if item]
    if found:
        resource[element] = found


def _languages(resource: JSON, pid: Segment) -> None:
    code = part(pid.repetitions(15)[0], 1) if pid.has(15) else ""
    if code:
        resource["communication"] = [
            {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": code}]}, "preferred": True}
        ]


def _marital(resource: JSON, pid: Segment) -> None:
    said = pid.text(16, 1, 1) if pid.has(16) else ""
    if not said or said == '""':
        return
    if len(said) == 1:
        # Table 0002 says A for separated where the v3 code A means annulled; L is the nearest there is.
        code = {"A": "L", "E": "L"}.get(said, said)
        resource["maritalStatus"] = {"coding": [{"system": MARITAL_STATUS, "code": code}]}
    else:
        resource["maritalStatus"] = {"text": said}


def _extensions(resource: JSON, pid: Segment) -> None:
    """PID-10 and PID-22 as US Core race and ethnicity."""
    found = []
    for field, url in ((10, RACE), (22, ETHNICITY)):
        parts: list[JSON] = []
        texts = []
        for item in pid.repetitions(field):
            said = concept(item)
            if not said:
                continue
            for coding in said.get("coding", [])[:1]:
                if "-" in coding["code"]:
                    text = {"display": coding["display"]} if "display" in coding else {}
                    value = {"system": OMB, "code": coding["code"], **text}
                    parts.append({"url": "ombCategory", "valueCoding": value})
            texts.append(said.get("text") or said["coding"][0]["code"])
        if texts:
            parts.append({"url": "text", "valueString": ", ".join(texts)})
            found.append({"url": url, "extension": parts})
    if found:
        resource["extension"] = found


def _death(resource: JSON, pid: Segment, context: Context, sequence: int) -> list[str]:
    """Set the death; returns the form of it that no longer holds."""
    moment = when(pid, 29, context, sequence=sequence)
    if moment:
        resource["deceasedDateTime"] = moment
        return ["deceasedBoolean"]
    if pid.has(30):
        resource["deceasedBoolean"] = pid.text(30, 1, 1) == "Y"
        return ["deceasedDateTime"]
    return []
