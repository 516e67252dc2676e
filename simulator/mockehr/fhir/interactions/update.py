"""PUT /[type]/[id] (FHIR R4 http.html#update), with If-Match."""

from __future__ import annotations

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.interactions.create import Written, commit, parse_body
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer


def update(server: FhirServer, exchange: Exchange) -> Written | Problem:
    """Store a new version of an existing resource.

    412 when `If-Match` names another version than the current one; 404 when there is no such resource, unless the
    server lets clients choose ids (`update_create`).
    """
    asked = exchange.interaction
    assert asked is not None
    current = server.store.read(asked.resource_type, asked.id)
    if current is None and not server.settings.get("update_create", False):
        return not_found(asked.resource_type, asked.id)
    refusal = precondition(server, exchange, current)
    if refusal is not None:
        return refusal
    document = parse_body(exchange, asked.resource_type, asked.id)
    if isinstance(document, Problem):
        return document
    version, revived = (current.version, current.deleted) if current else (0, False)
    return commit(server, exchange, document, version=version + 1, revived=revived)


def precondition(server: FhirServer, exchange: Exchange, current: Record | None) -> Problem | None:
    """What If-Match has against a write over `current`, or nothing (RFC 9110 section 13.1.1)."""
    asked = exchange.interaction
    assert asked is not None
    match = exchange.headers.get("if-match")
    if match is None:
        if server.settings.get("if_match_required", False):
            return Problem(412, "precondition-required", "If-Match is required", resource_type=asked.resource_type)
        return None
    named = server.version_text(current.version) if current else "none"
    if match.removeprefix("W/").strip('"') == named or (match == "*" and current is not None and not current.deleted):
        return None
    text = f"If-Match names {match}, the current version is {named}"
    return Problem(412, "precondition-failed", text, resource_type=asked.resource_type, value=match)
