"""Profiles of US Core 6.1.0: what they ask for beyond R4, by the table `corpora/fhir/profiles.json`.

`derive_profiles.py` beside the table says what it holds and what is not covered. Checked are: elements that have to
be there or may not be, fixed values and patterns, types of choices, targets of references, required bindings whose
codes are known, slices, and the profiles of extensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, cast

import orjson

from mockehr.core.data import data_root
from mockehr.core.errors import nearest_names
from mockehr.fhir.validation.bindings import Codes, check_coded, in_value_set, plain_codes, unknown_code
from mockehr.fhir.validation.issue import At, Enough, Findings, Issue, expression, shown
from mockehr.fhir.validation.references import check_target

How = Literal["fixed", "pattern", "codes"]
_MOST_DEEP: Final = 8
"""Profiles of extensions inside of profiles."""


@dataclass(frozen=True, slots=True)
class Match:
    """One part of how a slice is told apart."""

    path: tuple[str, ...]
    how: How
    wanted: Any

    def fits(self, value: Any) -> bool:
        """Whether some value at the path is as wanted."""
        return any(_fits(item, self.how, self.wanted) for item in _reach(value, self.path))


@dataclass(frozen=True, slots=True)
class Part:
    """An element, or a slice of one, and what a profile asks of it."""

    name: str
    slice: str
    match: tuple[Match, ...]
    least: int
    most: int | None
    asked: tuple[tuple[How, Any], ...]
    codes_of: str
    types: frozenset[str]
    targets: frozenset[str]
    profile: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that the table knows."""

    url: str
    type: str
    title: str
    must_support: tuple[str, ...]
    """Element ids without the type: `name.family`, `extension:race`."""
    parts: tuple[Part, ...]


@cache
def _data() -> Mapping[str, Any]:
    table = orjson.loads((data_root("corpora") / "fhir" / "profiles.json").read_bytes())
    return cast("Mapping[str, Any]", table)


@cache
def _codes(name: str) -> Codes:
    return MappingProxyType({system: frozenset(codes) for system, codes in _data()["codes"][name].items()})


@cache
def profile_urls() -> tuple[str, ...]:
    """The canonical URLs of all known profiles, sorted."""
    return tuple(sorted(_data()["profiles"]))


@cache
def _profile(url: str) -> Profile | None:
    row = _data()["profiles"].get(url)
    if row is None:
        return None
    parts = tuple(_part(part) for part in row["parts"])
    return Profile(url, row["type"], row["title"], tuple(row["must_support"]), parts)


def known_profile(url: str) -> Profile | None:
    """The profile of that canonical URL, with or without a version (`|6.1.0`); None if it is unknown."""
    bare = url.partition("|")[0]
    return _profile(bare) if bare in _data()["profiles"] else None


def _part(row: Mapping[str, Any]) -> Part:
    asked: list[tuple[How, Any]] = []
    for how in ("fixed", "pattern", "codes"):
        if how in row:
            asked.append((how, row[how]))
    return Part(
        row["name"],
        row.get("slice", ""),
        tuple(Match(tuple(filter(None, path.split("."))), how, wanted) for path, how, wanted in row.get("match", ())),
        row.get("least", 0),
        row.get("most"),
        tuple(asked),
        row.get("codes", ""),
        frozenset(row.get("types", ())),
        frozenset(row.get("targets", ())),
        row.get("profile", ""),
        tuple(_part(part) for part in row.get("parts", ())),
    )


def check_profile(document: Mapping[str, Any], url: str, at: At | None = None) -> list[Issue]:
    """What a resource lacks of a profile; an unknown profile is one issue. Never raises.

    Says nothing of R4's own rules. `at` is the resource's place, if it stands inside of another.
    """
    kind = str(document.get("resourceType") or "Resource")
    at = at or (None, kind, -1)
    found = known_profile(url)
    if found is None:
        near = nearest_names(url[:200], profile_urls())
        hint = f"; nearest: {near[0]}" if near else ""
        return [Issue("not-found", f"the profile {url[:200]} is unknown{hint}", expression(at))]
    if found.type != kind:
        return [Issue("invalid", f"{found.title} is a profile of {found.type}, not of {kind}", expression(at))]
    findings = Findings()
    with suppress(Enough):
        _check_parts(document, found.parts, found, at, findings, 0)
    return findings.issues


