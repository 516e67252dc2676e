"""Whether a code belongs to a value set: yes, no, or not to be known from what is here."""

from __future__ import annotations

from typing import Final

from mockehr.fhir.terminology.filters import compile_filter
from mockehr.fhir.terminology.library import Library
from mockehr.fhir.terminology.model import CodeSystem, Part, ValueSet

DEEPEST: Final = 12
"""Value sets inside value sets that are followed."""


def contains(library: Library, given: ValueSet, system: str, code: str, *, depth: int = DEEPEST) -> bool | None:
    """Whether the value set has that code. An empty `system` stands for any (an element of type `code`).

    None where a code system, a list or another value set that decides it is not known here.
    """
    found = _any(_in_part(library, part, system, code, depth) for part in given.include)
    if found is False:
        return False
    excluded = _any(_in_part(library, part, system, code, depth) for part in given.exclude)
    if excluded:
        return False
    if found and not given.inactive and _inactive(library, given, system, code):
        return False
    return None if excluded is None else found


def _any(answers: object) -> bool | None:
    """`or` in three values."""
    unknown = False
    for answer in answers:  # type: ignore[attr-defined]
        if answer:
            return True
        unknown = unknown or answer is None
    return None if unknown else False


def _in_part(library: Library, part: Part, system: str, code: str, depth: int) -> bool | None:
    answers = []
    if part.system:
        if system and system != part.system:
            return False
        answers.append(_in_system(library, part, code))
    answers += [_in_other(library, url, system, code, depth) for url in part.value_sets]
    if not answers or False in answers:
        return False
    return None if None in answers else True


def _in_other(library: Library, url: str, system: str, code: str, depth: int) -> bool | None:
    key = ("contains", url, system, code)
    if key not in library.answers:
        inner = library.value_set(url) if depth else None
        library.answers[key] = False  # where a value set includes itself, that adds nothing
        library.answers[key] = None if inner is None else contains(library, inner, system, code, depth=depth - 1)
    found: bool | None = library.answers[key]
    return found


def _in_system(library: Library, part: Part, code: str) -> bool | None:
    if part.listed is not None:
        if any(one.code == code for one in part.listed):
            return True
        known = library.code_system(part.system) if part.listed else None
        if known is not None and not known.case_sensitive:
            return any(one.code.casefold() == code.casefold() for one in part.listed) or _unless(part.cut > 0)
        return _unless(part.cut > 0)
    known = library.code_system(part.system)
    if known is None:
        return None
    there = known.has(code)
    if not part.filters or not there:
        return there
    return _filtered(known, part, code)


def _unless(unknown: bool) -> bool | None:
    return None if unknown else False


def _filtered(system: CodeSystem, part: Part, code: str) -> bool | None:
    concept = system.find(code)
    assert concept is not None
    unknown = False
    for one in part.filters:
        keep = compile_filter(system, one)
        if keep is not None and not keep(concept):
            return False
        unknown = unknown or keep is None
    return None if unknown else True


def _inactive(library: Library, given: ValueSet, system: str, code: str) -> bool:
    for part in given.include:
        known = library.code_system(part.system) if part.system and system in ("", part.system) else None
        concept = known.find(code) if known is not None else None
        if concept is not None and concept.inactive:
            return True
    return False
