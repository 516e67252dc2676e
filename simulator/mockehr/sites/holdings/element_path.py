"""Element paths of mappings, a small part of FHIRPath (N1): `name[0].family`, `identifier.where(system='x').value`.

A name steps into an element, and into every item of a list; `[0]` takes one of them; `where(path='text')` keeps those
that say so; `toDate()` cuts a time off a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

from mockehr.core.errors import UsageError, nearest_names
from mockehr.fhir.elements import structure

_STEP: Final = re.compile(
    r"(?P<name>[A-Za-z_]\w*)(?![\w(])|\[(?P<index>\d{1,6})\]"
    r"|where\(\s*(?P<inner>[A-Za-z_][\w.]*)\s*=\s*'(?P<value>[^']*)'\s*\)|(?P<day>toDate\(\))"
)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_DAY: Final = 10
REMEDY: Final = "Write it like name[0].family, identifier.where(system='urn:x').value or onsetDateTime.toDate()."


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path. `text` is a name, a number, or what `where` compares with; `inner` is where it looks."""

    kind: Literal["name", "index", "where", "day"]
    text: str = ""
    inner: str = ""


@lru_cache(4096)
def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path; raises UsageError for a text that is none."""
    found: list[Step] = []
    place = 0
    while place < len(path):
        if found and path[place] == ".":
            place += 1
        elif found and path[place] != "[":
            place = -1
        match = _STEP.match(path, place) if place >= 0 else None
        if match is None or (not found and match["name"] is None):
            raise UsageError(f"{path!r} is no element path.", remedy=REMEDY)
        found.append(_step(match))
        place = match.end()
    if not found or any(step.kind == "day" for step in found[:-1]):
        raise UsageError(f"{path!r} is no element path.", remedy=REMEDY)
    return tuple(found)


def _step(match: re.Match[str]) -> Step:
    if match["name"] is not None:
        return Step("name", match["name"])
    if match["index"] is not None:
        return Step("index", match["index"])
    return Step("day") if match["day"] else Step("where", match["value"], match["inner"])


def values_at(resource: Any, path: str) -> list[Any]:
    """Every value at a path, in order; a list at its end counts item by item."""
    nodes = [resource]
    for step in steps(path):
        nodes = list(_next(nodes, step))
    return nodes


def _next(nodes: list[Any], step: Step) -> Iterator[Any]:
    if step.kind == "index":
        yield from nodes[int(step.text) : int(step.text) + 1]
    for node in nodes if step.kind != "index" else ():
        if step.kind == "day":
            yield node[:_DAY] if isinstance(node, str) else node
        elif step.kind == "where":
            if step.text in values_at(node, step.inner):
                yield node
        elif isinstance(node, dict) and node.get(step.text) is not None:
            inner = node[step.text]
            yield from inner if isinstance(inner, list) else (inner,)


def kind_at(resource_type: str, path: str) -> str:
    """The type of the elements at a path of a resource type; raises UsageError for a path that it does not have.

    Within what may be of any type (contained resources) it is unknown, and empty.
    """
    current = resource_type
    for step in steps(path):
        if step.kind == "day":
            return "date"
        if step.kind != "name" or not current:
            continue
        inside = structure(current)
        if inside is None:
            raise UsageError(f"{path!r}: {current} has no elements, so no {step.text}.", remedy=REMEDY)
        found = inside.elements.get(step.text)
        if found is None:
            choices = inside.choices.get(step.text, ())
            near = list(choices) or nearest_names(step.text, inside.elements)
            raise UsageError(f"{path!r}: {current} has no element {step.text}.", nearest=", ".join(near[:3]))
        current = "" if found.type == "Resource" else found.type
    return current


def same_moment(expected: Any, got: Any) -> bool:
    """Whether two texts are one moment, written with different offsets; False for what are no moments."""
    if not isinstance(expected, str) or not isinstance(got, str):
        return False
    if not _INSTANT.fullmatch(expected) or not _INSTANT.fullmatch(got):
        return False
    try:
        return datetime.fromisoformat(expected).astimezone(UTC) == datetime.fromisoformat(got).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
