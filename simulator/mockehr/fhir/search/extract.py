"""SearchParameter expressions compiled to closures over plain dicts.

The FHIRPath that R4 and US Core SearchParameters use is small: dotted paths, unions, `(x as T)`, `.as(T)`,
`.ofType(T)`, `.where(resolve() is T)`, `.where(name = 'text')`, and one `x.exists() and x != false`. Anything else is
refused at compile time. At run time nothing raises, whatever the resource looks like: a node of the wrong shape
yields nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Extractor = Callable[[Any], Sequence[Any]]
"""Resource (or element) → the values found, in document order; JSON nulls inside lists may be among them."""
Step = Callable[[Sequence[Any]], Sequence[Any]]
Choices = Mapping[str, Sequence[str]]
"""Path of a choice element without `[x]` → its type suffixes: `Observation.value` → Boolean, CodeableConcept …"""

_MANY_TYPES = 16
_NOT_FALSE = re.compile(r"(.+)\.exists\(\) and \1 != false")
_PARENTHESISED_AS = re.compile(r"\(([^()]+?) as (\w+)\)(.*)")
_EQUALS = re.compile(r"(\w+)\s*=\s*'([^']*)'")
_RESOLVES = re.compile(r"resolve\(\)\s+is\s+(\w+)")
_CALL = re.compile(r"(\w+)\((.*)\)")


def compile_expression(expression: str, choices: Choices, base: str = "") -> Extractor:
    """The closure for `expression`; raises ValueError on FHIRPath beyond what the module names.

    `base` is the path that the expression starts from when it is relative (`value.as(Quantity)` of a composite).
    """
    parts = [_compile_path(part.strip(), choices, base) for part in expression.split("|")]
    if len(parts) == 1:
        return parts[0]

    def union(resource: Any) -> Sequence[Any]:
        found: list[Any] = []
        for part in parts:
            found += part(resource)
        return found

    return union


def _compile_path(path: str, choices: Choices, base: str) -> Extractor:
    truth = _NOT_FALSE.fullmatch(path)
    if truth:
        inner = _compile_path(truth.group(1), choices, base)
        return lambda resource: (any(value is not False for value in inner(resource)),)
    wrapped = _PARENTHESISED_AS.fullmatch(path)
    if wrapped:
        path = f"{wrapped.group(1)}.as({wrapped.group(2)}){wrapped.group(3)}"
    steps: list[tuple[str, ...]] = []
    names = _split_steps(path)
    here = base
    if not base:
        here, names = names[0], names[1:]
    while names:
        name = names.pop(0)
        call = _CALL.fullmatch(name)
        if call:
            steps.append(_call_step(call.group(1), call.group(2).strip()))
            continue
        if not name.isidentifier():
            raise ValueError(f"{path!r} is beyond the FHIRPath of search parameters: {name!r}")
        here = f"{here}.{name}"
        if here not in choices:
            steps.append(("field", name))
            continue
        cast = _CALL.fullmatch(names[0]) if names else None
        if cast and cast.group(1) in ("as", "ofType"):
            names.pop(0)
            steps.append(("field", name + _capital(cast.group(2).strip())))
        else:
            steps.append(("choice", name, *choices[here]))
    return _fuse(steps)


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


def _call_step(name: str, argument: str) -> tuple[str, ...]:
    if name in ("as", "ofType"):
        return ("same",)  # a cast of an element that has one type only
    equals = _EQUALS.fullmatch(argument) if name == "where" else None
    if equals:
        return ("equals", equals.group(1), equals.group(2))
    resolves = _RESOLVES.fullmatch(argument) if name == "where" else None
    if resolves:
        return ("resolves", resolves.group(1))
    raise ValueError(f"{name}({argument}) is beyond the FHIRPath of search parameters")


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _fuse(steps: list[tuple[str, ...]]) -> Extractor:
    """One closure for all steps; the commonest shapes get their own."""
    steps = [step for step in steps if step[0] != "same"]
    if not steps:
        return lambda resource: (resource,)
    if all(step[0] == "field" for step in steps) and len(steps) <= 2:
        return _one_field(steps[0][1]) if len(steps) == 1 else _two_fields(steps[0][1], steps[1][1])
    if len(steps) == 1 and steps[0][0] == "choice" and len(steps[0]) - 2 <= _MANY_TYPES:
        return _one_choice(steps[0][1], steps[0][2:])
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


def _two_fields(first: str, second: str) -> Extractor:
    last = _field(second)

    def two(resource: Any) -> Sequence[Any]:
        value = resource.get(first) if isinstance(resource, dict) else None
        if value is None:
            return ()
        return last(value if isinstance(value, list) else (value,))

    return two


def _one_choice(name: str, suffixes: Sequence[str]) -> Extractor:
    keys = tuple(name + suffix for suffix in suffixes)

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


def _choice(name: str, *suffixes: str) -> Step:
    keys = frozenset(name + suffix for suffix in suffixes)

    def step(nodes: Sequence[Any]) -> Sequence[Any]:
        return [node[key] for node in nodes if isinstance(node, dict) for key in node if key in keys]

    return step


def _equals(name: str, text: str) -> Step:
    def step(nodes: Sequence[Any]) -> Sequence[Any]:
        return [node for node in nodes if isinstance(node, dict) and node.get(name) == text]

    return step


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
    "equals": _equals,
    "resolves": _resolves,
}
