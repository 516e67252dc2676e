"""PUT /[type]/[id] and PUT /[type]?… (FHIR R4 http.html#update, #cond-update), with If-Match and If-None-Match."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.interactions.conditional import matched
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.validate import ID_FORM
from mockehr.fhir.validation.issue import shown
from mockehr.fhir.writes import Body, Written, admitted, commit, outside, precondition, read_body

PROMISED: Final = "promised id"
"""Under this name the notes of a transaction's entry hold the id that references to its new resource have already."""


def update(server: FhirServer, exchange: Exchange) -> Written | Problem:
    """Store a new version of a resource that the address or the query names.

    412 when a precondition fails or several match; 404 when there is no such resource and the server does not let
    clients choose ids (`update_create`); 400 when the body's id is not that of the match.
    """
    asked = exchange.interaction
    assert asked is not None
    kind, id = asked.resource_type, asked.id
    if id and server.store.read(kind, id) is None and not server.settings.get("update_create", False):
        return not_found(kind, id)
    body = read_body(server, exchange, kind, id)
    if isinstance(body, Problem):
        return body
    with server.store.transaction():
        current = _current(server, exchange, body)
        if isinstance(current, Problem):
            return current
        id = id or (current.id if current else body.document.get("id") or exchange.notes.get(PROMISED, ""))
        id = id or server.new_id(kind)
        refusal = outside(server, exchange, "update", current, body.document, id)
        refusal = refusal or precondition(server, exchange, kind, current)
        made = refusal or admitted(server, exchange, body, current)
        return made if isinstance(made, Problem) else commit(server, exchange, made, id, current)


def _current(server: FhirServer, exchange: Exchange, body: Body) -> Record | Problem | None:
    """The resource to be updated (a tombstone among them), None for one to be made, or why neither can be."""
    asked = exchange.interaction
    assert asked is not None
    kind, id = asked.resource_type, asked.id
    if not id:
        match = matched(server, exchange)
        if isinstance(match, Problem):
            return match
        id = body.document.get("id", "")
        if not isinstance(id, str):
            return Problem(
                422,
                "body-invalid",
                f"{kind}.id: {shown(id)} is no id",
                resource_type=kind,
                expression=(f"{kind}.id",),
            )
        if match is not None:
            text = f"the body's id is {id}, the match is {match.key}"
            return match if id in ("", match.id) else Problem(400, "body-invalid", text, resource_type=kind)
        if not id:
            return None
        if not ID_FORM.fullmatch(id):
            return Problem(400, "body-invalid", f"{id!r} is no id", resource_type=kind, expression=(f"{kind}.id",))
        current = server.store.read(kind, id)
        if current is not None and not current.deleted:
            # http.html#cond-update: the query found nothing, so the body cannot mean what is there under its id
            text = f"nothing matches the query, and {kind}/{id} is there"
            return Problem(409, "conflict", text, resource_type=kind, value=id)
    current = server.store.read(kind, id)
    if current is None and not server.settings.get("update_create", False):
        return not_found(kind, id)
    return current
