"""The words that invariants are written in: a Rule, and conditions on an object that is sound in structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mockehr.fhir.elements import VERSIONS, structure
from mockehr.fhir.search.date import DAY, interval
from mockehr.fhir.validation.issue import Severity

Node = Mapping[str, Any]
UCUM: Final = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant. `holds` gets the object; it may rely on the types of what is in it."""

    key: str
    text: str
    holds: Callable[[Node], bool]
    severity: Severity = "error"


def has(node: Node, *names: str) -> bool:
    """Whether any of these elements is there, be it only by an extension."""
    return any(name in node or f"_{name}" in node for name in names)


def chosen(node: Node, choice: str) -> bool:
    """Whether a choice (`value`) is there in any of its types. Only for choices that no other element begins with."""
    return any(
        name.startswith((choice, f"_{choice}")) and name.lstrip("_")[len(choice) :][:1].isupper() for name in node
    )


def coded(concept: Node | None, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept has one of these codes."""
    codings = concept.get("coding", ()) if concept else ()
    return any(coding.get("system") == system and coding.get("code") in codes for coding in codings)


def in_order(first: str | None, last: str | None) -> bool:
    """Whether a date may lie before another or at the same time; of what is no date, nothing is said."""
    start, end = interval(first) if first else None, interval(last) if last else None
    if start is None or end is None:
        return True
    slack = DAY if (len(first or "") <= 10) != (len(last or "") <= 10) else 0  # a day without a zone
    return start[0] < end[1] + slack


def needs(name: str, *others: str) -> Callable[[Node], bool]:
    """Where `name` is, one of the others is."""
    return lambda node: not has(node, name) or has(node, *others)


def one_of(*names: str) -> Callable[[Node], bool]:
    """One of these is there."""
    return lambda node: has(node, *names)


def not_both(name: str, other: str) -> Callable[[Node], bool]:
    """Not both are there."""
    return lambda node: not (has(node, name) and has(node, other))


def not_below_zero(name: str) -> Callable[[Node], bool]:
    """A number that is there is zero or more."""
    return lambda node: node.get(name, 0) >= 0


@cache
def choice_names(name: str, choice: str) -> frozenset[str]:
    """All names that a choice of a structure may have in any version, and those of their siblings."""
    found = (structure(name, version) for version in VERSIONS)
    names = [name for one in found if one is not None for name in one.choices.get(choice, ())]
    return frozenset(names) | {f"_{name}" for name in names}
