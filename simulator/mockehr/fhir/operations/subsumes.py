"""`CodeSystem/$subsumes` (FHIR R4 codesystem-operation-subsumes.html): whether one code lies below another."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.parameters import check, conflict, missing, named, unknown
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology import Library
from mockehr.fhir.terminology.model import CodeSystem
from mockehr.fhir.terminology.written import read_code_system

_SPEC: Final = {
    "codeA": "text",
    "codeB": "text",
    "system": "text",
    "version": "text",
    "codingA": "coding",
    "codingB": "coding",
}


def subsumes(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """`equivalent`, `subsumes`, `subsumed-by` or `not-subsumed`; a Problem where the hierarchy is not known."""
    wrong = check(given, _SPEC)
    if wrong is not None:
        return wrong
    codes = [_code(given, end) for end in ("A", "B")]
    refused = next((one for one in codes if isinstance(one, Problem)), None)
    if refused is not None:
        return refused
    (system_a, a), (system_b, b) = (one for one in codes if not isinstance(one, Problem))
    named_systems = {url for url in (given.text("system"), system_a, system_b) if url}
    system = _system(server, exchange, given, named_systems)
    if isinstance(system, Problem):
        return system
    for code in (a, b):
        if system.find(code) is None and not (system.by_prefix and system.below(code)):
            return Problem(404, "not-found", f"{code} is no code of {system.url} that is known here", value=code)
    if a == b:
        return _outcome("equivalent")
    if not system.related:
        text = f"which codes of {system.url} lie below which is not known here"
        return Problem(422, "parameter-invalid", text, parameter="system", value=system.url)
    if _is_below(system, b, a):
        return _outcome("subsumes")
    return _outcome("subsumed-by" if _is_below(system, a, b) else "not-subsumed")


def _is_below(system: CodeSystem, code: str, above: str) -> bool:
    """Whether `code` lies below `above`; of prefixed systems also where it is no known code but a category."""
    below = system.below(above)
    return code in below or (system.by_prefix and code.startswith(above) and bool(system.below(code) & below))


def _code(given: Input, end: str) -> tuple[str, str] | Problem:
    """(system or nothing, code) of one side."""
    code, coding = given.text(f"code{end}"), given.object(f"coding{end}")
    if code and coding is not None:
        return conflict(f"coding{end}", f"give code{end} or coding{end}, not both")
    if coding is not None:
        return coding.get("system") or "", coding["code"]
    return ("", code) if code else missing(f"code{end}", f"give code{end} (with system) or coding{end}")


def _system(server: FhirServer, exchange: Exchange, given: Input, systems: set[str]) -> CodeSystem | Problem:
    asked = exchange.interaction
    assert asked is not None
    if asked.id:
        record = server.store.read("CodeSystem", asked.id)
        if record is None or record.deleted:
            return Problem(404, "not-found", f"CodeSystem/{asked.id} is not known", value=asked.id)
        own = read_code_system(record.document)
        return own if systems <= {own.url} else conflict("system", f"the codes are not of {own.url}")
    if not systems:
        return missing("system", "say of which code system the codes are")
    if len(systems) > 1:
        return conflict("system", f"codes of {' and '.join(sorted(systems))} cannot be compared here")
    url, version = systems.pop(), given.text("version")
    canonical = f"{url}|{version}" if version else url
    library = Library(server.store)
    found = library.code_system(canonical)
    return found or unknown("code system", canonical, library.nearest("CodeSystem", canonical))


def _outcome(outcome: str) -> JSON:
    return {"resourceType": "Parameters", "parameter": [named("outcome", outcome, "Code")]}


SUBSUMES: Final = Operation(
    "subsumes",
    "http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes",
    subsumes,
    frozenset({"type", "instance"}),
    frozenset({"CodeSystem"}),
)
