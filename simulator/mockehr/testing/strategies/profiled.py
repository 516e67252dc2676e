"""Resources of profiles of US Core, drawn by recipes made once of what the profiles ask for beyond R4.

What has to be there is; what must be supported is there in most examples, all of it or none.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import JSON
from mockehr.fhir.elements import Element, Structure, structure
from mockehr.fhir.validation.profiles import Part, Profile, known_profile, profile_urls
from mockehr.testing.strategies import objects
from mockehr.testing.strategies.bindings import bound_in, codes_in, codes_of
from mockehr.testing.strategies.mending_profiles import mended_for
from mockehr.testing.strategies.objects import Member, Recipe
from mockehr.testing.strategies.values import PRIMITIVES, Value, as_drawn

_CONCEPTS = ("code", "Coding", "CodeableConcept")


def profile_named(name: str, resource_type: str) -> Profile:
    """The profile of a canonical URL, or of its last part (`us-core-patient`).

    Raises UnknownName for one that there is not, UsageError for one of another type.
    """
    names = {url.rpartition("/")[2]: url for url in profile_urls()}
    found = known_profile(names.get(name, name))
    if found is None:
        raise UnknownName("profile", name, [*names.values()] if "/" in name else names)
    if found.type != resource_type:
        remedy = f'Ask for resources("{found.type}", profile="{name}").'
        raise UsageError(f"{found.title} is a profile of {found.type}, not of {resource_type}.", remedy=remedy)
    return found


def profiled_objects(profile: Profile, *, supported: bool = False) -> SearchStrategy[JSON]:
    """Resources of a profile. `supported`: what must be supported is always there."""
    claimed = {"resourceType": profile.type, "meta": {"profile": [profile.url]}}
    return _shaped(_whole_recipe(profile.url, supported)).map(
        lambda rest: {**copy.deepcopy(claimed), **mended_for(profile.type, rest)}
    )


@st.composite
def _shaped(draw: st.DrawFn, recipe: Recipe) -> JSON:
    return objects.drawn_object(draw, recipe)


@cache
def _whole_recipe(url: str, supported: bool) -> Recipe:
    profile = known_profile(url)
    assert profile is not None, url
    return _Making(profile, supported).recipe(profile.type, profile.parts, "", 0)


class _Making:
    """Makes the recipes of one profile. An `id` is that of an element, without the type; empty for the resource."""

    def __init__(self, profile: Profile, supported: bool) -> None:
        self._supports = frozenset(profile.must_support)
        self._bound = bound_in(profile.url)
        self._always = supported

    def recipe(self, kind: str, parts: Iterable[Part], id: str, depth: int) -> Recipe:
        """How an object of a structure is drawn of which these parts are asked."""
        known = structure(kind)
        assert known is not None, kind
        by_slot: dict[str, list[Part]] = {}
        for part in parts:
            by_slot.setdefault(_slot(known, part.name), []).append(part)
        required: list[tuple[Member, ...]] = []
        wished: list[tuple[Member, ...]] = []
        extra: list[Element] = []
        for slot in dict.fromkeys(element.choice or element.name for element in known.elements.values()):
            given = [part for part in by_slot.get(slot, ()) if not _is_foreign(part)]
            if any(part.most == 0 and not part.slice for part in given) or (slot == "extension" and not given):
                continue
            at = _join(id, f"{slot}[x]" if slot in known.choices else slot)
            needed = slot in known.required or any(part.least for part in given) or _is_content(kind, slot, by_slot)
            asked = self._is_supported(at) or any(part.slice for part in given)
            if needed or asked:
                members = self._members(known, slot, given, at, depth)
                (required if needed or self._always else wished).append(members)
            elif not given:
                extra += [element for element in _elements(known, slot) if objects.is_wanted(element, known, depth)]
        order = objects.order_of(known)
        more = objects.extras(extra, depth)
        return Recipe(kind, order, tuple(required), more, tuple(wished), stands=known.kind == "resource")

    def _is_supported(self, id: str) -> bool:
        return any(one == id or one.startswith((f"{id}.", f"{id}:")) for one in self._supports)

    def _members(self, known: Structure, slot: str, given: Sequence[Part], id: str, depth: int) -> tuple[Member, ...]:
        """The alternatives of an element: one, or the types of a choice that the profile leaves."""
        bare = next((part for part in given if not part.slice and part.name in (slot, f"{slot}[x]")), None)
        typed = {part.name: part for part in given if slot in known.choices and part.name != f"{slot}[x]"}
        elements = [one for one in _elements(known, slot) if bare is None or not bare.types or one.name in bare.types]
        favoured = [one for one in elements if one.name in typed or self._is_supported(f"{id}:{one.name}")]
        slices = [part for part in given if part.slice]
        return tuple(
            self._member(element, typed.get(element.name, bare), slices, _typed(id, element, favoured), depth)
            for element in sorted(favoured or elements, key=lambda element: not element.primitive)
        )

    def _member(self, element: Element, bare: Part | None, slices: Sequence[Part], id: str, depth: int) -> Member:
        if not element.many:
            return Member(element.name, element.choice, False, (self._value(element, bare, id, depth),))
        first: list[Value] = []
        rest: list[Value] = []
        for part in slices:
            value = self._value(element, _within(part, bare), f"{id}:{part.slice}", depth)
            (first if part.least else rest).extend([value] * max(1, part.least))
        least = max(bare.least if bare is not None else 0, element.least, 0 if slices else 1)
        if len(first) < least:
            first += [self._value(element, bare, id, depth)] * (least - len(first))
        if not slices and (bare is None or bare.most is None or bare.most > least):
            rest.append(first[0])
        often = bool(slices)
        always = len(first) + len(rest) if not first or (often and self._always) else len(first)
        return Member(element.name, "", True, (*first, *rest), always, 3 if often else 1)

    def _value(self, element: Element, part: Part | None, id: str, depth: int) -> Value:
        """Single values of an element of which a part is asked."""
        asked = dict(part.asked) if part is not None else {}
        parts = part.parts if part is not None else ()
        kind = element.type
        if "fixed" in asked:
            return _copies(asked["fixed"])
        if "pattern" in asked and kind in (*_CONCEPTS, *PRIMITIVES):
            return _copies(asked["pattern"])
        if kind == "Reference":
            return objects.references(sorted(part.targets) if part is not None and part.targets else element.targets)
        if kind in _CONCEPTS and not parts:
            return self._coded(element, part, asked, id, depth)
        if kind == "Extension" and part is not None and part.profile:
            return as_drawn(_shaped(self._extension(part, depth)))
        if kind in PRIMITIVES or not (parts or self._is_supported(id)):
            drawn = objects.value_of(element, depth + 1)
        else:
            drawn = as_drawn(_shaped(self.recipe(kind, parts, id, depth + 1)))
        pattern = asked.get("pattern", {})
        if not pattern:
            return drawn
        return Value(drawn.drawn, lambda made: {**drawn.read(made), **copy.deepcopy(pattern)})

    def _coded(self, element: Element, part: Part | None, asked: dict[Any, Any], id: str, depth: int) -> Value:
        chosen = asked.get("codes") or next((m.wanted for m in part.match if m.how == "codes"), "") if part else ""
        bare = id.rpartition(":")[0]
        url = self._bound.get(id) or self._bound.get(bare if bare.endswith("[x]") else "", "")
        pairs = codes_of(chosen) if chosen else codes_in(url) if url and not element.codes else ()
        if pairs:
            return objects.coded(element.type, pairs)
        if element.type == "CodeableConcept" and not element.codes:
            words = PRIMITIVES["string"]
            return Value(words.drawn, lambda number: {"text": words.read(number)})
        return objects.value_of(element, depth + 1)

    def _extension(self, part: Part, depth: int) -> Recipe:
        inner = known_profile(part.profile)
        assert inner is not None, part.profile
        return _Making(inner, self._always).recipe("Extension", inner.parts, "", depth + 1)


def _is_content(kind: str, slot: str, by_slot: Mapping[str, Sequence[Part]]) -> bool:
    """Whether it is the value of an extension of which nothing is said of extensions inside (ext-1)."""
    return kind == "Extension" and slot == "value" and not any(part.slice for part in by_slot.get("extension", ()))


def _is_foreign(part: Part) -> bool:
    """Whether it is an extension of another guide, whose content is not known here."""
    return part.name == "extension" and bool(part.slice) and not (part.profile or part.parts)


def _within(part: Part, bare: Part | None) -> Part:
    """A slice, and what is asked of all values of its element."""
    own = {inner.name for inner in part.parts}
    common = tuple(inner for inner in bare.parts if inner.name not in own) if bare is not None else ()
    return replace(part, parts=(*part.parts, *common)) if common else part


def _copies(value: Any) -> Value:
    return Value(st.just(value), copy.deepcopy)


def _slot(known: Structure, name: str) -> str:
    """The choice that a name is of, or the name."""
    if name.endswith("[x]"):
        return name.removesuffix("[x]")
    element = known.elements.get(name)
    return (element.choice if element is not None else "") or name


def _elements(known: Structure, slot: str) -> list[Element]:
    return [known.elements[name] for name in known.choices.get(slot, (slot,))]


def _join(id: str, step: str) -> str:
    return f"{id}.{step}" if id else step


def _typed(id: str, element: Element, favoured: Sequence[Element]) -> str:
    """The id of an alternative: the guide names those that it favours."""
    return f"{id}:{element.name}" if element.choice and element in favoured else id
