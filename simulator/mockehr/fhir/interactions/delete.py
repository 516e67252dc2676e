"""DELETE /[type]/[id] (FHIR R4 http.html#delete), with If-Match."""

from __future__ import annotations

from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.update import precondition
from mockehr.fhir.server import FhirServer


def delete(server: FhirServer, exchange: Exchange) -> Reply | Problem:
    """Put a tombstone in the place of a resource: it is read as 410 and found no more; its history stays.

    204 too for what was never there or is gone already, since that is how the client wants it. Raises nothing;
    412 when `If-Match` names another version than the current one.
    """
    asked = exchange.interaction
    assert asked is not None
    current = server.store.read(asked.resource_type, asked.id)
    refusal = precondition(server, exchange, current)
    if refusal is not None:
        return refusal
    if current is None or current.deleted:
        return Reply(204)
    tombstone = {"resourceType": asked.resource_type, "id": asked.id}
    record = server.store.commit(
        server.stamp(tombstone, current.version + 1, server.clock.now()),
        kind="delete",
        source="fhir",
        entry=exchange.number,
        patient=current.patient,
    )
    exchange.changes += (server.store.log.changes[-1].number,)
    return Reply(204, [("ETag", f'W/"{server.version_text(record.version)}"')])
