"""GET and POST …/$[name] (FHIR R4 operations.html#executing)."""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import operations, read_input
from mockehr.fhir.server import FhirServer


def operation(server: FhirServer, exchange: Exchange) -> Any:
    """What the operation of that name answers; 405 for a GET of one that changes things."""
    asked = exchange.interaction
    assert asked is not None
    found = operations()[asked.name[1:]]
    if found.affects_state and exchange.method != "POST":
        text = f"{asked.name} changes things, so it is called by POST"
        return Problem(405, "interaction-unknown", text, resource_type=asked.resource_type, where="POST")
    given = read_input(exchange, server.fhir_version)
    return given if isinstance(given, Problem) else found.run(server, exchange, given)
