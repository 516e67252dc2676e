"""Get, set and delete by element path on plain JSON: `name[0].family`, `identifier[*].value`, `meta.tag`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mockehr.core.errors import UsageError


def _steps(path: str) -> list[str | int | None]:
    steps: list[str | int | None] = []
    for part in path.split("."):
        name, _, rest = part.partition("[")
        if name:
            steps.append(name)
        while rest:
            index, bracket, rest = rest.partition("]")
            if not bracket or not (index == "*" or index.isdigit()):
                raise UsageError(
                    f"{path!r} is no element path.",
                    remedy="Write it like name[0].family or identifier[*].value.",
                )
            steps.append(None if index == "*" else int(index))
            rest = rest.removeprefix("[")
    return steps


def _walk(node: Any, steps: list[str | int | None]) -> Iterator[Any]:
    if not steps:
        yield node
        return
    step, rest = steps[0], steps[1:]
    if isinstance(node, list) and not isinstance(step, int):
        inner = rest if step is None else steps
        for item in node:
            yield from _walk(item, inner)
    elif isinstance(step, int):
        if isinstance(node, list) and step < len(node):
            yield from _walk(node[step], rest)
    elif isinstance(node, dict) and step in node:
        yield from _walk(node[step], rest)


def get_all(node: Any, path: str) -> list[Any]:
    """Every value at `path`; a list without an index is walked item by item, except as the last step."""
    return list(_walk(node, _steps(path)))


def get(node: Any, path: str, default: Any = None) -> Any:
    """The first value at `path`, or `default`."""
    return next(_walk(node, _steps(path)), default)


def replace(node: Any, path: str, value: Any) -> int:
    """Set `value` wherever the parent of the last step exists; returns how many places were set."""
    places = 0
    for target, last in _targets(node, path):
        if isinstance(last, str) or last < len(target):
            target[last] = value
            places += 1
    return places


def delete(node: Any, path: str) -> int:
    """Remove the last step wherever it exists; returns how many places were removed."""
    places = 0
    for target, last in _targets(node, path):
        if last in target if isinstance(last, str) else last < len(target):
            del target[last]
            places += 1
    return places


def _targets(node: Any, path: str) -> Iterator[tuple[Any, str | int]]:
    """(container, key or index) pairs in which the last step of `path` may live."""
    *parents, last = _steps(path)
    if last is None:
        raise UsageError(f"{path!r} ends in [*].", remedy="End the path with a name or a number.")
    for parent in _walk(node, parents):
        for target in parent if isinstance(parent, list) and isinstance(last, str) else [parent]:
            if isinstance(target, dict if isinstance(last, str) else list):
                yield target, last
