"""Objects of any structure, drawn by recipes made once of the element table: a choice for each element and value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import Element, Structure, resource_types, structure
from mockehr.testing.strategies.mending import mended
from mockehr.testing.strategies.values import PRIMITIVES, Value, as_drawn, code

DEEPEST: Final = 4
"""Levels below the resource at which elements that are not required are drawn at all."""
MOST_EXTRA: Final = 5
"""Elements beside the required ones in one object."""
LEFT_OUT: Final = frozenset({"id", "meta", "implicitRules", "contained", "modifierExtension", "extension"})
"""Never drawn beside the required ones: the server's own, what forbids processing, and what only makes noise."""
_TYPES_LEFT_OUT: Final = ("Narrative", "Resource")
NOT_ALONE: Final = frozenset({"Bundle", "OperationOutcome", "Parameters"})
"""What carries other resources or answers requests."""
_ODDS: Final = st.integers(0, 3)
_MOSTLY: Final = st.integers(0, 7)
_SOME_IDS: Final = 1 << 15
Pair = tuple[str, str]
"""System and code."""


@dataclass(frozen=True, slots=True)
class Member:
    """One element of an object under its JSON name, with what is drawn for each of its values."""

    name: str
    choice: str
    many: bool
    values: tuple[Value, ...]
    least: int = 0
    """So many of the values are always there, each of the rest in so many of four examples as `odds` says."""
    odds: int = 1


@dataclass(frozen=True, slots=True, repr=False)
class Recipe:
    """How objects of one structure are drawn."""

    name: str
    order: Mapping[str, int]
    required: tuple[tuple[Member, ...], ...]
    """For each element that has to be there, its alternatives, the simplest first."""
    extra: tuple[Member, ...]
    wished: tuple[tuple[Member, ...], ...] = ()
    """Alternatives of what is there in most examples, all or none."""
    stands: bool = False
    """Whether an object may have nothing but its type."""

    def __repr__(self) -> str:
        return f"Recipe({self.name!r})"


def plain_objects(name: str, depth: int) -> SearchStrategy[JSON]:
    """Objects of a structure of R4, valid but for what `mending` does not know. `depth`: levels above it."""
    return _plain(name, min(depth, DEEPEST))


@cache
def _plain(name: str, depth: int) -> SearchStrategy[JSON]:
    return _plain_object(name, depth)


@st.composite
def _plain_object(draw: st.DrawFn, name: str, depth: int) -> JSON:
    return drawn_object(draw, _recipe(name, depth))


def drawn_object(draw: Callable[[SearchStrategy[Any]], Any], recipe: Recipe) -> JSON:
    """One object by a recipe, in the order of the definition, mended."""
    made: dict[str, Any] = {}
    taken: set[str] = set()
    for options in recipe.required:
        _add(draw, _one_of(draw, options), made, taken)
    if recipe.wished and draw(_MOSTLY):
        for options in recipe.wished:
            _add(draw, _one_of(draw, options), made, taken)
    if recipe.extra:
        _add_extra(draw, recipe, made, taken)
    if not made and not recipe.stands:
        _add(draw, recipe.wished[0][0] if recipe.wished else recipe.extra[0], made, taken)
    if len(made) < 2:
        return mended(recipe.name, made)
    order = recipe.order
    return mended(recipe.name, {name: made[name] for name in sorted(made, key=order.__getitem__)})


def _add_extra(draw: Callable[[SearchStrategy[Any]], Any], recipe: Recipe, made: JSON, taken: set[str]) -> None:
    """Up to MOST_EXTRA more: each choice is of one element, or of none or one that is there, which ends it."""
    count = len(recipe.extra)
    picks = _picks(count)
    for _ in range(MOST_EXTRA):
        pick = draw(picks)
        if not 0 < pick <= count:
            return
        member = recipe.extra[pick - 1]
        if member.name in made or member.choice in taken:
            return
        _add(draw, member, made, taken)


