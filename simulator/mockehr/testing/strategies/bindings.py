"""Codes for what a profile of US Core binds, of those that are shipped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, cast

import orjson

from mockehr.core.data import data_root
from mockehr.fhir.terminology import of_store
from mockehr.fhir.terminology.expansion import TooLarge, expand
from mockehr.testing.strategies.objects import Pair, pairs_of

_LOINC: Final = "http://loinc.org"
_SNOMED: Final = "http://snomed.info/sct"
_RACE: Final = "urn:oid:2.16.840.1.113883.6.238"
_WHOLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "2.16.840.1.113762.1.4.1010.4": "http://www.nlm.nih.gov/research/umls/rxnorm",
        "2.16.840.1.113762.1.4.1010.6": "http://hl7.org/fhir/sid/cvx",
    }
)
"""Value sets kept elsewhere (VSAC) that are of one code system of which some codes are shipped."""
_SINGLE: Final[Mapping[str, tuple[Pair, ...]]] = MappingProxyType(
    {
        "2.16.840.1.113762.1.4.1240.3": ((_SNOMED, "248152002"), (_SNOMED, "248153007")),
        "detailed-ethnicity": ((_RACE, "2148-5"), (_RACE, "2155-0")),
        "detailed-race": ((_RACE, "2029-7"), (_RACE, "2034-7")),
        "mimetypes": (("urn:ietf:bcp:13", "text/plain"), ("urn:ietf:bcp:13", "application/pdf")),
        "simple-language": (("urn:ietf:bcp:47", "en"), ("urn:ietf:bcp:47", "es")),
        "us-core-diagnosticreport-report-and-note-codes": ((_LOINC, "34117-2"), (_LOINC, "11506-3")),
        "us-core-documentreference-type": ((_LOINC, "34133-9"), (_LOINC, "18842-5"), (_LOINC, "11506-3")),
        "us-core-laboratory-test-codes": ((_LOINC, "2345-7"), (_LOINC, "718-7"), (_LOINC, "4548-4")),
    }
)
"""A few codes of value sets that are defined by filters or kept elsewhere; they come first."""


@cache
def _bound() -> Mapping[str, Mapping[str, str]]:
    table = orjson.loads((data_root("corpora") / "fhir" / "profile-bindings.json").read_bytes())
    return cast("Mapping[str, Mapping[str, str]]", table)


def bound_in(profile: str) -> Mapping[str, str]:
    """Element id without the type (`code`, `extension:detailed.value[x]`) → the value set that binds it there."""
    return _bound().get(profile, {})


@cache
def codes_of(name: str) -> tuple[Pair, ...]:
    """The codes of a value set that a profile requires, by its name in `corpora/fhir/profiles.json`."""
    table = orjson.loads((data_root("corpora") / "fhir" / "profiles.json").read_bytes())
    return pairs_of(table["codes"][name])


@cache
def codes_in(value_set: str) -> tuple[Pair, ...]:
    """Codes of a value set; none where it has no code that is shipped here. Left out are those not to be selected."""
    name = value_set.partition("|")[0].rpartition("/")[2]
    if name in _SINGLE:
        return _SINGLE[name]
    library = of_store()
    if name in _WHOLE:
        system = library.code_system(_WHOLE[name])
        return _pairs((system.url, code) for code in system.concepts) if system is not None else ()
    found = library.value_set(value_set)
    if found is None:
        return ()
    try:
        items = expand(library, found).items
    except TooLarge:
        return ()
    return _pairs(key for key, concept in items.items() if not concept.abstract)


def _pairs(codes: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted(codes))
