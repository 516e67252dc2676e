"""PID (with PD1) as a Patient: the facts, and what they change about a patient who is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import (
    address,
    clinician,
    concept,
    covers,
    human_name,
    identifier,
    integer,
    required,
    same_one,
    telecom,
    when,
)
from mockehr.hl7.accept.intents import Context, Key, Upsert
from mockehr.hl7.dialect import IdentifierRule
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.terms import ETHNICITY, GENDER, MARITAL_STATUS, OMB, RACE

MAIDEN_NAME: Final = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
_CLEARED_BY_NULL: Final = (
    (5, "name"),
    (7, "birthDate"),
    (8, "gender"),
    (11, "address"),
    (15, "communication"),
    (16, "maritalStatus"),
)
_DEAD: Final = frozenset({"Y", "YES", "T", "TRUE", "1", "D", "DECEASED", "DEAD", "EXPIRED"})


def patient(
    pid: Segment,
    context: Context,
    key: str = "patient",
    *,
    sequence: int = 1,
    pd1: Segment | None = None,
    within: tuple[Key, ...] = (),
    quiet: bool = False,
) -> Upsert:
    """The Patient that a PID describes, to be found by any of its PID-3 identifiers.

    Where PID-3 has none, PID-2 and PID-4 are taken, as senders of 2.2 and before fill them. Raises Rejection: 101
    without any, 102 for a birth date or a death that is no time.
    """
    identifiers, bare = pid_identifiers(pid, context, sequence)
    match = keys(identifiers) + bare
    resource: JSON = {"resourceType": "Patient"}
    if identifiers:
        resource["identifier"] = identifiers
    _each(resource, "name", pid, 5, human_name)
    _aliases(resource, pid)
    _each(resource, "address", pid, 11, address)
    phones = _phones(pid)
    if any(phones.values()):
        resource["telecom"] = [point for points in phones.values() for point in points or ()]
    birth = "" if pid.text(7, 1, 1).strip("0") == "" else when(pid, 7, context, sequence=sequence)
    if birth:
        resource["birthDate"] = birth[:10]
    if pid.has(8):
        resource["gender"] = _gender(pid.text(8, 1, 1))
    _languages(resource, pid)
    _marital(resource, pid)
    _births(resource, pid)
    _extensions(resource, pid)
    _practice(resource, pd1)
    cleared = [element for field, element in _CLEARED_BY_NULL if pid.is_null(field)]
    cleared += _death(resource, pid, context, sequence)
    defaults: JSON = {"active": True}
    if not identifiers:
        defaults["identifier"] = [_usual(bare[0])]
    return Upsert(
        key, resource, match, tuple(dict.fromkeys(cleared)), defaults,
        revise=_Revision(phones), within=within, quiet=quiet,
    )  # fmt: skip


def keys(identifiers: Sequence[JSON]) -> tuple[Key, ...]:
    """The business identifiers of a list of FHIR Identifiers."""
    return tuple(Key(found.get("system", ""), found["value"]) for found in identifiers)


def pid_identifiers(pid: Segment, context: Context, sequence: int = 1) -> tuple[list[JSON], tuple[Key, ...]]:
    """(Identifiers, keys of numbers that say nothing of their kind) of PID-3, else of PID-2 and PID-4.

    A bare number may be any that this dialect has a rule for, so that it is looked for as each of them. Raises
    Rejection (101) if there is none.
    """
    for fields in ((3,), (2, 4)):
        found, bare = _numbers([one for field in fields for one in pid.repetitions(field)], context)
        if found or bare:
            return found, bare
    required(pid, 3, "patient identifier list", sequence=sequence)
    raise Rejection("AE", Fault(101, pid.id, sequence, 3, 1, "PID-3 has no repetition with an id"))


def cx_keys(
    segment: Segment, field: int, context: Context, rules: tuple[IdentifierRule, ...] = ()
) -> tuple[Key, ...]:
    """The business identifiers of a CX field, such as MRG-1, by other `rules` than those of patients if given."""
    if rules:
        told = [identifier(item, context.dialect, rules) for item in segment.repetitions(field)]
        return keys([one for one in told if one])
    found, bare = _numbers(segment.repetitions(field), context)
    return keys(found) + bare


def _numbers(repetitions: Sequence[Repetition], context: Context) -> tuple[list[JSON], tuple[Key, ...]]:
    rules = [rule for rule in context.dialect.identifiers if rule.system]
    found, bare = [], []
    for item in repetitions:
        one = identifier(item, context.dialect)
        if one is None:
            continue
        if rules and "system" not in one and "type" not in one:
            bare += [*(Key(rule.system, one["value"]) for rule in rules), Key("", one["value"])]
        else:
            found.append(one)
    return found, tuple(bare)


def _usual(key: Key) -> JSON:
    return {"use": "usual", "value": key.value} | ({"system": key.system} if key.system else {})


def _each(resource: JSON, element: str, pid: Segment, field: int, read: Callable[[Repetition], JSON | None]) -> None:
    found = [item for item in map(read, pid.repetitions(field)) if item]
    if found:
        resource[element] = found


def _aliases(resource: JSON, pid: Segment) -> None:
    """PID-9, withdrawn since 2.5, beside the names of PID-5."""
    if "name" in resource:
        resource["name"] += [{"use": "nickname", **name} for name in map(human_name, pid.repetitions(9)) if name]


def _phones(pid: Segment) -> dict[int, list[JSON] | None]:
    """PID-13 and PID-14 (and PID-40 of 2.7); None for a field that says nothing, nothing for an explicit null."""
    found: dict[int, list[JSON] | None] = {}
    for field, use in ((13, "home"), (14, "work")):
        points = [point for point in (telecom(item, use) for item in pid.repetitions(field)) if point]
        if field == 13:
            points += [point for point in (telecom(item, use) for item in pid.repetitions(40)) if point]
        found[field] = points if points or pid.is_null(field) else None
    return found


def _gender(said: str) -> str:
    known = GENDER.get(said.upper())
    if known is None:
        # Words in place of letters; X is what some registers have beside M and F.
        known = {"MALE": "male", "FEMALE": "female", "OTHER": "other", "X": "other"}.get(said.upper(), "unknown")
    return known


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


def _births(resource: JSON, pid: Segment) -> None:
    """PID-24 and PID-25: one of several, and which."""
    order = integer(pid.text(25, 1, 1))
    if order is not None:
        resource["multipleBirthInteger"] = order
    elif pid.has(24):
        resource["multipleBirthBoolean"] = pid.text(24, 1, 1).upper() == "Y"


def _extensions(resource: JSON, pid: Segment) -> None:
    """PID-10 and PID-22 as US Core race and ethnicity, PID-6 as the mother's maiden name."""
    found: list[JSON] = []
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
    maiden = part(pid.repetitions(6)[0], 1) if pid.has(6) else ""
    if maiden:
        found.append({"url": MAIDEN_NAME, "valueString": maiden})
    if found:
        resource["extension"] = found


