"""GET /[type]/[id] and GET /[type]/[id]/_history/[vid] (FHIR R4 http.html#read, #vread)."""

from __future__ import annotations

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer


def read(server: FhirServer, exchange: Exchange) -> Record | Problem:
    """The current version; 404 if there never was one, 410 if it was deleted."""
    asked = exchange.interaction
    assert asked is not None
    record = server.store.read(asked.resource_type, asked.id)
    if record is None:
        return not_found(asked.resource_type, asked.id)
    if record.deleted:
        return Problem(410, "gone", f"{record.key} was deleted", resource_type=record.resource_type, value=record.id)
    return record


def vread(server: FhirServer, exchange: Exchange) -> Record | Problem:
    """One version; 404 if there is no such version."""
    asked = exchange.interaction
    assert asked is not None
    history = server.store.history(asked.resource_type, asked.id)
    record = next((one for one in history if server.version_text(one.version) == asked.version), None)
    if record is None or record.deleted:
        return not_found(asked.resource_type, f"{asked.id}/_history/{asked.version}")
    return record
