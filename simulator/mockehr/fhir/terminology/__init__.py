"""Terminology over the codes that this project ships and those that clients store (FHIR R4 terminology-service.html).

`member` and `codes_below` are for searches (`:in`, `:not-in`, `:below`) and validation; `binding` tells what binds an
element. Answers have three values: None says that it is not known here.
"""

from __future__ import annotations

from mockehr.fhir.store import Store
from mockehr.fhir.terminology.library import Library
from mockehr.fhir.terminology.membership import contains
from mockehr.fhir.terminology.shipped import binding

__all__ = ["Library", "binding", "codes_below", "member", "of_store"]


def of_store(store: Store | None = None) -> Library:
    """What is known at one site; without a store, what is shipped. Make one for each request."""
    return Library(store)


def member(value_set_url: str, system: str, code: str, library: Library | None = None) -> bool | None:
    """Whether a value set (`url` or `url|version`) has a code; None if the set is unknown, or does not tell.

    An empty `system` stands for any, as for elements of type `code`.
    """
    library = library or Library()
    found = library.value_set(value_set_url)
    return None if found is None else contains(library, found, system, code)


def codes_below(system: str, code: str, library: Library | None = None) -> frozenset[str] | None:
    """The code and all known codes below it; None if the system's hierarchy, or the code, is not known here."""
    found = (library or Library()).code_system(system)
    if found is None or not found.related:
        return None
    return found.below(code) or None
