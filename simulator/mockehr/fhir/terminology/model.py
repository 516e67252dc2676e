"""Code systems, value sets and concept maps as this server works with them, wherever they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from mockehr.core.folding import fold

LEAST_CATEGORY: Final = 3
"""Letters of the shortest category where a longer code lies below the shorter one that it begins with (ICD)."""
INVERSE: Final[Mapping[str, str]] = {
    "wider": "narrower",
    "narrower": "wider",
    "subsumes": "specializes",
    "specializes": "subsumes",
}
"""What an equivalence is called when it is read from its target (concept-map-equivalence); others are the same."""
NO_MATCH: Final = frozenset({"unmatched", "disjoint"})


class Designation(NamedTuple):
    """Another name of a concept; `use` is a (system, code) pair or empty."""

    language: str
    value: str
    use: tuple[str, str] = ("", "")


class Property(NamedTuple):
    """A property of a concept: `value` as JSON has it, under `valueCode`, `valueString` … as `kind` says."""

    code: str
    kind: str
    value: object


@dataclass(frozen=True, slots=True)
class Concept:
    """One code with what is known of it."""

    code: str
    display: str = ""
    definition: str = ""
    parents: tuple[str, ...] = ()
    abstract: bool = False
    status: str = ""
    """`deprecated`, `retired`, `inactive` …; empty for active."""
    designations: tuple[Designation, ...] = ()
    properties: tuple[Property, ...] = ()

    @property
    def inactive(self) -> bool:
        """Not to be used any more. What is deprecated may still be (codesystem-concept-properties.html)."""
        return self.status in ("retired", "inactive")

    def shown(self, language: str = "") -> str:
        """The display, in that language where it has one."""
        wanted = language.casefold()
        names = (d.value for d in self.designations if wanted and d.language.casefold() == wanted)
        return next(names, self.display)

    def is_called(self, text: str) -> bool:
        """Whether that is one of its names, case and accents apart; anything is where no name is known."""
        names = [self.display, *(designation.value for designation in self.designations)]
        return not any(names) or fold(text) in {fold(name) for name in names if name}


@dataclass(frozen=True)
class CodeSystem:
    """A code system: its codes, all of them (`complete`) or those that are known here."""

    url: str
    concepts: Mapping[str, Concept]
    name: str = ""
    title: str = ""
    version: str = ""
    value_set: str = ""
    """The value set that holds all of it; empty if none does by definition."""
    complete: bool = False
    case_sensitive: bool = True
    hierarchical: bool = False
    """Whether parents subsume their children."""
    by_prefix: bool = False
    """Whether a code lies below every shorter code that it begins with."""
    grammar: re.Pattern[str] | None = field(default=None, compare=False)
    """What every code of the system looks like, if that decides it."""

    def find(self, code: str) -> Concept | None:
        """The concept with that code, or None."""
        found = self.concepts.get(code)
        if found is None and not self.case_sensitive:
            found = self._folded.get(code.casefold())
        if found is None and self.grammar is not None and self.grammar.fullmatch(code):
            return Concept(code)
        return found

    def has(self, code: str) -> bool | None:
        """Whether the system has that code; None where it may, among those that are not known here."""
        if self.find(code) is not None:
            return True
        return False if self.complete or self.grammar is not None else None

    def children(self, code: str) -> tuple[str, ...]:
        """The codes right below."""
        return self._children.get(code, ())

    def below(self, code: str) -> frozenset[str]:
        """The code and all known codes below it; empty if neither is known."""
        if self.by_prefix:
            long_enough = len(code.replace(".", "")) >= LEAST_CATEGORY
            return frozenset(one for one in self.concepts if one == code or (long_enough and one.startswith(code)))
        start = self.find(code)
        if start is None:
            return frozenset()
        found, waiting = {start.code}, [start.code]
        while waiting:
            for child in self.children(waiting.pop()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return frozenset(found)

    @property
    def related(self) -> bool:
        """Whether it is known which codes lie below which."""
        return self.by_prefix or (self.complete and self.hierarchical)

    @cached_property
    def _folded(self) -> dict[str, Concept]:
        return {code.casefold(): concept for code, concept in self.concepts.items()}

    @cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for concept in self.concepts.values():
            for parent in concept.parents:
                found.setdefault(parent, []).append(concept.code)
        return {parent: tuple(codes) for parent, codes in found.items()}


class Filter(NamedTuple):
    """One filter of a value set's part."""

    property: str
    op: str
    value: str


class Listed(NamedTuple):
    """One code that a value set lists, with its own name for it if it has one."""

    code: str
    display: str = ""
    designations: tuple[Designation, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One include or exclude: the codes of `system` that are listed or filtered, and in all of `value_sets`."""

    system: str = ""
    listed: tuple[Listed, ...] | None = None
    """None: not by list."""
    cut: int = 0
    """How many codes of the list are not shipped with this project."""
    filters: tuple[Filter, ...] = ()
    value_sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A value set by its definition."""

    url: str
    include: tuple[Part, ...] = ()
    exclude: tuple[Part, ...] = ()
    name: str = ""
    title: str = ""
    version: str = ""
    status: str = "active"
    inactive: bool = True
    """Whether inactive codes belong to it."""


class Target(NamedTuple):
    """Where a code leads: an empty `code` says that it leads nowhere (`unmatched`)."""

    code: str
    equivalence: str
    display: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class MapGroup:
    """The mappings from one code system to another. `unmapped` is (mode, code or URL of a map) or empty."""

    source: str
    target: str
    elements: Mapping[str, tuple[Target, ...]]
    unmapped: tuple[str, str] = ("", "")

    def backwards(self, code: str) -> Iterator[Target]:
        """The codes that lead to `code`."""
        for source, targets in self.elements.items():
            for target in targets:
                if target.code == code:
                    how = INVERSE.get(target.equivalence, target.equivalence)
                    yield Target(source, how, comment=target.comment)


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """A concept map. `source` and `target` are value sets, or empty."""

    url: str
    groups: tuple[MapGroup, ...] = ()
    name: str = ""
    source: str = ""
    target: str = ""


def gather(concepts: Iterable[Concept]) -> dict[str, Concept]:
    """By code, the first of each."""
    found: dict[str, Concept] = {}
    for concept in concepts:
        found.setdefault(concept.code, concept)
    return found
