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
    sources: Mapping[KeyPath, str] = field(default_factory=dict)
    """By key and list item: the file that it comes from, where that is another one than `source`."""

    def line(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest thing around it; 0 if no line is known."""
        return self.lines.get(self._known(path), 0)

    def file(self, path: KeyPath) -> str:
        """The file in which that line is."""
        return self.sources.get(self._known(path), self.source)

    def place(self, path: KeyPath) -> str:
        """`north.yaml:12: quirks[0].when.every`, as far as it is known."""
        line = self.line(path)
        where = f"{self.file(path)}:{line}" if line else self.source
        return f"{where}: {spell(path)}" if path else where

    def _known(self, path: KeyPath) -> KeyPath:
        """`path`, or what is nearest around it of which a line is known."""
        return next((path[:end] for end in range(len(path), -1, -1) if path[:end] in self.lines), ())


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
    ordered = sorted(findings, key=lambda one: (document.file(one.path) != document.source, document.line(one.path)))
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
