"""What this project ships: HL7's tables in `corpora/terminology`, and the clinical codes of `corpora/codes`.

Files are read when first asked for, and a code system is built when first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, cast

import orjson

from mockehr.core.data import data_root
from mockehr.fhir.terminology.model import (
    CodeSystem,
    Concept,
    ConceptMap,
    Designation,
    Listed,
    MapGroup,
    Part,
    Property,
    Target,
    ValueSet,
    gather,
)
from mockehr.fhir.terminology.written import read_filter

ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD9: Final = "http://hl7.org/fhir/sid/icd-9-cm"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC: Final = "http://hl7.org/fhir/sid/ndc"
CVX: Final = "http://hl7.org/fhir/sid/cvx"
UCUM: Final = "http://unitsofmeasure.org"
STATES: Final = "https://www.usps.com/"
LANGUAGES: Final = "urn:ietf:bcp:47"
OWN_MAPS: Final = "https://example.org/mockehr/ConceptMap/"
"""Where the maps made of our own tables pretend to live."""
_TABLES: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = MappingProxyType(
    {
        "http://loinc.org": ("LOINC", "http://loinc.org/vs", ("loinc",)),
        RXNORM: ("RxNorm", "http://www.nlm.nih.gov/research/umls/rxnorm/vs", ("rxnorm", "ingredients")),
        ICD10: ("ICD-10-CM", "", ("icd10cm",)),
        ICD9: ("ICD-9-CM", "", ("icd9cm",)),
        "http://www.cms.gov/Medicare/Coding/ICD10": ("ICD-10-PCS", "", ("icd10pcs",)),
        CVX: ("CVX", "", ("cvx",)),
        UCUM: ("UCUM", "", ("ucum",)),
    }
)
"""System → its name, the value set that holds all of it, and the tables of `corpora/codes` with its codes."""
_GRAMMARS: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = MappingProxyType(
    {
        # RFC 6838, 4.2: names of types and subtypes; parameters may follow.
        "urn:ietf:bcp:13": (
            "MimeTypes",
            re.compile(r"[A-Za-z0-9][\w!#$&^.+-]{0,126}/[A-Za-z0-9][\w!#$&^.+-]{0,126}(;.*)?"),
        ),
        # RFC 5646, 2.1, without grandfathered tags.
        LANGUAGES: (
            "Tags for the Identification of Languages",
            re.compile(
                r"(?i:[a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(?i:-[a-z]{4})?(?i:-([a-z]{2}|[0-9]{3}))?"
                r"(?i:-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?i:-[a-wyz0-9](-[a-z0-9]{2,8})+)*(?i:-x(-[a-z0-9]{1,8})+)?"
            ),
        ),
    }
)  # fmt: skip
"""Systems whose codes are told by their form: name and form."""


@cache
def _read(name: str) -> Mapping[str, Any]:
    path = data_root("corpora") / "terminology" / f"{name}.json"
    return cast("Mapping[str, Any]", orjson.loads(path.read_bytes()))


@cache
def rows(table: str) -> tuple[Mapping[str, Any], ...]:
    """The rows of one table of `corpora/codes`."""
    octets = (data_root("corpora") / "codes" / f"{table}.ndjson").read_bytes()
    return tuple(orjson.loads(line) for line in octets.splitlines())


def binding(path: str) -> tuple[str, str] | None:
    """(strength, value set) that binds an element of R4 (`Observation.status`, `Observation.value` for a choice).

    None if it is bound by example only, or not at all.
    """
    found = _read("bindings").get(path)
    if found is None:
        return None
    strength, url = found
    return strength, url if "://" in url else f"http://hl7.org/fhir/{url}"


@cache
def code_system(url: str) -> CodeSystem | None:
    """The shipped code system of that URL, or None."""
    if url in _GRAMMARS:
        name, grammar = _GRAMMARS[url]
        known = gather(_languages()) if url == LANGUAGES else {}
        return CodeSystem(url, MappingProxyType(known), name, name, grammar=grammar, case_sensitive=False)
    if url in _TABLES:
        name, whole, tables = _TABLES[url]
        found = gather(concept for table in tables for concept in map(_tabled, rows(table)))
        prefixed = url in (ICD10, ICD9)
        return CodeSystem(url, MappingProxyType(found), name, name, value_set=whole, by_prefix=prefixed)
    if url == NDC:
        packs = (row for table in ("rxnorm", "cvx") for row in rows(table) if "ndc" in row)
        found = gather(Concept(row["ndc"], row["display"]) for row in packs)
        return CodeSystem(url, MappingProxyType(found), "NDC", "National drug codes")
    if url == STATES:
        found = gather(map(Concept, orjson.loads((data_root("corpora") / "pools" / "states.json").read_bytes())))
        return CodeSystem(url, MappingProxyType(found), "USPS", "Two letter state codes")
    row = _read("code-systems").get(url)
    return None if row is None else _code_system(url, row)


def _tabled(row: Mapping[str, Any]) -> Concept:
    more = [Property(name, "String", row[name]) for name in ("route", "class") if name in row]
    return Concept(row["code"], row.get("display") or row.get("unit", ""), properties=tuple(more))


def _languages() -> Iterator[Concept]:
    for part in _read("value-sets")["http://hl7.org/fhir/ValueSet/languages"][3]["include"]:
        yield from (Concept(*listed) for listed in part["concept"])


def _code_system(url: str, row: list[Any]) -> CodeSystem:
    name, title, version, whole, flags, nested = row
    also: dict[str, list[str]] = {}
    found = gather(_walk(nested, (), also))
    for code, parents in also.items():
        if code in found:
            one = found[code]
            found[code] = _with_parents(one, tuple(dict.fromkeys((*one.parents, *parents))))
    return CodeSystem(
        url,
        MappingProxyType(found),
        name,
        title,
        version,
        whole,
        complete="f" not in flags,
        case_sensitive="i" not in flags,
        hierarchical="h" in flags,
    )


def _walk(nested: list[list[Any]], parents: tuple[str, ...], also: dict[str, list[str]]) -> Iterator[Concept]:
    for row in nested:
        code, display, definition, more = [*row, "", "", {}][:4] if len(row) < 4 else row
        more = more or {}
        names = tuple(Designation(language, value) for language, value in more.get("d", ()))
        yield Concept(code, display, definition, parents, "a" in more, more.get("s", ""), names)
        for child in more.get("x", ()):
            also.setdefault(child, []).append(code)
        yield from _walk(more.get("c", []), (code,), also)


def _with_parents(concept: Concept, parents: tuple[str, ...]) -> Concept:
    return Concept(
        concept.code,
        concept.display,
        concept.definition,
        parents,
        concept.abstract,
        concept.status,
        concept.designations,
        concept.properties,
    )


@cache
def value_set(url: str) -> ValueSet | None:
    """The shipped value set of that URL, or None; also those that hold the whole of a code system."""
    row = _read("value-sets").get(url)
    if row is None:
        whole = _wholes().get(url)
        return None if whole is None else ValueSet(url, (Part(whole),))
    name, title, version, compose = row
    include, exclude = (tuple(map(_part, compose.get(key, ()))) for key in ("include", "exclude"))
    return ValueSet(url, include, exclude, name, title, version, inactive=compose.get("inactive", True))


def _part(row: Mapping[str, Any]) -> Part:
    listed = tuple(Listed(*one) for one in row["concept"]) if "concept" in row else None
    filters = tuple(read_filter(one) for one in row.get("filter", ()))
    inner = tuple(one.partition("|")[0] for one in row.get("valueSet", ()))
    return Part(row.get("system", ""), listed, row.get("cut", 0), filters, inner)


@cache
def _wholes() -> Mapping[str, str]:
    """Value set → the code system that it is the whole of."""
    found = {row[3]: url for url, row in _read("code-systems").items() if row[3]}
    return MappingProxyType(found | {whole: url for url, (_, whole, _) in _TABLES.items() if whole})


@cache
def value_sets() -> tuple[str, ...]:
    """The URLs of all shipped value sets."""
    return tuple(sorted({*_read("value-sets"), *_wholes()}))


@cache
def code_systems() -> tuple[str, ...]:
    """The URLs of all shipped code systems."""
    return tuple(sorted({*_read("code-systems"), *_TABLES, *_GRAMMARS, NDC, STATES}))


@cache
def concept_maps() -> Mapping[str, ConceptMap]:
    """All shipped maps by URL: HL7's, and those made of our own tables, which go both ways."""
    found = {url: _concept_map(url, row) for url, row in _read("concept-maps").items()}
    for made in _own_maps():
        found[made.url] = made
    return MappingProxyType(found)


