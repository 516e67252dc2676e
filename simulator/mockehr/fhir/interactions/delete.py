"""DELETE /[type]/[id] and DELETE /[type]?… (FHIR R4 http.html#delete, #3.1.0.7.1), with If-Match."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.conditional import matches
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.writes import bury, outside, precondition

MOST_AT_ONCE: Final = 1000


def delete(server: FhirServer, exchange: Exchange) -> Reply | Problem:
    """Put a tombstone in the place of a resource: it is read as 410 and found no more; its history stays.

    204 too for what was never there or is gone already, since that is how the client wants it. Raises nothing;
    412 when `If-Match` names another version than the current one, or when a query matches several and the server
    takes one at a time (`conditional_delete: single`).
    """
    asked = exchange.interaction
    assert asked is not None
    with server.store.transaction():
        found = _meant(server, exchange)
        if isinstance(found, Problem):
            return found
        for current in found:
            refusal = outside(server, exchange, "delete", current)
            refusal = refusal or precondition(server, exchange, asked.resource_type, current)
            if refusal is not None:
                return refusal
        buried = [bury(server, exchange, current) for current in found if not current.deleted]
    if len(buried) != 1:
        return Reply(204)
    return Reply(204, [("ETag", f'W/"{server.version_of(buried[0].resource_type, buried[0].version)}"')])


def _meant(server: FhirServer, exchange: Exchange) -> list[Record] | Problem:
    asked = exchange.interaction
    assert asked is not None
    kind = asked.resource_type
    if asked.id:
        current = server.store.read(kind, asked.id)
        if current is None and "if-match" in exchange.headers:
            text = f"If-Match names {exchange.headers['if-match']}, and there is no {kind}/{asked.id}"
            return Problem(412, "precondition-failed", text, resource_type=kind)
        return [] if current is None else [current]
    several = server.settings.get("conditional_delete") == "multiple"
    found = matches(server, exchange, limit=MOST_AT_ONCE + 1 if several else 2)
    if isinstance(found, Problem):
        return found
    if len(found) > (MOST_AT_ONCE if several else 1):
        text = f"{exchange.query} matches {'more than ' + str(MOST_AT_ONCE) if several else 'more than one'} {kind}"
        return Problem(412, "precondition-failed", text, resource_type=kind)
    return list(found)
