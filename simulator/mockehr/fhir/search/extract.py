"""SearchParameter expressions compiled to closures over plain dicts.

The FHIRPath that R4 and US Core SearchParameters use is small: dotted paths, unions, `(x as T)`, `.as(T)`,
`.ofType(T)`, `.where(resolve() is T)`, `.where(name = 'text')`, `.where(hasExtension('url'))`, an index, and one
`x.exists() and x != false`. Anything else is refused at compile time, and so is an element that R4 does not have. At
run time nothing raises, whatever the resource looks like: a node of the wrong shape yields nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from mockehr.fhir.elements import R4, release_name, structure

Extractor = Callable[[Any], Sequence[Any]]
"""Resource (or element) → the values found, in document order; JSON nulls inside lists may be among them."""
Step = Callable[[Sequence[Any]], Sequence[Any]]
Types = tuple[str, ...]
"""Names of the structures that a node may be of."""

_MANY_TYPES: Final = 16
_NOT_FALSE = re.compile(r"(.+)\.exists\(\) and \1 != false")
_PARENTHESISED_AS = re.compile(r"\(([^()]+?) as (\w+)\)(.*)")
_EQUALS = re.compile(r"(\w+)\s*=\s*'([^']*)'")
_RESOLVES = re.compile(r"resolve\(\)\s+is\s+(\w+)")
_HAS_EXTENSION = re.compile(r"hasExtension\('([^']*)'\)")
_CALL = re.compile(r"(\w+)\((.*)\)")
_INDEXED = re.compile(r"(\w+)\[([0-9]+)\]")


@cache
def compile_expression(expression: str, base: str = "", version: str = R4) -> Extractor:
    """The closure for `expression`; raises ValueError on FHIRPath beyond what the module names.

    `base` is the expression that this one starts from where it is relative (`value.as(Quantity)` of a composite).
    """
    start = tuple(dict.fromkeys(name for part in _parts(base) for name in _types_of(part, version))) if base else ()
    parts = [_fuse(_parse(part, start, version)[0]) for part in _parts(expression)]
    if len(parts) == 1:
        return parts[0]

    def union(resource: Any) -> Sequence[Any]:
        found: list[Any] = []
        for part in parts:
            found += part(resource)
        return found

    return union


def compile_truth(path: str, version: str = R4) -> Extractor:
    """One value, True or False: does something stand at `path` other than false?"""
    inner = _fuse(_parse(path, (), version)[0])
    return lambda resource: (any(value is not False for value in inner(resource)),)


def _parts(expression: str) -> list[str]:
    return [part.strip() for part in expression.split("|")]


def _types_of(path: str, version: str) -> Types:
    """What the path leads to."""
    return _parse(path, (), version)[1]


def _parse(path: str, types: Types, version: str) -> tuple[list[tuple[Any, ...]], Types]:
    """The steps of a path without union, and the structures that it leads to. Without `types` it names its own."""
    truth = _NOT_FALSE.fullmatch(path)
    if truth:
        return [("truth", truth.group(1), version)], ()
    wrapped = _PARENTHESISED_AS.fullmatch(path)
    if wrapped:
        path = f"{wrapped.group(1)}.as({wrapped.group(2)}){wrapped.group(3)}"
    names = _split_steps(path)
    if not types:
        types, names = (names[0],), names[1:]
        if structure(types[0], version) is None:
            release = release_name(version)
            raise ValueError(f"{path!r} is beyond the FHIRPath of search parameters: {release} has no {types[0]}")
    steps: list[tuple[Any, ...]] = []
    while names:
        name = names.pop(0)
        call = _CALL.fullmatch(name)
        if call and call.group(1) in ("as", "ofType"):
            types = _cast(types, call.group(2).strip(), path)
        elif call:
            steps.append(_condition(call.group(1), call.group(2).strip()))
        else:
            made, types, names = _field_steps(name, types, names, path, version)
            steps += made
    return steps, types


def _field_steps(
    name: str, types: Types, names: list[str], path: str, version: str
) -> tuple[list[tuple[Any, ...]], Types, list[str]]:
    """Going down one element: the steps, what they lead to, and the names that are left (less a cast of a choice)."""
    indexed = _INDEXED.fullmatch(name)
    more: list[tuple[Any, ...]] = []
    if indexed:
        name, more = indexed.group(1), [("index", int(indexed.group(2)))]
    plain, chosen = _elements(types, name, version)
    if not plain and not chosen:
        raise ValueError(
            f"{path!r} is beyond the FHIRPath of search parameters: {' or '.join(types)} has no {name!r}"
        )
    if plain:
        return [("field", name), *more], tuple(dict.fromkeys(plain)), names
    cast = _CALL.fullmatch(names[0]) if names else None
    if cast and cast.group(1) in ("as", "ofType"):
        wanted = cast.group(2).strip().casefold()  # R4 writes DateTime and dateTime
        chosen = {key: kind for key, kind in chosen.items() if kind.casefold() == wanted}
        if not chosen:
            raise ValueError(f"{path!r} is beyond the FHIRPath of search parameters: {name} is never {wanted}")
        names = names[1:]
    found = tuple(dict.fromkeys(chosen.values()))
    if len(chosen) == 1:
        return [("field", next(iter(chosen))), *more], found, names
    return [("choice", *chosen), *more], found, names


def _elements(types: Types, name: str, version: str) -> tuple[list[str], dict[str, str]]:
    """(types of the element called that, {JSON name: type} of the choice called that) in any of the structures."""
    plain: list[str] = []
    chosen: dict[str, str] = {}
    for owner in types:
        known = structure(owner, version)
        if known is None:
            continue
        if name in known.elements:  # US Core writes a choice under its JSON name: extension.valueDateTime
            plain.append(known.elements[name].type)
        for key in known.choices.get(name, ()):
            chosen[key] = known.elements[key].type
    return plain, chosen


def _cast(types: Types, wanted: str, path: str) -> Types:
    """A cast of an element that is no choice: it is of that type already, or never."""
    kept = tuple(name for name in types if name.casefold() == wanted.casefold())
    if not kept:
        raise ValueError(f"{path!r} is beyond the FHIRPath of search parameters: {' or '.join(types)} is no {wanted}")
    return kept


def _split_steps(path: str) -> list[str]:
    """Split at the dots that stand outside parentheses and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, letter in enumerate(path):
        if letter == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "." and not depth:
            parts.append(path[start:at].strip())
            start = at + 1
    parts.append(path[start:].strip())
    return parts