def _concept_map(url: str, row: list[Any]) -> ConceptMap:
    name, source, target, groups = row
    made = []
    for origin, aim, elements in groups:
        targets = {code: tuple(_target(one) for one in told) for code, told in elements}
        made.append(MapGroup(origin, aim, MappingProxyType(targets)))
    return ConceptMap(url, tuple(made), name, source, target)


def _target(row: list[str]) -> Target:
    code, equivalence, comment = [*row, ""][:3]
    return Target(code, equivalence, comment=comment)


def _own_maps() -> Iterator[ConceptMap]:
    older = [(row["code"], row["icd9cm"]) for row in rows("icd10cm")]
    # One plausible code was chosen for each; nobody calls the two the same.
    yield from _both_ways("icd-10-cm", ICD10, "icd-9-cm", ICD9, older, "relatedto")
    for name, system in (("rxnorm", RXNORM), ("cvx", CVX)):
        packs = [(row["code"], row["ndc"]) for row in rows(name) if "ndc" in row]
        yield from _both_ways(name, system, "ndc", NDC, packs, "narrower")


def _both_ways(
    name: str, system: str, other_name: str, other: str, pairs: list[tuple[str, str]], equivalence: str
) -> Iterator[ConceptMap]:
    there: dict[str, list[str]] = {}
    back: dict[str, list[str]] = {}
    for one, two in pairs:
        there.setdefault(one, []).append(two)
        back.setdefault(two, []).append(one)
    inverse = {"narrower": "wider"}.get(equivalence, equivalence)
    yield _own_map(f"{name}-to-{other_name}", system, other, there, equivalence)
    yield _own_map(f"{other_name}-to-{name}", other, system, back, inverse)


def _own_map(name: str, source: str, target: str, codes: Mapping[str, list[str]], equivalence: str) -> ConceptMap:
    elements = {code: tuple(Target(one, equivalence) for one in targets) for code, targets in codes.items()}
    return ConceptMap(OWN_MAPS + name, (MapGroup(source, target, MappingProxyType(elements)),), name)
