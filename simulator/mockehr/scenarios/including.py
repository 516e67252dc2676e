"""A scenario file with all that it includes: one document, in which every key knows its file and line.

Mappings are merged key by key, `sites` by their names, all other lists are joined: what is included comes first, and
where both say something the including file is right. Paths inside (`import`, pathway files) count from the file that
was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mockehr.config.document import Document, Finding, KeyPath, refusal, unknown
from mockehr.config.load import load_file
from mockehr.core.errors import UnknownName
from mockehr.scenarios.shipped import find_scenario, shipped_scenarios

INCLUDE: Final = "include"
_BY_NAME: Final = ("sites",)
"""Lists whose items are merged where they have the same `name`."""


@dataclass(slots=True)
class _Places:
    """Where the keys of a merged document come from."""

    lines: dict[KeyPath, int] = field(default_factory=dict)
    sources: dict[KeyPath, str] = field(default_factory=dict)

    def note(self, path: KeyPath, document: Document, origin: KeyPath) -> None:
        self.lines[path] = document.line(origin)
        self.sources[path] = document.file(origin)


def included(path: Path) -> Document:
    """The file and what it includes, as one document; raises ConfigError for a wrong name and for a circle."""
    return _read(path, str(path), (path.resolve(),))


def _read(path: Path, name: str, chain: tuple[Path, ...]) -> Document:
    document = load_file(path, source=name)
    value = document.value
    if not isinstance(value, dict) or INCLUDE not in value:
        return document
    merged: Document | None = None
    for place, found in _named(document, path.parent):
        if found.resolve() in chain:
            circle = " → ".join(one.name for one in (*chain, found))
            raise refusal(document, [Finding(place, f"includes itself: {circle}")])
        one = _read(found, _shown(found, path, name), (*chain, found.resolve()))
        if not isinstance(one.value, dict):
            raise refusal(one, [Finding((), "should be a mapping of settings, as it is included")])
        merged = one if merged is None else _merged(merged, one, document.source)
    own = {key: value[key] for key in value if key != INCLUDE}
    rest = Document(document.source, own, document.lines, document.sources)
    return rest if merged is None else _merged(merged, rest, document.source)


def _shown(found: Path, path: Path, name: str) -> str:
    """What messages call an included file: as the including one is called, if it lies beside it."""
    return str(Path(name).parent / found.name) if found.parent == path.parent else str(found)


def _named(document: Document, folder: Path) -> Iterator[tuple[KeyPath, Path]]:
    """(place, file) of everything that a document includes."""
    told = document.value[INCLUDE]
    for position, name in enumerate(told if isinstance(told, list) else [told]):
        place: KeyPath = (INCLUDE, position) if isinstance(told, list) else (INCLUDE,)
        if not isinstance(name, str):
            raise refusal(document, [Finding(place, f"should be the name of a file, not {name!r}")])
        try:
            yield place, folder / name if (folder / name).is_file() else find_scenario(name, [folder])
        except UnknownName:
            known = {*shipped_scenarios(), *(file.name for file in folder.glob("*.yaml"))}
            raise refusal(document, [unknown(place, f"there is no file {name!r}", name, known)]) from None


def _merged(base: Document, over: Document, source: str) -> Document:
    places = _Places()
    value = _both(base, (), over, (), (), places)
    return Document(source, value, places.lines, places.sources)


def _at(document: Document, path: KeyPath) -> Any:
    value = document.value
    for step in path:
        value = value[step]
    return value


def _both(base: Document, old: KeyPath, over: Document, new: KeyPath, to: KeyPath, places: _Places) -> Any:
    """What two documents say at a place together; `to` is where that will stand."""
    first, second = _at(base, old), _at(over, new)
    places.note(to, over, new)
    if isinstance(first, dict) and isinstance(second, dict):
        return {
            key: _both(base, (*old, key), over, (*new, key), (*to, key), places)
            if key in first and key in second
            else _one(base, (*old, key), (*to, key), places)
            if key in first
            else _one(over, (*new, key), (*to, key), places)
            for key in dict.fromkeys((*first, *second))
        }
    if isinstance(first, list) and isinstance(second, list):
        return _joined(base, old, over, new, to, places)
    return _one(over, new, to, places)


def _joined(base: Document, old: KeyPath, over: Document, new: KeyPath, to: KeyPath, places: _Places) -> list[Any]:
    """Two lists, one behind the other; of `sites` those with one name are one."""
    first, second = _at(base, old), _at(over, new)
    by_name = {_name(one): position for position, one in enumerate(second) if _name(one)} if to in _KEYED else {}
    made: list[Any] = []
    for position, item in enumerate(first):
        twin = by_name.pop(_name(item), None)
        place = (*to, len(made))
        if twin is None:
            made.append(_one(base, (*old, position), place, places))
        else:
            made.append(_both(base, (*old, position), over, (*new, twin), place, places))
    taken = {_name(item) for item in first if _name(item)} if to in _KEYED else set()
    for position, item in enumerate(second):
        if not (_name(item) and _name(item) in taken):
            made.append(_one(over, (*new, position), (*to, len(made)), places))
    return made


_KEYED: Final = frozenset((name,) for name in _BY_NAME)


def _name(item: Any) -> str:
    return str(item["name"]) if isinstance(item, dict) and item.get("name") else ""


def _one(document: Document, origin: KeyPath, to: KeyPath, places: _Places) -> Any:
    """What one document says at a place, all below it noted."""
    places.note(to, document, origin)
    value = _at(document, origin)
    if isinstance(value, dict):
        return {key: _one(document, (*origin, key), (*to, key), places) for key in value}
    if isinstance(value, list):
        return [_one(document, (*origin, n), (*to, n), places) for n in range(len(value))]
    return value