def _practice(resource: JSON, pd1: Segment | None) -> None:
    """PD1-4 and PD1-3: the general practitioner and the practice."""
    if pd1 is None:
        return
    found = [who for who in map(clinician, pd1.repetitions(4)[:1]) if who]
    practice = pd1.text(3, 1, 1) if pd1.has(3) else ""
    if practice:
        found.append({"type": "Organization", "display": practice})
    if found:
        resource["generalPractitioner"] = found


def _death(resource: JSON, pid: Segment, context: Context, sequence: int) -> list[str]:
    """Set the death, or take it back; returns the forms of it that no longer hold.

    Its indicator decides over its time, and a null in either field takes it back unless the other one says more.
    """
    moment = when(pid, 29, context, sequence=sequence)
    said = pid.text(30, 1, 1).upper() if pid.has(30) else ""
    if moment and (not said or said in _DEAD):
        resource["deceasedDateTime"] = moment
        return ["deceasedBoolean"]
    if said:
        resource["deceasedBoolean"] = said in _DEAD
        return ["deceasedDateTime"] if pid.is_null(29) or said not in _DEAD else []
    return ["deceasedDateTime", "deceasedBoolean"] if pid.is_null(29) or pid.is_null(30) else []


@dataclass(frozen=True, slots=True)
class _Revision:
    """What a PID says, given a patient who is known: elements of which it speaks in part keep the other part."""

    phones: dict[int, list[JSON] | None]

    def __call__(self, stored: JSON | None, told: JSON) -> JSON:
        found = dict(told)
        if stored is None:
            return found
        if any(points is not None for points in self.phones.values()):
            home, work = self.phones[13], self.phones[14]
            known = stored.get("telecom") or []
            kept_home = [point for point in known if point.get("use") != "work"]
            kept_work = [point for point in known if point.get("use") == "work"]
            home, work = kept_home if home is None else home, kept_work if work is None else work
            found["telecom"] = [*home, *work] or None
        if "extension" in told:
            found["extension"] = _extended(stored.get("extension") or [], told["extension"])
        for element in ("name", "address", "telecom", "communication", "maritalStatus", "contact"):
            if found.get(element):
                found[element] = _enriched(stored.get(element), found[element])
        if "deceasedBoolean" in told and told["deceasedBoolean"] and stored.get("deceasedDateTime"):
            # The time of a death that is known already is worth more than the mere fact.
            found["deceasedBoolean"] = None
        if "multipleBirthInteger" in told:
            found["multipleBirthBoolean"] = None
        elif "multipleBirthBoolean" in told:
            found["multipleBirthInteger"] = None
        if "generalPractitioner" in told:
            found["generalPractitioner"] = _same_people(stored.get("generalPractitioner") or [], found)
        return found


def _enriched(stored: Any, told: Any) -> Any:
    """What is told, in the words of what is stored where that says the same and more."""
    if isinstance(told, list):
        known = stored if isinstance(stored, list) else []
        return [next((one for one in known if covers(one, item)), item) for item in told]
    return stored if covers(stored, told) else told


def _extended(stored: list[JSON], told: list[JSON]) -> list[JSON]:
    """Extensions told replace those of the same URL, unless these say the same in more words."""
    fresh = {one["url"]: one for one in told}
    kept = []
    for one in stored:
        new = fresh.get(one.get("url", ""))
        if new is None or (_categories(new) and _categories(new) <= _categories(one)):
            kept.append(one)
            fresh.pop(one.get("url", ""), None)
    return [*kept, *fresh.values()]


def _categories(extension: JSON) -> set[str]:
    return {part["valueCoding"].get("code", "") for part in extension.get("extension", []) if part.get("valueCoding")}


def _same_people(stored: list[JSON], resource: JSON) -> list[JSON]:
    """References as they stand where they name the same people, else those told."""
    told: list[JSON] = resource["generalPractitioner"]
    known = stored and all(any(same_one(one, other) for one in stored) for other in told)
    return stored if known else told
