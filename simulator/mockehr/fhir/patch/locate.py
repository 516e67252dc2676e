"""Where a FHIRPath of a patch points: elements of a document that can be set, not only read.

The paths that patches use are simple (fhirpatch.html: they have to mean one element): names, `[index]`, `.first()`,
`.last()`, `.where(name = literal and …)`, `.extension('url')`, `.ofType(Type)` and `.value` for a choice. What goes
beyond that is refused rather than guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mockehr.fhir.elements import Element, Structure, known_structure
from mockehr.fhir.patch.errors import PatchFault

_STEP = re.compile(r"([A-Za-z_]\w*)(\((.*)\))?((?:\[[0-9]{1,9}\])*)", re.DOTALL)
_CONDITION = re.compile(r"([\w.]+)\s*=\s*('(?:[^'\\]|\\.)*'|true|false|-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Place:
    """One element: the object that holds it, its JSON name there, and its position in a list (-1: it is no list)."""

    holder: dict[str, Any]
    name: str
    position: int
    element: Element

    @property
    def value(self) -> Any:
        """What is there."""
        found = self.holder[self.name]
        return found[self.position] if self.position >= 0 else found


def places(document: dict[str, Any], path: str) -> list[Place]:
    """Every element that `path` means; empty if none. Raises PatchFault for a path beyond the module's."""
    steps = _steps(path)
    kind = str(document.get("resourceType", ""))
    if steps and steps[0] in (kind, "Resource", "DomainResource"):
        steps = steps[1:]
    if not steps:
        raise PatchFault(f"{path!r} means the whole resource; name an element of it")
    whole = known_structure(kind)
    if whole is None:
        raise PatchFault(f"{kind} is no resource type")
    found: list[Place] = []
    for number, step in enumerate(steps):
        nodes = [(document, whole)] if number == 0 else _nodes(found)
        found = _walk(step, nodes, found, path)
    return found


def owner(document: dict[str, Any], path: str) -> tuple[dict[str, Any], Structure]:
    """The one object that `path` means, with its structure: the resource itself for `Patient`. Raises PatchFault."""
    kind = str(document.get("resourceType", ""))
    whole = known_structure(kind)
    if whole is None:
        raise PatchFault(f"{kind} is no resource type")
    if path.strip() in (kind, "Resource", "DomainResource", "$this"):
        return document, whole
    nodes = _nodes(single(document, path))
    if len(nodes) != 1:
        raise PatchFault(f"{path!r} is a value without elements of its own")
    return nodes[0]


def single(document: dict[str, Any], path: str) -> list[Place]:
    """The place that `path` means, in a list of one. Raises PatchFault for none or several."""
    found = places(document, path)
    if len(found) != 1:
        count = "no element" if not found else f"{len(found)} elements"
        raise PatchFault(f"{path!r} means {count}; it has to mean one")
    return found


def _nodes(found: list[Place]) -> list[tuple[dict[str, Any], Structure]]:
    nodes = []
    for place in found:
        value = place.value
        if isinstance(value, dict):
            kind = str(value.get("resourceType", "")) if place.element.type == "Resource" else place.element.type
            known = known_structure(kind)
            if known is not None:
                nodes.append((value, known))
    return nodes


def _steps(path: str) -> list[str]:
    """Split at the dots outside of parentheses and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, letter in enumerate(path):
        if letter == "'" and path[at - 1 : at] != "\\":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif not quoted and letter == "." and depth == 0:
            parts.append(path[start:at].strip())
            start = at + 1
    return [part for part in [*parts, path[start:].strip()] if part != "$this"]


def _walk(step: str, nodes: list[tuple[dict[str, Any], Structure]], before: list[Place], path: str) -> list[Place]:
    form = _STEP.fullmatch(step)
    if form is None:
        raise PatchFault(f"{path!r} is beyond the FHIRPath of patches: {step!r}")
    name, call, argument, indexes = form.groups()
    if call is None:
        found = [place for node, known in nodes for place in _members(node, known, name)]
        if not found and not any(name in known.elements or name in known.choices for _, known in nodes) and nodes:
            raise PatchFault(f"{nodes[0][1].name} has no element {name!r}")
    else:
        found = _called(name, argument.strip(), nodes, before, path)
    for index in re.findall(r"[0-9]+", indexes):
        found = found[int(index) : int(index) + 1]
    return found


def _members(node: dict[str, Any], known: Structure, name: str) -> Iterator[Place]:
    names = known.choices.get(name) or ((name,) if name in known.elements else ())
    for one in names:
        if one not in node:
            continue
        value, element = node[one], known.elements[one]
        if isinstance(value, list):
            yield from (Place(node, one, position, element) for position in range(len(value)))
        else:
            yield Place(node, one, -1, element)


def _called(
    name: str, argument: str, nodes: list[tuple[dict[str, Any], Structure]], before: list[Place], path: str
) -> list[Place]:
    if name == "first" and not argument:
        return before[:1]
    if name == "last" and not argument:
        return before[-1:]
    if name in ("ofType", "as") and re.fullmatch(r"[A-Za-z]\w*", argument):
        return [place for place in before if place.element.type == argument]
    if name == "where":
        return [place for place in before if _holds(place.value, argument, path)]
    if name == "extension" and re.fullmatch(r"'[^']*'", argument):
        url = argument[1:-1]
        found = [place for node, known in nodes for place in _members(node, known, "extension")]
        return [place for place in found if isinstance(place.value, dict) and place.value.get("url") == url]
    raise PatchFault(f"{path!r} is beyond the FHIRPath of patches: {name}({argument})")


def _holds(value: Any, condition: str, path: str) -> bool:
    for part in re.split(r"\s+and\s+", condition):
        form = _CONDITION.fullmatch(part.strip())
        if form is None:
            raise PatchFault(f"{path!r} is beyond the FHIRPath of patches: where({condition})")
        if not any(_equal(item, form.group(2)) for item in _values(value, form.group(1).split("."))):
            return False
    return True


def _values(node: Any, names: list[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _values(item, names)
    elif not names or names == ["$this"]:
        yield node
    elif isinstance(node, dict):
        for key in node:
            if key == names[0] or (key.startswith(names[0]) and key[len(names[0]) : len(names[0]) + 1].isupper()):
                yield from _values(node[key], names[1:])


def _equal(item: Any, literal: str) -> bool:
    if literal.startswith("'"):
        return bool(item == re.sub(r"\\(.)", r"\1", literal[1:-1]))
    if literal in ("true", "false"):
        return item is (literal == "true")
    return isinstance(item, (int, float)) and not isinstance(item, bool) and float(item) == float(literal)
