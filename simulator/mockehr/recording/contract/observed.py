"""What answers look like, counted: which elements each kind of resource has, how often, and of which JSON type."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.recording.likeness import LEFT_OUT
from mockehr.recording.shape import kind_of, masked, shape_of, shape_of_envelope

ALWAYS: Final = "always"
_PARTED: Final = re.compile(r"((?:[^=~(]|\([^)]*\))*)([=~].*)?")
"""The path of a shape's token, and what is said of it: `=` a system or profile, `~` a form."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource. `elements` has by path `always object` or `85% object`; `values` by token `always`."""

    seen: int
    elements: Mapping[str, str]
    values: Mapping[str, str]


@dataclass(slots=True)
class Sightings:
    """What was seen so far."""

    counts: Counter[str] = field(default_factory=Counter)
    tokens: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    types: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def take(self, body: Any) -> list[JSON]:
        """Count a resource, or a Bundle and its resources; answers the resources."""
        if not isinstance(body, dict) or body.get("resourceType") in LEFT_OUT | {None}:
            return []
        if body["resourceType"] != "Bundle":
            self._count(kind_of(body), shape_of(body), types_of(body))
            return [body]
        sound = {name: _objects(value) if name in ("entry", "link") else value for name, value in body.items()}
        self._count("Bundle", shape_of_envelope(sound), ())
        found = [one.get("resource") for one in sound.get("entry", ())]
        return [one for resource in found if isinstance(resource, dict) for one in self.take(resource)]

    def kinds(self) -> dict[str, Kind]:
        """Every kind, in alphabetical order."""
        return {kind: self._kind(kind) for kind in sorted(self.counts)}

    def _count(self, kind: str, tokens: frozenset[str], types: Iterator[tuple[str, str]] | tuple[()]) -> None:
        self.counts[kind] += 1
        self.tokens[kind].update(tokens)
        for path, name in types:
            self.types[path].add(name)

    def _kind(self, kind: str) -> Kind:
        seen, elements, values = self.counts[kind], {}, {}
        for token, count in sorted(self.tokens[kind].items()):
            share = ALWAYS if count == seen else f"{max(1, min(99, round(100 * count / seen)))}%"
            if parted(token)[1]:
                values[_plain_id(token, share)] = share
            else:
                names = "|".join(sorted(self.types.get(token, ())))
                elements[token] = f"{share} {names}".strip()
        return Kind(seen, elements, values)


def parted(token: str) -> tuple[str, str]:
    """(path, what is said of it); the second is empty for the token of an element."""
    found = _PARTED.fullmatch(token)
    return (found[1], found[2] or "") if found else (token, "")


def _plain_id(token: str, share: str) -> str:
    """Opaque ids look prefixed now and then, by accident: only what all ids of a kind begin with is a prefix."""
    path, said = parted(token)
    return f"{path}~opaque" if said.startswith("~prefix:") and share != ALWAYS else token


def _objects(values: Any) -> list[JSON]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def types_of(resource: JSON) -> Iterator[tuple[str, str]]:
    """(path, JSON type) of every element, by the same paths as `shape_of`; what repeats is an `array`."""
    return _types(resource, str(resource.get("resourceType", "?")))


def _types(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for one in node:
            yield from _types(one, path)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _types_below(f"{path}.{key}", key, value)


def _types_below(here: str, key: str, value: Any) -> Iterator[tuple[str, str]]:
    nested = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    if key in ("extension", "modifierExtension") and isinstance(value, list):
        for one in nested:
            yield from _types(
                {part: what for part, what in one.items() if part != "url"}, f"{here}({masked(str(one.get('url')))})"
            )
    elif key == "contained" and isinstance(value, list):
        for one in nested:
            yield from _types(one, f"{here}<{one.get('resourceType')}>")
    else:
        yield here, _type(value)
        yield from _types(value, here)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = ((Mapping, "object"), (list, "array"), (str, "string"), ((int, float), "number"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")