def _check_parts(
    node: Any, parts: tuple[Part, ...], profile: Profile, at: At, findings: Findings, depth: int
) -> None:
    for part in parts:
        values = [(place, value) for place, value in _values(node, part.name, at) if _belongs(value, part)]
        _check_count(node, part, len(values), profile, at, findings)
        for place, value in values:
            _check_value(value, part, profile, place, findings)
            if type(value) is dict:
                _check_parts(value, part.parts, profile, place, findings, depth)
                inner = known_profile(part.profile) if part.profile and depth < _MOST_DEEP else None
                if inner is not None:
                    _check_parts(value, inner.parts, inner, place, findings, depth + 1)


def _check_count(node: Any, part: Part, count: int, profile: Profile, at: At, findings: Findings) -> None:
    named = f"the slice {part.slice} of {part.name}" if part.slice else part.name
    if count < part.least:
        number = "is missing" if part.least == 1 else f"comes at least {part.least} times, here {count}"
        findings.add((at, part.name, -1), "required", f"{named} {number} ({profile.title})")
    elif part.most is not None and count > part.most:
        number = "is not allowed" if part.most == 0 else f"comes at most {part.most} times, here {count}"
        findings.add((at, part.name, -1), "structure", f"{named} {number} ({profile.title})")
    if part.types and type(node) is dict:
        for name in _names(node, part.name):
            if name not in part.types:
                text = f"{name} is not allowed; allowed: {', '.join(sorted(part.types))} ({profile.title})"
                findings.add((at, name, -1), "structure", text)


def _check_value(value: Any, part: Part, profile: Profile, at: At, findings: Findings) -> None:
    for how, wanted in part.asked:
        if how == "codes":
            _check_codes(value, wanted, at, findings)
        elif value is not None and not _fits(value, how, wanted):
            said = orjson.dumps(wanted).decode()[:200]
            text = f"{'is' if how == 'fixed' else 'contains'} {said} ({profile.title}); here it is {shown(value)}"
            findings.add(at, "value", text)
    if part.targets and type(value) is dict and type(value.get("reference")) is str:
        local = value["reference"][:1] in ("#", "")
        if not local and type(value.get("type")) in (str, type(None)):
            check_target(value, part.targets, at, findings)


def _check_codes(value: Any, name: str, at: At, findings: Findings) -> None:
    codes = _codes(name)
    if type(value) is str:
        known = plain_codes(codes)
        if value not in known:
            findings.add(at, "code-invalid", unknown_code(value, known, name))
    elif type(value) is dict:
        codings = value.get("coding", [])
        concept = "coding" in value or ("system" not in value and "code" not in value)
        sound = type(codings) is list and all(map(_is_coding, codings)) if concept else _is_coding(value)
        if sound:
            check_coded(value, "CodeableConcept" if concept else "Coding", codes, name, at, findings)


def _is_coding(value: Any) -> bool:
    return type(value) is dict and all(type(value.get(name, "")) is str for name in ("system", "code"))


def _belongs(value: Any, part: Part) -> bool:
    return all(match.fits(value) for match in part.match)


def _names(node: Mapping[str, Any], name: str) -> list[str]:
    if not name.endswith("[x]"):
        return [name] if name in node else []
    stem = name[:-3]
    return [key for key in node if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper()]


def _values(node: Any, name: str, at: At) -> Iterator[tuple[At, Any]]:
    """(place, value) of what stands under a name; an element that has only extensions counts, as None."""
    if type(node) is not dict:
        return
    names = _names(node, name)
    for key in names:
        value = node[key]
        if type(value) is list:
            for position, item in enumerate(value):
                yield (at, key, position), item
        else:
            yield (at, key, -1), value
    if not names and f"_{name}" in node:
        yield (at, name, -1), None


def _reach(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield value
        return
    inner = value.get(path[0]) if type(value) is dict else None
    for item in inner if type(inner) is list else [inner]:
        if item is not None:
            yield from _reach(item, path[1:])


def _fits(value: Any, how: How, wanted: Any) -> bool:
    if how == "fixed":
        return bool(value == wanted)
    if how == "pattern":
        return _has(value, wanted)
    codes = _codes(wanted)
    if type(value) is str:
        return value in plain_codes(codes)
    codings = value.get("coding", [value]) if type(value) is dict else ()
    return type(codings) is list and any(_is_coding(coding) and in_value_set(coding, codes) for coding in codings)


def _has(value: Any, pattern: Any) -> bool:
    """Whether a value has all that a pattern asks for (R4 elementdefinition.html#pattern)."""
    if type(pattern) is dict:
        return type(value) is dict and all(_has(value.get(key), inner) for key, inner in pattern.items())
    if type(pattern) is list:
        return type(value) is list and all(any(_has(item, inner) for item in value) for inner in pattern)
    return bool(value == pattern)
