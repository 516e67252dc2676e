"""POST /[type] (FHIR R4 http.html#create), with If-None-Exist where the server offers it."""

from __future__ import annotations

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.conditional import selects_nothing
from mockehr.fhir.interactions.search import find
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.writes import Written, admitted, commit, outside, read_body


def create(server: FhirServer, exchange: Exchange) -> Written | Problem:
    """Store a new resource under an id of the server's own (in a transaction: the id that was promised it)."""
    asked = exchange.interaction
    assert asked is not None
    body = read_body(server, exchange, asked.resource_type)
    if isinstance(body, Problem):
        return body
    with server.store.transaction():
        existing = existing_match(server, exchange, asked.resource_type)
        if existing is not None:
            return existing if isinstance(existing, Problem) else Written(existing, created=False, changed=False)
        id = asked.id or server.new_id(asked.resource_type)
        refusal = outside(server, exchange, "create", None, body.document, id)
        made = refusal or admitted(server, exchange, body, None, id)
        return made if isinstance(made, Problem) else commit(server, exchange, made, id, None)


def existing_match(server: FhirServer, exchange: Exchange, resource_type: str) -> Record | Problem | None:
    """What If-None-Exist found: one match, a Problem (412) for several, None for none or if nothing was asked."""
    query = exchange.headers.get("if-none-exist")
    if query is None or not server.settings.get("conditional_create", True):
        return None
    criteria = query.partition("?")[2] or query
    if "=" not in criteria or selects_nothing(criteria):
        text = f"If-None-Exist is a query such as identifier=system|value, not {query[:200]!r}"
        return Problem(400, "bad-request", text, resource_type=resource_type, value=query)
    found = find(server, exchange, resource_type, criteria, limit=2, action="create")
    if isinstance(found, Problem):
        return found
    if len(found) > 1:
        return Problem(412, "precondition-failed", f"If-None-Exist {query} matches more than one {resource_type}")
    return found[0] if found else None
