"""What all writes have in common: reading a body, preconditions, committing with the server's own meta.

A resource that was written keeps the octets that the client sent, but for `id` and `meta`, which are the server's
(FHIR R4 http.html#create, #update; resource.html#Meta).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.changes import Kind
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.binary import as_resource
from mockehr.fhir.body import parse_resource
from mockehr.fhir.elements import R4
from mockehr.fhir.lossless import BOM, Unreadable, encode
from mockehr.fhir.media import form_of, split_media
from mockehr.fhir.part import others_record
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.splice import with_members
from mockehr.fhir.validate import check_body

BODY_LIMIT: Final = 20 << 20
DEFAULT_TYPE: Final = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Written:
    """A committed write: the record as stored, and whether it is new. `changed` False: nothing had to be written."""

    record: Record
    created: bool
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Body:
    """A resource as a client sent it. `octets` are its JSON text, or empty if it came in another form."""

    document: JSON
    octets: bytes


def read_body(server: FhirServer, exchange: Exchange, resource_type: str, id: str = "") -> Body | Problem:
    """The body as a resource of that type, or a Problem that says what is wrong with it and where.

    With `id` it has to carry that id.
    """
    content = as_resource(exchange, id) if resource_type == "Binary" else None
    found = Body(content, b"") if content is not None else read_any(exchange, server.fhir_version)
    if isinstance(found, Problem):
        return found
    taken = server.taken(found.document)
    if taken is not found.document:
        found = Body(taken, b"")
    return check(server, found.document, resource_type, id) or found


def check(server: FhirServer, document: JSON, resource_type: str, id: str = "") -> Problem | None:
    """What is wrong with a resource as the body of a write (422), or nothing."""
    issues = check_body(document, resource_type, id, version=server.fhir_version)
    issues = [issue for issue in issues if issue.severity in ("error", "fatal")]
    if not issues:
        return None
    text = "; ".join(f"{issue.expression}: {issue.text}" for issue in issues[:5])
    return Problem(422, "body-invalid", text, expression=tuple(issue.expression for issue in issues[:5]))


def read_any(exchange: Exchange, fhir_version: str = R4) -> Body | Problem:
    """The body as an object of whatever kind."""
    if exchange.parsed is not None:
        return Body(exchange.parsed, b"")
    if len(exchange.body) > BODY_LIMIT:
        return Problem(413, "body-invalid", f"the body has {len(exchange.body)} octets; {BODY_LIMIT} are allowed")
    media = exchange.headers.get("content-type", DEFAULT_TYPE)
    try:
        document = parse_resource(exchange.body, media, fhir_version)
    except Unreadable as error:
        return Problem(400, "body-invalid", f"the body cannot be read: {error}")
    if isinstance(document, Problem):
        return document
    in_json = form_of(split_media(media or DEFAULT_TYPE)[0]) == "json"
    return Body(document, exchange.body.removeprefix(BOM) if in_json else b"")


def precondition(
    server: FhirServer, exchange: Exchange, resource_type: str, current: Record | None
) -> Problem | None:
    """What If-Match and If-None-Match have against a write over `current`, or nothing (RFC 9110 section 13.1)."""
    match, none_match = exchange.headers.get("if-match"), exchange.headers.get("if-none-match")
    there = current is not None and not current.deleted
    named = server.version_of(resource_type, current.version) if current else "none"
    if none_match is not None and there and (none_match == "*" or _names(none_match, named)):
        text = f"If-None-Match names {none_match}, and the current version is {named}"
        return Problem(412, "precondition-failed", text, resource_type=resource_type, value=none_match)
    if match is None:
        if server.settings.get("if_match_required", False) and there:
            return Problem(412, "precondition-required", "If-Match is required", resource_type=resource_type)
        return None
    if (current is not None and _names(match, named)) or (match == "*" and there):
        return None
    text = f"If-Match names {match}, the current version is {named}"
    return Problem(412, "precondition-failed", text, resource_type=resource_type, value=match)


def outside(
    server: FhirServer,
    exchange: Exchange,
    action: str,
    current: Record | None,
    made: JSON | None = None,
    id: str = "",
) -> Problem | None:
    """The refusal of a change of `current`, or of storing `made` under an id, where that is another patient's."""
    if server.rights(exchange) is None:
        return None
    kind = current.resource_type if current is not None else str((made or {}).get("resourceType"))
    part = server.part(exchange, kind, action)
    if part is None:
        return None
    if current is not None and not part.owns(current):
        return others_record(current.key, kind, action)
    if made is not None and not part.admits(made, id):
        return others_record(f"this {kind}", kind, action)
    return None


def admitted(
    server: FhirServer, exchange: Exchange, body: Body, current: Record | None, id: str = ""
) -> Body | Problem:
    """A body that was found good as it is to be stored over `current`, or under a new id, or why it cannot be."""
    found = server.admit(exchange, body.document, current)
    if not isinstance(found, Problem):
        found = server.received(exchange, found, current, id)
    if isinstance(found, Problem):
        return found
    return body if found is body.document else Body(found, b"")


def _names(header: str, version: str) -> bool:
    """Whether a list of entity tags holds the version, weak or strong."""
    return any(tag.strip().removeprefix("W/").strip('"') == version for tag in header.split(","))


def commit(server: FhirServer, exchange: Exchange, body: Body, id: str, current: Record | None) -> Written:
    """Store a body that was found good under that id, as the version after `current`."""
    version = current.version + 1 if current else 1
    at = server.clock.now()
    document, resource_type = body.document, body.document["resourceType"]
    meta = server.meta_of(document, version, at)
    head = {"resourceType": resource_type, "id": id} | ({"meta": meta} if meta else {})
    made = head | {key: value for key, value in document.items() if key not in ("resourceType", "id", "meta")}
    values = {"id": encode(id), "meta": encode(meta) if meta else None}
    octets = with_members(body.octets, values) if body.octets else encode(made)
    # A tombstone's successor is answered like a create: the client made it anew.
    revived = current is not None and current.deleted
    kind: Kind = "create" if current is None else "update"
    record = server.store.commit(made, kind=kind, source="fhir", entry=exchange.number, body=octets)
    return Written(record, created=current is None or revived)


def bury(server: FhirServer, exchange: Exchange, current: Record) -> Record:
    """Put a tombstone in the place of `current`."""
    tombstone: JSON = {"resourceType": current.resource_type, "id": current.id}
    meta = server.meta_of(tombstone, current.version + 1, server.clock.now())
    if meta:
        tombstone["meta"] = meta
    return server.store.commit(
        tombstone, kind="delete", source="fhir", entry=exchange.number, patient=current.patient
    )
