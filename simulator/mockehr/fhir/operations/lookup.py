"""`CodeSystem/$lookup` (FHIR R4 codesystem-operation-lookup.html): all that is known of one code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.codings import asked_codings
from mockehr.fhir.operations.parameters import check, named, unknown
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology import Library
from mockehr.fhir.terminology.model import CodeSystem, Concept, Designation
from mockehr.fhir.terminology.written import designations

_SPEC: Final = {
    "code": "text",
    "system": "text",
    "version": "text",
    "coding": "coding",
    "date": "date",
    "displayLanguage": "text",
    "property": "text*",
}
_ALWAYS: Final = frozenset({"name", "version", "display", "url"})


def lookup(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """A Parameters resource with name, version, display, designations and properties; 404 for what is not known."""
    wrong = check(given, _SPEC)
    if wrong is not None:
        return wrong
    found = asked_codings(given, system_wanted=True)
    if isinstance(found, Problem):
        return found
    asked, library = found[0], Library(server.store)
    system = library.code_system(asked.canonical) or library.local_system(asked.system)
    if system is None:
        return unknown("code system", asked.canonical, library.nearest("CodeSystem", asked.canonical))
    concept = system.find(asked.code)
    if concept is None:
        text = f"{asked.code} is no code of {asked.system}"
        if not system.complete:
            text += " that is known here; only some are"
        return Problem(404, "not-found", text, parameter="code", value=asked.code)
    wanted = frozenset(name for one in given.all("property") for name in str(one).split(","))
    return _told(library, system, concept, wanted, given.text("displayLanguage"))


def _told(library: Library, system: CodeSystem, concept: Concept, wanted: frozenset[str], language: str) -> JSON:
    display = concept.shown(language) or concept.code
    parts = [named("name", system.title or system.name or system.url)]
    parts += [named("version", system.version)] if system.version else []
    parts.append(named("display", display))
    for one in (*concept.designations, *_supplements(library, system, concept)):
        if not wanted or "designation" in wanted or f"lang.{one.language}" in wanted:
            parts.append(named("designation", _designation(one)))
    for name, kind, value, description in _properties(system, concept):
        if not wanted or name in wanted:
            told = [named("code", name, "Code"), named("value", value, kind)]
            parts.append(named("property", told + ([named("description", description)] if description else [])))
    return {"resourceType": "Parameters", "parameter": parts}


def _supplements(library: Library, system: CodeSystem, concept: Concept) -> Iterator[Designation]:
    for told in library.supplemented(system.url, concept.code):
        yield from designations(told)


def _designation(one: Designation) -> list[JSON]:
    system, code = one.use
    parts = [named("language", one.language, "Code")] if one.language else []
    parts += [named("use", {"system": system, "code": code})] if code else []
    return [*parts, named("value", one.value)]


def _properties(system: CodeSystem, concept: Concept) -> Iterator[tuple[str, str, Any, str]]:
    """(code, kind of value, value, description)."""
    if concept.definition:
        yield "definition", "String", concept.definition, ""
    yield "inactive", "Boolean", concept.inactive, ""
    if concept.abstract:
        yield "notSelectable", "Boolean", True, ""
    if concept.status:
        yield "status", "Code", concept.status, ""
    for name, codes in (("parent", concept.parents), ("child", system.children(concept.code))):
        for code in codes:
            known = system.find(code)
            yield name, "Code", code, known.display if known is not None else ""
    said = {"inactive", "notSelectable", "abstract", "status", "parent", "child", "subsumedBy"}
    for told in concept.properties:
        if told.code not in said:
            yield told.code, told.kind, told.value, ""


LOOKUP: Final = Operation(
    "lookup",
    "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup",
    lookup,
    frozenset({"type"}),
    frozenset({"CodeSystem"}),
)
