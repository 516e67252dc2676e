"""A configuration file as plain Python, which knows the line of every key, and how its faults are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockehr.core.errors import ConfigError, nearest_names

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of mappings and positions in lists, as in `("quirks", 0, "when")`."""

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. `value` is made of dict, list, str, int, float, bool and None only."""

    source: str
    """The file as a person would name it; `<text>` if it came from elsewhere."""
    value: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """Line of each key and list item, counted from 1."""

    def line(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest thing around it; 0 if no line is known."""
        for end in range(len(path), -1, -1):
            line = self.lines.get(path[:end])
            if line is not None:
                return line
        return 0

    def place(self, path: KeyPath) -> str:
        """`north.yaml:12: quirks[0].when.every`, as far as it is known."""
        line = self.line(path)
        where = f"{self.source}:{line}" if line else self.source
        return f"{where}: {spell(path)}" if path else where


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a document."""

    path: KeyPath
    wrong: str
    nearest: str = ""
    allowed: tuple[str, ...] = ()


def spell(path: KeyPath) -> str:
    """`("quirks", 0, "when")` as `quirks[0].when`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def unknown(path: KeyPath, wrong: str, name: str, known: Iterable[str]) -> Finding:
    """A finding about a name that is none of `known`, with the nearest one."""
    names = sorted(known)
    close = nearest_names(name, names, limit=1)
    return Finding(path, wrong, close[0] if close else "", tuple(names))


def refusal(document: Document, findings: Iterable[Finding]) -> ConfigError:
    """One ConfigError that tells all findings, in the order of the file."""
    ordered = sorted(findings, key=lambda finding: document.line(finding.path))
    problems = [f"{document.place(finding.path)}: {_tell(finding)}" for finding in ordered]
    many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return ConfigError(f"{document.source} does not hold: {many}.", problems)


def _tell(finding: Finding) -> str:
    parts = [finding.wrong]
    if finding.nearest:
        parts.append(f"nearest: {finding.nearest}")
    if finding.allowed:
        more = len(finding.allowed) - _SHOWN
        parts.append(f"valid: {', '.join(finding.allowed[:_SHOWN])}" + (f" and {more} more" if more > 0 else ""))
    return "; ".join(parts)
