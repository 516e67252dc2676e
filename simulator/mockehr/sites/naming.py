"""Names that corruptions give to some patients, which they truly bear: in their records, and in searches by name.

Whoever bears such a name is a range of slots on the corruption's own axis, so that a search by name stays exact at
any size of the population, and costs what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from mockehr.core.folding import fold
from mockehr.population.corruption.base import Called, Infection
from mockehr.population.criteria import AnyOf, Contains, Criterion, Equals, Exact, Placed, Starts
from mockehr.population.person import Person

_NAMES: Final = frozenset({"family", "given"})


def renamed(person: Person, infections: Iterable[Infection]) -> Person:
    """The person under the name that the last of those corruptions gives; without one, as they are."""
    for infection in infections:
        name = infection.called(person.index)
        if name is not None:
            person = replace(person, family=name.family, given=name.given, preferred="")
    return person


def with_names(criteria: Sequence[Criterion], infections: Iterable[Infection]) -> list[Criterion]:
    """The criteria, those on names such that they find people by the names that they bear, and by no other."""
    naming = [one for one in infections if one.names and one.reach]
    made: list[Criterion] = []
    for criterion in criteria:
        asked = _asked(criterion) if naming else []
        clauses = [criterion]
        for infection in naming if asked else ():
            clauses = _either(clauses, infection, asked)
        made += clauses
    return made


Asked = tuple[str, Callable[[str], bool]]
"""A trait, and whether a name is what was asked for."""


def _either(clauses: Sequence[Criterion], infection: Infection, asked: Sequence[Asked]) -> list[Criterion]:
    """Clauses that all hold for who bears another name and held them all, or bears one that is asked for."""
    axis = infection.axis
    if axis is None:
        return list(clauses)

    def asked_for(name: Called) -> bool:
        borne = [("family", name.family), *(("given", one) for one in name.given)]
        return any(matches(text) for wanted, matches in asked for trait, text in borne if trait == wanted)

    bearers = tuple(infection.bearing(n) for n, name in enumerate(infection.names) if asked_for(name))
    others = Placed(axis, (range(infection.reach, axis.size),))
    return [AnyOf((clause, Placed(axis, bearers))) for clause in (*clauses, others)]


def _asked(criterion: Criterion) -> list[Asked]:
    """The tests of names that a criterion consists of; none if it is about something else."""
    if isinstance(criterion, AnyOf):
        parts = [_asked(part) for part in criterion.criteria]
        return [test for part in parts for test in part] if all(parts) else []
    if not isinstance(criterion, Starts | Equals | Exact | Contains) or criterion.trait not in _NAMES:
        return []
    return [(criterion.trait, _matcher(criterion))]


def _matcher(criterion: Starts | Equals | Exact | Contains) -> Callable[[str], bool]:
    text, wanted = criterion.text, fold(criterion.text)
    match criterion:
        case Starts():
            return lambda name: fold(name).startswith(wanted)
        case Equals():
            return lambda name: fold(name) == wanted
        case Exact():
            return lambda name: name == text
        case Contains():
            return lambda name: wanted in fold(name)
