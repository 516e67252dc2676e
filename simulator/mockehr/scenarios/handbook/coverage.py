"""The coverage table: what serves each row of the ledger, from Python, from a file, over the control API, by a probe.

Cells derive from the registries and the shipped scenarios. Rows that no quirk serves are capabilities: `ledger.yaml`
names what serves them, and every name there must exist (`unknown_names`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from mockehr.config.load import load_file
from mockehr.control.facade import operations
from mockehr.scenarios.handbook.article import names
from mockehr.scenarios.probes import probes
from mockehr.scenarios.shipped import shipped_scenarios

COLUMNS: Final = ("python", "file", "control", "probe")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the ledger; each column holds the names of what serves it."""

    id: str
    title: str
    python: tuple[str, ...]
    file: tuple[str, ...]
    control: tuple[str, ...]
    probe: tuple[str, ...]

    @property
    def empty(self) -> tuple[str, ...]:
        """The columns that nothing serves."""
        return tuple(column for column in COLUMNS if not getattr(self, column))


@cache
def ledger() -> Mapping[str, Mapping[str, Any]]:
    """The rows by id, in order: a `title`, and for capabilities the names of what serves them."""
    return MappingProxyType(dict(load_file(Path(__file__).with_name("ledger.yaml")).value))


def coverage() -> list[Row]:
    """Every row of the ledger."""
    armed = _armed_by_scenarios()
    return [_row(id, told, armed) for id, told in ledger().items()]


def as_markdown(rows: Sequence[Row]) -> str:
    """The table, with a sentence before it."""
    lines = [
        "# Coverage of the ledger",
        "",
        "What serves each row, as the registries know it. Written by `mockehr quirk coverage`; do not edit. Where no",
        "shipped scenario arms a quirk, a file arms it all the same (`use: NAME`), as the tests of the pages try.",
        "",
        "| row | what | Python | file | control | probe |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (", ".join(f"`{name}`" for name in getattr(row, column)) or "—" for column in COLUMNS)
        lines.append(f"| {row.id} | {row.title} | {' | '.join(cells)} |")
    empty = [f"{row.id} ({', '.join(row.empty)})" for row in rows if row.empty]
    lines += ["", f"Empty cells: {', '.join(empty) or 'none'}."]
    return "\n".join(lines) + "\n"


def unknown_names() -> list[str]:
    """What `ledger.yaml` names and nobody has, as `J2 control: no such`."""
    return [
        f"{id} {column}: {name}"
        for id, told in ledger().items()
        for column in COLUMNS
        for name in told.get(column, ())
        if not _exists(column, str(name))
    ]


def _row(id: str, told: Mapping[str, Any], armed: Mapping[str, Sequence[str]]) -> Row:
    serving = tuple(name for name, cls in names().items() if id in cls.about.ledger)
    files = tuple(dict.fromkeys(story for name in serving for story in armed.get(name, ())))
    judged = tuple(name for name, probe in probes().items() if id in probe.ledger)
    own = {column: tuple(map(str, told.get(column, ()))) for column in COLUMNS}
    return Row(
        id,
        str(told["title"]),
        serving + own["python"],
        (files or tuple(f"use: {name}" for name in serving)) + own["file"],
        (("quirk arm",) if serving else ()) + own["control"],
        judged + own["probe"],
    )


@cache
def _armed_by_scenarios() -> Mapping[str, tuple[str, ...]]:
    """Quirk or corruption → the shipped scenarios that name it under `use`."""
    found: dict[str, list[str]] = {}
    for story, file in shipped_scenarios().items():
        for use in dict.fromkeys(_uses(load_file(file).value)):
            found.setdefault(use, []).append(story)
    return MappingProxyType({use: tuple(stories) for use, stories in found.items()})


def _uses(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _uses(one)
    elif isinstance(node, Mapping):
        if isinstance(node.get("use"), str):
            yield node["use"]
        for value in node.values():
            yield from _uses(value)


def _exists(column: str, name: str) -> bool:
    if column == "probe":
        return name in probes()
    if column == "control":
        return name in operations()
    if column == "python":
        module, _, attribute = name.rpartition(".")
        try:
            return hasattr(importlib.import_module(module), attribute)
        except ImportError:
            return False
    return name in shipped_scenarios()