def _condition(name: str, argument: str) -> tuple[Any, ...]:
    if name == "where":
        for form, kind in ((_EQUALS, "equals"), (_RESOLVES, "resolves"), (_HAS_EXTENSION, "extended")):
            found = form.fullmatch(argument)
            if found:
                return (kind, *found.groups())
    raise ValueError(f"{name}({argument}) is beyond the FHIRPath of search parameters")


def _fuse(steps: list[tuple[Any, ...]]) -> Extractor:
    """One closure for all steps; the commonest shapes get their own."""
    if not steps:
        return lambda resource: (resource,)
    if steps[0][0] == "truth":
        return compile_truth(*steps[0][1:])
    if all(step[0] == "field" for step in steps) and len(steps) <= 2:
        return _one_field(steps[0][1]) if len(steps) == 1 else _two_fields(steps[0][1], steps[1][1])
    if len(steps) == 2 and steps[0][0] == "field" and steps[1][0] == "resolves":
        return _one_reference(steps[0][1], steps[1][1])
    if len(steps) == 1 and steps[0][0] == "choice" and len(steps[0]) - 1 <= _MANY_TYPES:
        return _one_choice(steps[0][1:])
    compiled = tuple(_STEPS[kind](*arguments) for kind, *arguments in steps)

    def walk(resource: Any) -> Sequence[Any]:
        nodes: Sequence[Any] = (resource,)
        for step in compiled:
            nodes = step(nodes)
            if not nodes:
                return ()
        return nodes

    return walk


def _one_field(name: str) -> Extractor:
    def one(resource: Any) -> Sequence[Any]:
        value = resource.get(name) if isinstance(resource, dict) else None
        if value is None:
            return ()
        return value if isinstance(value, list) else (value,)

    return one


def _one_reference(name: str, resource_type: str) -> Extractor:
    """`subject.where(resolve() is Patient)`, which most searches for a patient come to."""
    keep, start = _resolves(resource_type), f"{resource_type}/"

    def one(resource: Any) -> Sequence[Any]:
        value = resource.get(name) if isinstance(resource, dict) else None
        if isinstance(value, dict):
            text = value.get("reference")
            if isinstance(text, str) and text.startswith(start):
                return (value,)
        if value is None:
            return ()
        return keep(value if isinstance(value, list) else (value,))

    return one


def _two_fields(first: str, second: str) -> Extractor:
    last = _field(second)

    def two(resource: Any) -> Sequence[Any]:
        value = resource.get(first) if isinstance(resource, dict) else None
        if value is None:
            return ()
        return last(value if isinstance(value, list) else (value,))

    return two


def _one_choice(keys: Sequence[str]) -> Extractor:
    def one(resource: Any) -> Sequence[Any]:
        if not isinstance(resource, dict):
            return ()
        return [resource[key] for key in keys if key in resource]

    return one


def _field(name: str) -> Step:
    def step(nodes: Sequence[Any]) -> Sequence[Any]:
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, dict):
                value = node.get(name)
                if isinstance(value, list):
                    found += value
                elif value is not None:
                    found.append(value)
        return found

    return step


def _choice(*names: str) -> Step:
    keys = frozenset(names)

    def step(nodes: Sequence[Any]) -> Sequence[Any]:
        return [node[key] for node in nodes if isinstance(node, dict) for key in node if key in keys]

    return step


def _index(place: int) -> Step:
    return lambda nodes: nodes[place : place + 1]


def _equals(name: str, text: str) -> Step:
    def step(nodes: Sequence[Any]) -> Sequence[Any]:
        return [node for node in nodes if isinstance(node, dict) and node.get(name) == text]

    return step


def _extended(url: str) -> Step:
    def told(node: Any) -> bool:
        extensions = node.get("extension") if isinstance(node, dict) else None
        return isinstance(extensions, list) and any(
            isinstance(one, dict) and one.get("url") == url for one in extensions
        )

    return lambda nodes: [node for node in nodes if told(node)]


def _resolves(resource_type: str) -> Step:
    """Keep References whose target is of that type, told by the reference itself (nothing is looked up)."""
    start, middle = f"{resource_type}/", f"/{resource_type}/"

    def step(nodes: Sequence[Any]) -> Sequence[Any]:
        found = []
        for node in nodes:
            if not isinstance(node, dict):
                continue
            text = node.get("reference")
            told = isinstance(text, str) and (text.startswith(start) or middle in text)
            if told or node.get("type") == resource_type:
                found.append(node)
        return found

    return step


_STEPS: Final[Mapping[str, Callable[..., Step]]] = {
    "field": _field,
    "choice": _choice,
    "index": _index,
    "equals": _equals,
    "extended": _extended,
    "resolves": _resolves,
}
