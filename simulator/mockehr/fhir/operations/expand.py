"""`ValueSet/$expand` (FHIR R4 valueset-operation-expand.html): the codes of a value set, flat and in pages."""

from __future__ import annotations

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.folding import fold
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.parameters import check, count
from mockehr.fhir.operations.which_value_set import value_set_asked
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology import Library
from mockehr.fhir.terminology.expansion import Expansion, TooLarge, expand
from mockehr.fhir.terminology.model import Concept, Designation, ValueSet

UNCLOSED: Final = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
_SPEC: Final = {
    "url": "text",
    "valueSet": "resource",
    "valueSetVersion": "text",
    "context": "text",
    "contextDirection": "text",
    "filter": "text",
    "date": "date",
    "offset": "count",
    "count": "count",
    "includeDesignations": "flag",
    "designation": "text*",
    "includeDefinition": "flag",
    "activeOnly": "flag",
    "excludeNested": "flag",
    "excludeNotForUI": "flag",
    "excludePostCoordinated": "flag",
    "displayLanguage": "text",
    "exclude-system": "text*",
    "system-version": "text*",
    "check-system-version": "text*",
    "force-system-version": "text*",
}
_VERSIONS: Final = ("system-version", "check-system-version", "force-system-version")
_RECORDED: Final = (
    "filter",
    "offset",
    "count",
    "includeDesignations",
    "activeOnly",
    "excludeNotForUI",
    "displayLanguage",
    "exclude-system",
    "designation",
)
"""Parameters that change what is listed, which the expansion tells."""
Row = tuple[str, Concept]