@cache
def _picks(count: int) -> SearchStrategy[int]:
    return st.integers(0, count + max(1, count // 3))


def _one_of(draw: Callable[[SearchStrategy[Any]], Any], options: tuple[Member, ...]) -> Member:
    return options[0] if len(options) == 1 else options[draw(_places(len(options)))]


@cache
def _places(count: int) -> SearchStrategy[int]:
    return st.integers(0, count - 1)


def _add(draw: Callable[[SearchStrategy[Any]], Any], member: Member, made: JSON, taken: set[str]) -> None:
    if member.name in made or member.choice in taken:
        return
    if member.choice:
        taken.add(member.choice)
    if not member.many:
        drawn, read = member.values[0]
        made[member.name] = read(draw(drawn))
        return
    values = [read(draw(drawn)) for drawn, read in member.values[: member.least]]
    for drawn, read in member.values[member.least :]:
        if draw(_ODDS) > 3 - member.odds:
            values.append(read(draw(drawn)))
    if len(values) > member.least:
        draw(_ODDS)  # says nothing: each value is followed by a choice, so that the shrinker can take out any of them
    made[member.name] = values


@cache
def _recipe(name: str, depth: int) -> Recipe:
    known = structure(name)
    assert known is not None, name
    required = tuple(required_members(known, one, depth) for one in known.required)
    wanted = [element for element in known.elements.values() if is_wanted(element, known, depth)]
    if not required and not wanted:  # nothing plain, as in a Range
        wanted = [element for element in known.elements.values() if is_wanted(element, known, 0)]
    wanted.sort(key=lambda element: not element.primitive)
    return Recipe(name, order_of(known), required, extras(wanted, depth), stands=known.kind == "resource")


def order_of(known: Structure) -> Mapping[str, int]:
    """JSON name → place in the definition."""
    return {name: place for place, name in enumerate(known.elements)}


def required_members(known: Structure, name: str, depth: int) -> tuple[Member, ...]:
    """The alternatives of what has to be there: plain values first, so that examples shrink to these."""
    names = known.choices.get(name, (name,))
    elements = sorted((known.elements[one] for one in names), key=lambda element: not element.primitive)
    return tuple(_member(element, depth) for element in elements)


def extras(elements: Iterable[Element], depth: int) -> tuple[Member, ...]:
    """Elements that may be there."""
    return tuple(_member(element, depth) for element in elements)


def is_wanted(element: Element, known: Structure, depth: int) -> bool:
    """Whether an element is drawn although nothing asks for it."""
    if element.name in LEFT_OUT or element.least or element.type in (*_TYPES_LEFT_OUT, known.name):
        return False
    return element.primitive or depth < DEEPEST


def _member(element: Element, depth: int) -> Member:
    one = value_of(element, depth + 1)
    return Member(element.name, element.choice, element.many, (one, one) if element.many else (one,), 1)


def value_of(element: Element, depth: int) -> Value:
    """Single values of an element of R4."""
    if element.type == "Reference":
        return references(element.targets)
    if element.bound_to and element.codes:
        return coded(element.type, pairs_of(element.codes))
    if element.primitive:
        return PRIMITIVES[element.type]
    if element.type == "Resource":
        return Value(plain_objects("Basic", depth), lambda rest: {"resourceType": "Basic", **rest})
    return as_drawn(plain_objects(element.type, depth))


def references(targets: Iterable[str]) -> Value:
    """References to resources of these types; to patients, where any type would do."""
    return _references(tuple(target for target in targets if target in resource_types()) or ("Patient",))


@cache
def _references(kinds: tuple[str, ...]) -> Value:
    def made(number: int) -> JSON:
        return {"reference": f"{kinds[number % len(kinds)]}/{code(number // len(kinds))}"}

    return Value(st.integers(0, len(kinds) * _SOME_IDS - 1), made)


def pairs_of(codes: Mapping[str, Iterable[str]]) -> tuple[Pair, ...]:
    """All codes of a value set, sorted."""
    return tuple((system, code) for system, known in sorted(codes.items()) for code in sorted(known))


def coded(kind: str, pairs: Sequence[Pair]) -> Value:
    """Values of a coded type (code, Coding, CodeableConcept and so on) that are of the value set."""

    def made(place: int) -> Any:
        system, code = pairs[place]
        if kind in PRIMITIVES:
            return code
        coding = {"system": system, "code": code}
        return {"coding": [coding]} if kind == "CodeableConcept" else coding

    return Value(_places(len(pairs)), made)
