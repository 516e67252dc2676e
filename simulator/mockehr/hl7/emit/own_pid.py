"""PID where a dialect has it in its own way: numbers outside PID-3, words in place of codes, fixed fields."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import patient_identifiers
from mockehr.hl7.terms import RACE
from mockehr.hl7.write import Component, Field, Repeat

_SEX: Final = {"male": "Male", "female": "Female", "other": "Other", "unknown": "Unknown"}


def own_fields(patient: JSON, dialect: Dialect) -> dict[int, Field]:
    """The fields that stand in place of the standard ones; none for a dialect without ways of its own."""
    found: dict[int, Field] = {}
    if dialect.patient_number != "list":
        found |= _numbers(own_number(patient, dialect), dialect.patient_number)
    if dialect.words:
        points = [one for one in patient.get("telecom", []) if one.get("value") and one.get("system") != "email"]
        found |= {
            10: _race(patient),
            13: _digits([one for one in points if one.get("use") != "work"]),
            14: _digits([one for one in points if one.get("use") == "work"]),
            16: _marital(patient),
        }
    if dialect.sex_words and patient.get("gender") in _SEX:
        found[8] = _SEX[patient["gender"]]
    return found | dict(dialect.pid)


def _numbers(number: str, where: str) -> dict[int, Field]:
    """PID-2 to 4 of one number, where the dialect has it."""
    if where == "beside":
        return {2: number}
    first = "".join(letter for letter in number if letter.isdigit()) if where == "prefixed" else number
    return {2: first, 3: "" if where == "external" else number, 4: number}


def own_number(patient: JSON, dialect: Dialect) -> str:
    """One number without its authority: the first of digits alone, else the first, else the id of the record."""
    told = [str(one[0]) for one in patient_identifiers(patient.get("identifier", []), dialect)]
    return next((one for one in told if one.isdigit()), told[0] if told else str(patient.get("id", "")))


def _race(patient: JSON) -> str:
    """What the patient is called by the text of US Core's race."""
    told: JSON = next((one for one in patient.get("extension", []) if one.get("url") == RACE), {})
    texts = [one.get("valueString", "") for one in told.get("extension", []) if one.get("url") == "text"]
    return str(texts[0]) if texts else ""


def _marital(patient: JSON) -> str:
    status = patient.get("maritalStatus", {})
    displays = [one.get("display", "") for one in status.get("coding", [])]
    return str(status.get("text") or next(filter(None, displays), ""))


def _digits(points: list[JSON]) -> Repeat:
    numbers: list[list[Component]] = []
    for point in points:
        numbers.append(["".join(letter for letter in str(point["value"]) if letter.isdigit())])
    return Repeat(numbers)