def expand_value_set(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """A ValueSet with its expansion; one that is known in part only says so (`valueset-unclosed`, and why)."""
    wrong = check(given, _SPEC)
    if wrong is not None:
        return wrong
    library = Library(server.store)
    found = value_set_asked(server, exchange, given, library)
    if isinstance(found, Problem):
        return found
    refused = _versions_refused(library, given)
    if refused is not None:
        return refused
    try:
        made = expand(library, found)
    except TooLarge:
        text = f"the value set {found.url} has too many codes to be listed here"
        return Problem(422, "too-costly", text, value=found.url)
    if not made.items and made.gaps:
        text = f"no code of the value set {found.url} is known here: {'; '.join(made.gaps)}"
        return Problem(404, "not-found", text, value=found.url)
    return _document(server, given, found, made)


def _versions_refused(library: Library, given: Input) -> Problem | None:
    """Only one version of a code system is here: another cannot be used."""
    for name in _VERSIONS:
        for canonical in given.all(name):
            url, bar, version = str(canonical).partition("|")
            if not bar or (library.code_system(url) is not None and library.code_system(canonical) is None):
                why = f"version {version} of {url} is not known here" if bar else "write it as system|version"
                return Problem(422, "parameter-invalid", f"{name}: {why}", parameter=name, value=str(canonical))
    return None


def _document(server: FhirServer, given: Input, found: ValueSet, made: Expansion) -> JSON:
    rows = _rows(given, made)
    offset, size = count(given, "offset") or 0, count(given, "count")
    page = rows[offset:] if size is None else rows[offset : offset + size]
    names = {"url": found.url, "version": found.version, "name": found.name, "title": found.title}
    document: JSON = {"resourceType": "ValueSet", **{key: text for key, text in names.items() if text}}
    document["status"] = found.status
    if given.flag("includeDefinition"):
        document["compose"] = _definition(found)
    now = instant(server.clock.now())
    asked = [f"{name}={value}" for name in given for value in given.all(name) if isinstance(value, (str, int))]
    expansion: JSON = {}
    if made.gaps:
        expansion["extension"] = [{"url": UNCLOSED, "valueBoolean": True}]
    expansion["identifier"] = uuid5(NAMESPACE_URL, f"{found.url}?{'&'.join(asked)}@{now}").urn
    expansion |= {"timestamp": now, "total": len(rows)}
    if offset or size is not None:
        expansion["offset"] = offset
    expansion["parameter"] = _parameters(given, made)
    if page:
        expansion["contains"] = [_contained(row, given) for row in page]
    if not expansion["parameter"]:
        del expansion["parameter"]
    document["expansion"] = expansion
    return document


def _rows(given: Input, made: Expansion) -> list[Row]:
    """What is left of the codes by filter, activity and system."""
    left_out = {str(one).partition("|")[0] for one in given.all("exclude-system")}
    rows = [(system, concept) for (system, _), concept in made.items.items() if system not in left_out]
    if given.flag("activeOnly"):
        rows = [row for row in rows if not row[1].inactive]
    if given.flag("excludeNotForUI"):
        rows = [row for row in rows if not row[1].abstract]
    words = fold(given.text("filter")).split()
    return [row for row in rows if _fits(row[1], words)] if words else rows


def _fits(concept: Concept, words: list[str]) -> bool:
    """Whether each word begins a word of a name of the concept, or its code."""
    names = [concept.display, *(one.value for one in concept.designations)]
    for name in names:
        parts = fold(name).replace("-", " ").replace("/", " ").replace("(", " ").split()
        if all(any(part.startswith(word) for part in parts) for word in words):
            return True
    return len(words) == 1 and concept.code.casefold().startswith(words[0])


def _contained(row: Row, given: Input) -> JSON:
    system, concept = row
    made: JSON = {"system": system} if system else {}
    if concept.abstract:
        made["abstract"] = True
    if concept.inactive:
        made["inactive"] = True
    made["code"] = concept.code
    display = concept.shown(given.text("displayLanguage"))
    if display:
        made["display"] = display
    names = [_designation(one) for one in concept.designations if _wanted(one, given)]
    return {**made, "designation": names} if names else made


def _wanted(one: Designation, given: Input) -> bool:
    if not given.flag("includeDesignations"):
        return False
    tokens = [str(token).rpartition("|") for token in given.all("designation")]
    uses = {(system, code) for system, _, code in tokens}
    return not tokens or one.language in {code for _, _, code in tokens} or one.use in uses


def _designation(one: Designation) -> JSON:
    made: JSON = {"language": one.language} if one.language else {}
    if one.use[1]:
        made["use"] = {key: value for key, value in zip(("system", "code"), one.use, strict=True) if value}
    return {**made, "value": one.value}


def _parameters(given: Input, made: Expansion) -> list[JSON]:
    found: list[JSON] = []
    for name in _RECORDED:
        for value in given.all(name):
            found.append({"name": name, **_valued(value)})
    found += [{"name": "version", "valueUri": version} for version in made.versions]
    return found + [{"name": "warning", "valueString": gap} for gap in made.gaps]


def _valued(value: Any) -> JSON:
    if isinstance(value, bool) or value in ("true", "false"):
        return {"valueBoolean": value in (True, "true")}
    if isinstance(value, int):
        return {"valueInteger": value}
    whole = value.isascii() and value.isdigit() and len(value) < 10
    return {"valueInteger": int(value)} if whole else {"valueString": value}


def _definition(found: ValueSet) -> JSON:
    """The compose again, without the codes that are not shipped."""
    made: JSON = {} if found.inactive else {"inactive": False}
    for name, parts in (("include", found.include), ("exclude", found.exclude)):
        rows = []
        for part in parts:
            row: JSON = {"system": part.system} if part.system else {}
            if part.listed:
                row["concept"] = [
                    {"code": one.code, **({"display": one.display} if one.display else {})} for one in part.listed
                ]
            if part.filters:
                row["filter"] = [one._asdict() for one in part.filters]
            if part.value_sets:
                row["valueSet"] = list(part.value_sets)
            rows.append(row)
        if rows:
            made[name] = rows
    return made


EXPAND: Final = Operation(
    "expand",
    "http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
    expand_value_set,
    frozenset({"type", "instance"}),
    frozenset({"ValueSet"}),
)
