"""Valid FHIR resources drawn from the element table, whatever their type: for parsers, mappers and round trips.

    @given(resources("Observation"))
    def test_my_mapper_takes_any_observation(resource): ...

What is drawn is valid by structure, required value sets and the invariants that the server checks, and shrinks
towards the required elements with the shortest values. It makes no clinical sense; for that there are populations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.fhir.elements import Element, Structure, resource_types, structure
from mockehr.fhir.validate import check_body
from mockehr.testing.strategies.mending import mended

DEEPEST: Final = 4
"""Levels below the resource at which elements that are not required are drawn at all."""
MOST_EXTRA: Final = 5
"""Elements beside the required ones in one object."""
LEFT_OUT: Final = frozenset({"id", "meta", "implicitRules", "text", "contained", "modifierExtension", "extension"})
"""Never drawn beside the required ones: the server's own, what forbids processing, and what only makes noise."""
_YEARS = st.integers(1900, 2100)
_DAYS = st.builds("{:04}-{:02}-{:02}".format, _YEARS, st.integers(1, 12), st.integers(1, 28))
_CLOCK = st.builds("{:02}:{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
_ZONED = st.builds("{}T{}{}".format, _DAYS, _CLOCK, st.sampled_from(("Z", "+02:00", "-05:00", ".25Z")))
_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
_HOSTS = st.builds("http://example.org/{}".format, st.from_regex(r"[a-z]{1,8}", fullmatch=True))


def _base64(content: bytes) -> str:
    from base64 import b64encode

    return b64encode(content).decode()


PRIMITIVES: Final[Mapping[str, SearchStrategy[Any]]] = MappingProxyType(
    {
        "base64Binary": st.binary(min_size=1, max_size=9).map(_base64),
        "boolean": st.booleans(),
        "canonical": _HOSTS,
        "code": st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True),
        "date": st.one_of(_DAYS, _DAYS.map(lambda day: day[:7]), _DAYS.map(lambda day: day[:4])),
        "dateTime": st.one_of(_DAYS, _ZONED, _DAYS.map(lambda day: day[:7])),
        "decimal": st.one_of(st.integers(-1000, 1000), st.decimals(-1000, 1000, places=2).map(float)),
        "id": st.from_regex(r"[A-Za-z0-9.-]{1,12}", fullmatch=True),
        "instant": _ZONED,
        "integer": st.integers(-(2**31), 2**31 - 1),
        "markdown": _WORDS,
        "oid": st.from_regex(r"urn:oid:[0-2](\.[1-9][0-9]{0,3}){2,4}", fullmatch=True),
        "positiveInt": st.integers(1, 2**31 - 1),
        "string": _WORDS,
        "time": _CLOCK,
        "unsignedInt": st.integers(0, 2**31 - 1),
        "uri": _HOSTS,
        "url": _HOSTS,
        "uuid": st.uuids().map(lambda made: f"urn:uuid:{made}"),
        "xhtml": _WORDS.map(lambda text: f'<div xmlns="http://www.w3.org/1999/xhtml">{_escaped(text)}</div>'),
    }
)
"""Values of each primitive type (FHIR R4 datatypes.html#primitive)."""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def resources(resource_type: str) -> SearchStrategy[JSON]:
    """Resources of one type, without an id, as a client would create them. Raises UnknownName for what R4 lacks."""
    known = structure(resource_type)
    if known is None or resource_type not in resource_types():
        raise UnknownName("resource type", resource_type, resource_types())
    drawn = _objects(resource_type, 0).map(lambda rest: {"resourceType": resource_type, **rest})
    return drawn.filter(lambda document: not check_body(document, resource_type))


def any_resource(types: Sequence[str] | None = None) -> SearchStrategy[JSON]:
    """Resources of any of these types; None for all that can be stored on their own and stand alone."""
    names = types if types is not None else [name for name in resource_types() if name not in NOT_ALONE]
    return st.sampled_from(list(names)).flatmap(resources)


NOT_ALONE: Final = frozenset({"Bundle", "OperationOutcome", "Parameters"})
"""What carries other resources or answers requests."""


@cache
def _objects(name: str, depth: int) -> SearchStrategy[JSON]:
    known = structure(name)
    assert known is not None, name
    required = [known.elements.get(name) or known.choices[name] for name in known.required]
    extra = [element for element in known.elements.values() if _wanted(element, known, depth)]
    return st.composite(_draw_object)(known, required, extra, depth)


def _wanted(element: Element, known: Structure, depth: int) -> bool:
    """Whether an element is drawn although nothing asks for it."""
    if element.name in LEFT_OUT or element.least or element.type in ("Resource", known.name):
        return False
    return element.primitive or depth < DEEPEST


def _draw_object(draw: Any, known: Structure, required: Sequence[Any], extra: Sequence[Element], depth: int) -> JSON:
    chosen: dict[str, Element] = {}
    for one in required:
        element = one if isinstance(one, Element) else known.elements[draw(st.sampled_from(_simple(known, one)))]
        chosen[element.name] = element
    taken = {element.choice for element in chosen.values() if element.choice}
    wish = draw(st.lists(st.sampled_from(extra), max_size=MOST_EXTRA, unique_by=lambda e: e.name)) if extra else []
    for element in wish if chosen or wish else extra[:1]:
        if element.choice not in taken or not element.choice:
            chosen[element.name] = element
            taken |= {element.choice} - {""}
    if not chosen:
        chosen = {element.name: element for element in extra[:1]}
    order = [name for name in known.elements if name in chosen]
    return mended(known.name, {name: draw(_values(chosen[name], depth + 1)) for name in order})


def _simple(known: Structure, names: Sequence[str]) -> list[str]:
    """The alternatives of a choice, those that are plain values first, so that examples shrink to these."""
    return sorted(names, key=lambda name: not known.elements[name].primitive)


def _values(element: Element, depth: int) -> SearchStrategy[Any]:
    one = _one(element, depth)
    return st.lists(one, min_size=1, max_size=2) if element.many else one


def _one(element: Element, depth: int) -> SearchStrategy[Any]:
    if element.type == "Reference":
        return _references(element.targets)
    if element.bound_to:
        return _bound(element)
    if element.primitive:
        return PRIMITIVES[element.type]
    if element.type == "Resource":
        return resources("Basic")
    return st.deferred(lambda: _objects(element.type, depth))


def _references(targets: Sequence[str]) -> SearchStrategy[JSON]:
    kinds = [target for target in targets if target in resource_types()] or ["Patient"]
    ids = PRIMITIVES["id"]
    return st.builds(lambda kind, id: {"reference": f"{kind}/{id}"}, st.sampled_from(kinds), ids)


def _bound(element: Element) -> SearchStrategy[Any]:
    pairs = [(system, code) for system, codes in sorted(element.codes.items()) for code in sorted(codes)]
    drawn = st.sampled_from(pairs)
    if element.type == "code":
        return drawn.map(lambda pair: pair[1])
    coding = drawn.map(lambda pair: {"system": pair[0], "code": pair[1]})
    return coding if element.type == "Coding" else coding.map(lambda made: {"coding": [made]})
