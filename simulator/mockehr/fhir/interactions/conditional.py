"""What a conditional update, patch or delete means: `PUT /[type]?…` (FHIR R4 http.html#cond-update, #patch)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import find
from mockehr.fhir.record import Record
from mockehr.fhir.search.parse import RESULT_PARAMETERS, parse_parameter
from mockehr.fhir.server import FhirServer


def matched(server: FhirServer, exchange: Exchange) -> Record | Problem | None:
    """The one resource that the query means, None if there is none, 412 if there are several."""
    found = matches(server, exchange, limit=2)
    if isinstance(found, Problem):
        return found
    asked = exchange.interaction
    assert asked is not None
    if len(found) > 1:
        text = f"{exchange.query} matches more than one {asked.resource_type}"
        return Problem(412, "precondition-failed", text, resource_type=asked.resource_type)
    return found[0] if found else None


def matches(server: FhirServer, exchange: Exchange, *, limit: int) -> Sequence[Record] | Problem:
    """Up to `limit` resources that the query means; a query that selects nothing in particular is refused."""
    asked = exchange.interaction
    assert asked is not None
    kind = asked.resource_type
    if server.settings.get(f"conditional_{asked.name}", False) in (False, "not-supported"):
        text = f"{exchange.method} /{kind} wants an id here: a conditional {asked.name} is not offered"
        return Problem(405, "interaction-unknown", text, resource_type=kind)
    if not exchange.query.strip("&"):
        text = f"{exchange.method} /{kind} wants an id, or search parameters that mean one {kind}"
        return Problem(400, "bad-request", text, resource_type=kind)
    if selects_nothing(exchange.query):
        text = f"{exchange.query[:200]} means every {kind}; {exchange.method} wants parameters that mean one"
        return Problem(412, "precondition-failed", text, resource_type=kind)
    action = "update" if asked.name == "patch" else asked.name
    return find(server, exchange, kind, exchange.query, limit=limit, action=action)


def selects_nothing(query: str) -> bool:
    """Whether a query has only parameters that shape an answer, or none with a value: it would mean everything."""
    return all(parse_parameter(name, "").name in RESULT_PARAMETERS for name, _ in parse_qsl(query))
