"""POST /[type] (FHIR R4 http.html#create), with If-None-Exist where the server offers it."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from mockehr.core.changes import Kind
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import find
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.validate import check_body

BODY_LIMIT = 20 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """A committed write: the record as stored, and whether it is new."""

    record: Record
    created: bool


def create(server: FhirServer, exchange: Exchange) -> Written | Problem:
    """Store a new resource under an id of the server's own."""
    asked = exchange.interaction
    assert asked is not None
    document = parse_body(exchange, asked.resource_type)
    if isinstance(document, Problem):
        return document
    existing = _existing(server, exchange, asked.resource_type)
    if existing is not None:
        return existing
    document = {"resourceType": asked.resource_type, "id": server.new_id(asked.resource_type)} | {
        key: value for key, value in document.items() if key not in ("resourceType", "id")
    }
    return commit(server, exchange, document, version=1)


def commit(server: FhirServer, exchange: Exchange, document: JSON, *, version: int, revived: bool = False) -> Written:
    """Store a body that was found good, as that version; the exchange notes the change.

    `revived`: the version before is a tombstone, so that this is answered like a create.
    """
    stamped = server.stamp(document, version, server.clock.now())
    kind: Kind = "create" if version == 1 else "update"
    record = server.store.commit(stamped, kind=kind, source="fhir", entry=exchange.number)
    exchange.changes += (server.store.log.changes[-1].number,)
    return Written(record, created=version == 1 or revived)


def parse_body(exchange: Exchange, resource_type: str, id: str = "") -> JSON | Problem:
    """The body as a resource of that type, or a Problem that says what is wrong with it and where."""
    if len(exchange.body) > BODY_LIMIT:
        return Problem(413, "body-invalid", f"the body has {len(exchange.body)} octets; {BODY_LIMIT} are allowed")
    media = exchange.headers.get("content-type", "application/fhir+json").partition(";")[0].strip()
    if "json" not in media:
        return Problem(415, "media-unsupported", f"{media} is not supported; send application/fhir+json", value=media)
    try:
        document = orjson.loads(exchange.body)
    except orjson.JSONDecodeError as error:
        return Problem(400, "body-invalid", f"the body is no JSON: {error}")
    issues = check_body(document, resource_type, id)
    if issues:
        text = "; ".join(f"{issue.expression}: {issue.text}" for issue in issues[:5])
        return Problem(422, "body-invalid", text, expression=tuple(issue.expression for issue in issues[:5]))
    return dict(document)


def _existing(server: FhirServer, exchange: Exchange, resource_type: str) -> Written | Problem | None:
    query = exchange.headers.get("if-none-exist")
    if query is None or not server.settings.get("conditional_create", True):
        return None
    found = find(server, resource_type, query.partition("?")[2] or query, limit=2)
    if isinstance(found, Problem):
        return found
    if len(found) > 1:
        return Problem(412, "precondition-failed", f"If-None-Exist {query} matches more than one {resource_type}")
    return Written(found[0], created=False) if found else None
