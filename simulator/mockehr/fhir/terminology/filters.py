"""Filters of value sets (FHIR R4 valueset-filter-operator) on the codes of one code system."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mockehr.fhir.terminology.model import CodeSystem, Concept, Filter

Keep = Callable[[Concept], bool]
_HARMLESS: Final = re.compile(r"(?:[^()|\\*+?{}\[\]]|\\[^\d]|\[[^\]]+\])(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})?")
"""One atom of a regular expression without groups, alternatives or references."""
MOST_ATOMS: Final = 60
MOST_REPEATS: Final = 3
LONGEST_TRIED: Final = (100_000, 10_000, 500, 100)
"""Letters of a text that an expression with none, one … repeats is tried on: the effort is their power. Longer ones
never match."""
_SELF: Final = frozenset({"concept", "code"})
_TEXTS: Final = frozenset({"code", "concept", "display", "definition", "status"})


def compile_filter(system: CodeSystem, given: Filter) -> Keep | None:
    """The test of one concept; None for a filter that this server cannot decide for that code system."""
    if given.property in _SELF and given.op in ("is-a", "descendent-of", "is-not-a", "generalizes"):
        return _by_hierarchy(system, given)
    if given.property in ("parent", "child"):
        return _by_neighbour(system, given)
    if not _known(system, given.property):
        return None
    match given.op:
        case "=":
            return lambda concept: given.value in values_of(concept, given.property)
        case "in" | "not-in":
            wanted = frozenset(one.strip() for one in given.value.split(","))
            if given.op == "in":
                return lambda concept: not wanted.isdisjoint(values_of(concept, given.property))
            return lambda concept: wanted.isdisjoint(values_of(concept, given.property))
        case "exists":
            there = given.value != "false"
            return lambda concept: bool(values_of(concept, given.property)) is there
        case "regex":
            pattern = _harmless(given.value)
            if pattern is None:
                return None
            longest = LONGEST_TRIED[pattern[1]]
            found = pattern[0].fullmatch
            return lambda concept: any(
                len(one) <= longest and found(one) for one in values_of(concept, given.property)
            )
    return None


def values_of(concept: Concept, name: str) -> list[str]:
    """The values of a property as texts."""
    if name in _SELF:
        return [concept.code]
    if name == "status":
        return [concept.status or "active"]
    if name in ("display", "definition"):
        found = concept.display if name == "display" else concept.definition
        return [found] if found else []
    if name in ("abstract", "notSelectable"):
        return ["true" if concept.abstract else "false"]
    if name == "inactive":
        return ["true" if concept.inactive else "false"]
    return [_as_text(told.value) for told in concept.properties if told.code == name]


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return str(value.get("code", ""))
    return str(value)


def _known(system: CodeSystem, name: str) -> bool:
    """Whether it can be said of a property what it is."""
    if name in _TEXTS or name in ("abstract", "notSelectable", "inactive"):
        return name != "definition" or system.complete
    return any(told.code == name for concept in system.concepts.values() for told in concept.properties)


def _by_hierarchy(system: CodeSystem, given: Filter) -> Keep | None:
    if not system.related:
        return None
    if given.op == "generalizes":
        return lambda concept: given.value in system.below(concept.code)
    below = system.below(given.value)
    if given.op == "is-a":
        return lambda concept: concept.code in below
    if given.op == "descendent-of":
        return lambda concept: concept.code in below and concept.code != given.value
    return lambda concept: concept.code not in below


def _by_neighbour(system: CodeSystem, given: Filter) -> Keep | None:
    if given.op not in ("=", "exists") or not system.related or system.by_prefix:
        return None

    def neighbours(concept: Concept) -> tuple[str, ...]:
        return concept.parents if given.property == "parent" else system.children(concept.code)

    if given.op == "exists":
        there = given.value != "false"
        return lambda concept: bool(neighbours(concept)) is there
    return lambda concept: given.value in neighbours(concept)


def _harmless(pattern: str) -> tuple[re.Pattern[str], int] | None:
    """The expression if no short text can make it slow, with its repeats; None otherwise, and if it is none."""
    atoms = repeats = position = 0
    plain = pattern.removeprefix("^").removesuffix("$")
    while position < len(plain):
        atom = _HARMLESS.match(plain, position)
        if atom is None:
            return None
        atoms, position = atoms + 1, atom.end()
        repeats += atom[0][-1] in "*+}"
    if atoms > MOST_ATOMS or repeats > MOST_REPEATS:
        return None
    try:
        return re.compile(plain), repeats
    except re.error:
        return None
