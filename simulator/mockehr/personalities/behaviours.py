"""What is known of vendors, row by row: read from the tables of each vendor's `notes.md`.

A row is `| id | Behaviour | Where | Label | Source |`: a name that tests use, what a client sees, the settings (in
backticks, such as `search.total`) or files that hold it, how well it is known, and where that was found. Labels:
**D** documented by the vendor, **O** observed in recorded answers, **R** told by users and integrators (also **I**),
**NF** looked for and not found, **–** a choice of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

COLUMNS: Final = ("id", "behaviour", "where", "label", "source")
CHOSEN: Final = frozenset({"NF", "\u2013", "-", "choice"})
"""Labels of rows that nobody can be held to."""
_CELL: Final = re.compile(r"(?<!\\)\|")
_SETTING: Final = re.compile(r"`([a-z_]+(?:\.[A-Za-z0-9_.\-]+)*)`")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One row. `area` is the heading above it."""

    vendor: str
    area: str
    id: str
    text: str
    where: str
    label: str
    source: str

    @property
    def known(self) -> bool:
        """Whether somebody wrote or saw it, so that a test must hold us to it."""
        return bool({part.strip(" []?") for part in re.split(r"[/,]", self.label)} - CHOSEN)

    @property
    def settings(self) -> tuple[str, ...]:
        """Dotted names of the settings that hold it."""
        return tuple(name for name in _SETTING.findall(self.where) if not name.endswith((".py", ".yaml")))


@cache
def behaviours(vendor: str) -> tuple[Behaviour, ...]:
    """All rows of one vendor, in the order of its notes."""
    notes = files("mockehr.personalities") / vendor / "notes.md"
    return tuple(_rows(vendor, notes.read_text("utf-8"))) if notes.is_file() else ()


def as_markdown(vendors: Iterable[str]) -> str:
    """The rows of these vendors as one document: vendor, behaviour, label, source."""
    lines = [
        "# What is known of vendors",
        "",
        "Written by `mockehr vendor table` from the `notes.md` of each personality, which say what the short names",
        "of sources mean. Labels: **D** documented by the vendor, **O** observed in recorded answers, **R** or **I**",
        "told by users and integrators, **NF** looked for and not found, **–** a choice of ours. Every row but those",
        "of the last two kinds is held by a test that names it.",
    ]
    for vendor in vendors:
        rows = behaviours(vendor)
        if rows:
            lines += ["", f"## {vendor}", "", "| id | behaviour | label | source |", "|---|---|---|---|"]
            lines += [f"| {row.id} | {_cell(row.text)} | {row.label} | {_cell(row.source)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _rows(vendor: str, text: str) -> Iterator[Behaviour]:
    area, inside = "", False
    for line in text.splitlines():
        if line.startswith("#"):
            area, inside = line.lstrip("# ").strip(), False
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line.strip())[1:-1]]
        if tuple(cell.lower() for cell in cells) == COLUMNS:
            inside = True
        elif not cells:
            inside = False
        elif inside and len(cells) == len(COLUMNS) and set(cells[0]) - set("-: "):
            yield Behaviour(vendor, area, *cells)
