"""What a query asks for, as FHIR search parameters of Patient: `@PID.5.1^Smi*` (IHE ITI-21) and fields of QPD."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.hl7.accept.fields import authority_system, identifier
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Repetition, part
from mockehr.hl7.stamps import to_fhir
from mockehr.hl7.terms import GENDER

Criteria = tuple[tuple[str, str], ...]
_PLACE: Final = re.compile(r"@?PID[.-](\d+)(?:\.(\d+))?(?:\.(\d+))?", re.IGNORECASE)
_NAMES: Final = MappingProxyType({(5, 0): "family", (5, 1): "family", (5, 2): "given", (5, 3): "given"})
_TEXTS: Final = MappingProxyType(
    {
        (11, 0): "address",
        (11, 1): "address",
        (11, 3): "address-city",
        (11, 4): "address-state",
        (11, 5): "address-postalcode",
        (11, 6): "address-country",
    }
)
_TOKENS: Final = MappingProxyType(
    {(13, 0): "phone", (13, 1): "phone", (13, 12): "phone", (13, 4): "email", (14, 0): "phone", (14, 1): "phone"}
)
_SPECIAL: Final = re.compile(r"([\\,$|])")


@dataclass(slots=True)
class _Number:
    """PID-3 in pieces, as a query tells it one component at a time."""

    value: str = ""
    authority: tuple[str, ...] = ("", "", "")
    kind: str = ""

    def take(self, component: int, subcomponent: int, items: Sequence[str]) -> None:
        if component <= 1:
            self.value = items[0]
        elif component == 4:
            if subcomponent == 0:
                self.authority = (*items[:3], *[""] * (3 - len(items)))
            elif subcomponent <= 3:
                place = subcomponent - 1
                self.authority = (*self.authority[:place], items[0], *self.authority[place + 1 :])
        elif component == 5:
            self.kind = items[0]

    @property
    def repetition(self) -> Repetition:
        return [[self.value], [""], [""], list(self.authority), [self.kind]]


def asked_of(repetitions: Iterable[Repetition], context: Context) -> Criteria:
    """QPD-3 of a patient demographics query, each repetition a place in PID and a value, as search parameters.

    Raises Rejection: 101 if nothing is asked, 103 for a place that cannot be searched, 102 for what is no date.
    """
    number = _Number()
    found: list[tuple[str, str]] = []
    for repetition in repetitions:
        name = part(repetition, 1)
        items = list(repetition[1]) if len(repetition) > 1 else []
        if not name or not any(items) or items[0] == '""':
            continue
        place = _PLACE.fullmatch(name)
        if place is None:
            raise _unsearchable(name)
        field, component, subcomponent = (int(piece or 0) for piece in place.groups())
        if field == 3:
            number.take(component, subcomponent, items)
        else:
            found += _criterion(field, component, items[0], name)
    if number.value:
        found.append(by_number(number.repetition, context))
    elif any(number.authority) and not found:
        raise Rejection("AE", Fault(101, "QPD", 1, 3, text="An assigning authority alone asks for nobody"))
    if not found:
        raise Rejection("AE", Fault(101, "QPD", 1, 3, text="QPD-3 asks for nothing"))
    return tuple(found)


def _unsearchable(name: str) -> Rejection:
    known = "PID.3, PID.5, PID.7, PID.8, PID.11 and PID.13"
    return Rejection("AE", Fault(103, "QPD", 1, 3, text=f"{name} cannot be searched here; {known} can"))


def _criterion(field: int, component: int, value: str, name: str) -> list[tuple[str, str]]:
    place = (field, component)
    if place in _NAMES:
        return by_name(_NAMES[place], value)
    if place in _TEXTS:
        text = _without_stars(value, name)
        return [(_TEXTS[place], escaped(text))] if text else []
    if place in _TOKENS:
        if "*" in value:
            raise _starred(name)
        return [(_TOKENS[place], escaped(value))]
    if field == 7:
        return by_birth(value, 3)
    if field == 8:
        return [("gender", GENDER.get(value.upper(), "unknown"))]
    raise _unsearchable(name)


def by_number(repetition: Repetition, context: Context) -> tuple[str, str]:
    """A CX as search parameter. Raises Rejection (103) for a wildcard in it."""
    if "*" in part(repetition, 1):
        raise _starred("An identifier")
    found = identifier(repetition, context.dialect) or {"value": ""}
    value = escaped(found["value"])
    return "identifier", f"{escaped(found['system'])}|{value}" if found.get("system") else value


def by_name(parameter: str, value: str) -> list[tuple[str, str]]:
    """A name: whole, whatever its case, or with `*` at an end or both. A star alone asks for nothing."""
    text = _without_stars(value, f"A {parameter} name")
    if not text:
        return []
    if value.startswith("*"):
        return [(f"{parameter}:contains", escaped(text))]
    if value.endswith("*"):
        return [(parameter, escaped(text))]
    return [(f"{parameter}:exact", ",".join(map(escaped, spellings(text))))]


def spellings(name: str) -> list[str]:
    """How a name may be written: as it is, capitalised, in capitals; peers often send capitals alone."""
    titled = re.sub(r"\b(Mc)([a-z])", lambda found: found[1] + found[2].upper(), name.title())
    return list(dict.fromkeys((name, titled, name.title(), name.capitalize(), name.upper())))


def by_birth(value: str, field: int) -> list[tuple[str, str]]:
    """A birth date, or the year or month of one. Raises Rejection (102) for what is none."""
    digits = value.strip().rstrip("*")
    try:
        return [("birthdate", to_fhir(digits[:8])[:10])]
    except ValueError as error:
        raise Rejection("AE", Fault(102, "QPD", 1, field, text=f"QPD-{field}: {error}")) from None


def _without_stars(value: str, name: str) -> str:
    text = value.strip().strip("*")
    if "*" in text:
        raise _starred(name)
    return text


def _starred(name: str) -> Rejection:
    return Rejection("AE", Fault(103, "QPD", 1, 3, text=f"{name}: a wildcard stands at an end of a name or address"))


def escaped(value: str) -> str:
    """A value in which nothing has a meaning of its own to FHIR search (R4 search.html#escaping)."""
    return _SPECIAL.sub(r"\\\1", value)


def domains(repetitions: Iterable[Repetition], dialect: Dialect, field: int) -> tuple[str, ...]:
    """The identifier systems of assigning authorities (CX with CX.4 alone).

    Raises Rejection (204) for one that no rule of the dialect names, if it has rules.
    """
    found = []
    for place, repetition in enumerate(repetitions, 1):
        name = part(repetition, 4)
        told = authority_system(repetition, 4)
        if not told:
            continue
        rules = dialect.identifiers
        ruled = [rule.system for rule in rules if told == rule.system or (name and name == rule.authority)]
        if rules and not ruled:
            text = f"QPD-{field}({place}): nobody here assigns identifiers as {name or told}"
            raise Rejection("AE", Fault(204, "QPD", 1, field, 4, text))
        found += ruled or [told]
    return tuple(dict.fromkeys(found))
