"""`$validate-code` of CodeSystem and ValueSet (FHIR R4 codesystem-operation-validate-code.html and valueset-…)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.codings import Asked, asked_codings
from mockehr.fhir.operations.parameters import answer, check, conflict, missing, resource_given
from mockehr.fhir.operations.which_value_set import value_set_asked
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology import Library
from mockehr.fhir.terminology.expansion import as_named
from mockehr.fhir.terminology.membership import contains
from mockehr.fhir.terminology.model import CodeSystem, Concept, ValueSet
from mockehr.fhir.terminology.written import read_code_system, text

_COMMON: Final = {
    "url": "text",
    "code": "text",
    "display": "text",
    "coding": "coding",
    "codeableConcept": "concept",
    "date": "date",
    "abstract": "flag",
    "displayLanguage": "text",
}
_SYSTEM: Final = {**_COMMON, "codeSystem": "resource", "version": "text", "system": "text"}
_SET: Final = {
    **_COMMON,
    "context": "text",
    "valueSet": "resource",
    "valueSetVersion": "text",
    "system": "text",
    "systemVersion": "text",
}


class Verdict(NamedTuple):
    """What is to be said of one coding."""

    result: bool
    message: str = ""
    display: str = ""


Judge = Callable[[Asked], Verdict]


def validate_code(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """A Parameters resource with result, message and display. An unknown code system gives a false result."""
    asked = exchange.interaction
    assert asked is not None
    judge = (_in_value_set if asked.resource_type == "ValueSet" else _in_code_system)(server, exchange, given)
    if isinstance(judge, Problem):
        return judge
    judges, codings = judge
    verdicts = [judges(one) for one in codings]
    # A concept is valid by any of its codings (codeableConcept).
    best = next((one for one in verdicts if one.result), verdicts[0])
    others = [one.message for one in verdicts if one.message and one is not best]
    message = best.message if best.result else "; ".join(filter(None, [best.message, *others]))
    return answer(result=best.result, message=message or None, display=best.display or None)


def _in_code_system(server: FhirServer, exchange: Exchange, given: Input) -> tuple[Judge, list[Asked]] | Problem:
    wrong = check(given, _SYSTEM)
    if wrong is not None:
        return wrong
    sent = resource_given(given, "codeSystem", "CodeSystem")
    if isinstance(sent, Problem):
        return sent
    library, url = Library(server.store), given.text("url") or given.text("system")
    if given.text("url") and given.text("system") not in ("", given.text("url")):
        return conflict("system", "url and system name two code systems")
    asked = exchange.interaction
    assert asked is not None
    if asked.id:
        record = server.store.read("CodeSystem", asked.id)
        if record is None or record.deleted:
            return Problem(404, "not-found", f"CodeSystem/{asked.id} is not known", value=asked.id)
        sent = record.document
    if sent is None and not url:
        return missing("url", "say which code system, by url or as codeSystem")
    known = read_code_system(sent) if sent is not None else None
    codings = asked_codings(given, system=(text(sent, "url") if sent is not None else "") or url)
    if isinstance(codings, Problem):
        return codings

    def judge(one: Asked) -> Verdict:
        system = known or library.code_system(one.canonical) or library.local_system(one.system)
        if system is None:
            return Verdict(False, f"the code system {one.canonical} is not known here")
        return _judged(system, one, given)

    return judge, codings


def _judged(system: CodeSystem, one: Asked, given: Input) -> Verdict:
    concept = system.find(one.code)
    if concept is None:
        some = "" if system.has(one.code) is False else "; only some of its codes are known here"
        return Verdict(False, f"{one.code} is no code of {one.system}{some}")
    return _well_used(concept, one, given)


def _well_used(concept: Concept, one: Asked, given: Input) -> Verdict:
    """Whether it may be chosen, and is called by a name of its own."""
    display = concept.shown(given.text("displayLanguage"))
    if given.text("abstract") == "false" and concept.abstract:
        return Verdict(False, f"{one.code} is abstract and not to be chosen", display)
    if one.display and not concept.is_called(one.display):
        return Verdict(False, f"{one.code} is not called {one.display!r} but {display!r}", display)
    note = f"{one.code} is {concept.status}" if concept.status else ""
    return Verdict(True, note, display)


def _in_value_set(server: FhirServer, exchange: Exchange, given: Input) -> tuple[Judge, list[Asked]] | Problem:
    wrong = check(given, _SET)
    if wrong is not None:
        return wrong
    library = Library(server.store)
    found = value_set_asked(server, exchange, given, library)
    if isinstance(found, Problem):
        return found
    codings = asked_codings(given, version="systemVersion")
    if isinstance(codings, Problem):
        return codings
    if not given.all("context") and not all(one.system for one in codings):
        return missing("system", "a code needs its system, unless a context tells it")
    return (lambda one: _belongs(library, found, one, given)), codings


def _belongs(library: Library, given_set: ValueSet, one: Asked, given: Input) -> Verdict:
    system = library.code_system(one.canonical) if one.system else None
    if one.system and one.version and system is None and library.code_system(one.system) is not None:
        return Verdict(False, f"version {one.version} of {one.system} is not known here")
    called = f"the value set {given_set.url}" if given_set.url else "the value set"
    inside = contains(library, given_set, one.system, one.code)
    if inside is None:
        return Verdict(False, f"what is known here does not tell whether {one.code} of {one.system} is in {called}")
    if not inside:
        return Verdict(False, f"{one.code}{f' of {one.system}' if one.system else ''} is not in {called}")
    concept = _concept(library, given_set, one)
    return _well_used(concept, one, given) if concept is not None else Verdict(True)


def _concept(library: Library, given_set: ValueSet, one: Asked) -> Concept | None:
    """The concept of a code that belongs: with the names that the value set gives it, then those of its system."""
    systems = [one.system] if one.system else [part.system for part in given_set.include if part.system]
    known = (library.code_system(url) for url in systems)
    concept = next((c for c in (s.find(one.code) for s in known if s is not None) if c is not None), None)
    for part in given_set.include:
        for listed in part.listed or () if part.system in systems else ():
            if listed.code == one.code:
                return as_named(listed, concept)
    return concept


VALIDATE_CODE: Final = Operation(
    "validate-code",
    "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code",
    validate_code,
    frozenset({"type", "instance"}),
    frozenset({"CodeSystem", "ValueSet"}),
)
