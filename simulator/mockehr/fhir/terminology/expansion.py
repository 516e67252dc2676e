"""The codes of a value set, written out (FHIR R4 valueset.html#expansion)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mockehr.fhir.terminology.filters import compile_filter
from mockehr.fhir.terminology.library import Library
from mockehr.fhir.terminology.membership import DEEPEST, contains
from mockehr.fhir.terminology.model import Concept, Designation, Listed, Part, ValueSet

MOST_CODES: Final = 20_000
"""An expansion with more codes is refused (R4: too-costly)."""
Key = tuple[str, str]


class TooLarge(Exception):
    """The expansion has more than MOST_CODES codes."""


@dataclass(slots=True)
class Expansion:
    """Codes by (system, code) in the order of the definition, and what could not be listed."""

    items: dict[Key, Concept] = field(default_factory=dict)
    gaps: dict[str, None] = field(default_factory=dict)
    versions: dict[str, None] = field(default_factory=dict)
    """`system|version` of the code systems that were used."""


def expand(library: Library, given: ValueSet, *, depth: int = DEEPEST) -> Expansion:
    """All known codes of the value set. Raises TooLarge."""
    made = Expansion()
    for part in given.include:
        _include(library, part, made, depth)
    for part in given.exclude:
        excluded = _excludes(library, part)
        made.items = {key: concept for key, concept in made.items.items() if not excluded(*key)}
        if part.cut or (part.system and part.listed is None and library.code_system(part.system) is None):
            made.gaps[f"what is left out of {part.system} is not known here"] = None
    if not given.inactive:
        made.items = {key: concept for key, concept in made.items.items() if not concept.inactive}
    return made


def _excludes(library: Library, part: Part) -> Callable[[str, str], object]:
    """(system, code) → is it excluded? Lists become sets first: they may be as long as what they are cut of."""
    if part.listed is None or part.value_sets or not part.system:
        alone = ValueSet("", (part,))
        return lambda system, code: contains(library, alone, system, code)
    known = library.code_system(part.system)
    form = str if known is None or known.case_sensitive else str.casefold
    codes = frozenset(form(one.code) for one in part.listed)
    return lambda system, code: system in ("", part.system) and form(code) in codes


def _include(library: Library, part: Part, made: Expansion, depth: int) -> None:
    if part.system:
        found = _of_system(library, part, made)
        inner = [_inner(library, url, made, depth) for url in part.value_sets]
        for code, concept in found.items():
            if all((part.system, code) in other.items for other in inner):
                made.items.setdefault((part.system, code), concept)
    elif part.value_sets:
        first, *others = [_inner(library, url, made, depth) for url in part.value_sets]
        for key, concept in first.items.items():
            if all(key in other.items for other in others):
                made.items.setdefault(key, concept)
    if len(made.items) > MOST_CODES:
        raise TooLarge


def _inner(library: Library, url: str, made: Expansion, depth: int) -> Expansion:
    key = ("expand", url)
    if key not in library.answers:
        given = library.value_set(url) if depth else None
        library.answers[key] = Expansion()  # where a value set includes itself, that adds nothing
        if given is None:
            library.answers[key].gaps[f"the value set {url} is not known here"] = None
        else:
            library.answers[key] = expand(library, given, depth=depth - 1)
    found: Expansion = library.answers[key]
    made.gaps.update(found.gaps)
    made.versions.update(found.versions)
    return found


def _of_system(library: Library, part: Part, made: Expansion) -> dict[str, Concept]:
    system = library.code_system(part.system)
    if system is not None and system.version:
        made.versions[f"{part.system}|{system.version}"] = None
    if part.listed is not None:
        if part.cut:
            made.gaps[f"{part.cut} listed codes of {part.system} are not shipped with this server"] = None
        return {one.code: as_named(one, system.find(one.code) if system is not None else None) for one in part.listed}
    if system is None:
        made.gaps[f"the code system {part.system} is not known here"] = None
        return {}
    if not system.complete:
        made.gaps[f"only some codes of {part.system} are known here"] = None
    keeps = [compile_filter(system, one) for one in part.filters]
    for one, keep in zip(part.filters, keeps, strict=True):
        if keep is None:
            told = f"{one.property} {one.op} {one.value}"
            made.gaps[f"the filter {told} on {part.system} cannot be decided here"] = None
            return {}
    return {
        code: concept for code, concept in system.concepts.items() if all(keep(concept) for keep in keeps if keep)
    }


def as_named(listed: Listed, known: Concept | None) -> Concept:
    """The concept as the value set names it; what its system calls it goes on as a designation."""
    if known is None:
        return Concept(listed.code, listed.display, designations=listed.designations)
    if not listed.display and not listed.designations:
        return known if known.code == listed.code else Concept(listed.code, known.display, known.definition)
    renamed = listed.display and known.display and listed.display != known.display
    own = (Designation("", known.display),) if renamed else ()
    return Concept(
        listed.code,
        listed.display or known.display,
        known.definition,
        known.parents,
        known.abstract,
        known.status,
        (*listed.designations, *known.designations, *own),
        known.properties,
    )
