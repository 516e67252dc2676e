"""PATCH /[type]/[id] and PATCH /[type]?… (FHIR R4 http.html#patch): JSON Patch and FHIRPath Patch."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.body import parse_resource
from mockehr.fhir.interactions.conditional import matched
from mockehr.fhir.lossless import Unreadable, parse
from mockehr.fhir.patch import PatchFault, apply_fhirpath_patch, apply_json_patch
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.validate import DEEPEST, too_deep
from mockehr.fhir.writes import BODY_LIMIT, Body, Written, admitted, check, commit, outside, precondition

JSON_PATCH: Final = "application/json-patch+json"
_MEDIA: Final = "application/json-patch+json, or application/fhir+json with a Parameters resource"


def patch(server: FhirServer, exchange: Exchange) -> Written | Problem:
    """Store a new version made by a patch.

    404 for a resource that is not there, 400 for a patch that is none, 422 for one that does not fit or leaves an
    invalid resource, 412 when a precondition fails or several match, 415 for another kind of patch.
    """
    asked = exchange.interaction
    assert asked is not None
    change = _read_checked(exchange, server.fhir_version)
    if isinstance(change, Problem):
        return change
    with server.store.transaction():
        current = server.store.read(asked.resource_type, asked.id) if asked.id else matched(server, exchange)
        if isinstance(current, Problem):
            return current
        if current is None or current.deleted:
            return not_found(asked.resource_type, asked.id or exchange.query)
        refusal = outside(server, exchange, "update", current)
        refusal = refusal or precondition(server, exchange, asked.resource_type, current)
        if refusal is not None:
            return refusal
        made = _patched(server, current, change)
        if isinstance(made, Problem):
            return made
        refusal = outside(server, exchange, "update", None, made, current.id)
        body = refusal or admitted(server, exchange, Body(made, b""), current)
        return body if isinstance(body, Problem) else commit(server, exchange, body, current.id, current)


def _read_patch(exchange: Exchange, fhir_version: str) -> Any:
    if len(exchange.body) > BODY_LIMIT:
        return Problem(413, "body-invalid", f"the body has {len(exchange.body)} octets; {BODY_LIMIT} are allowed")
    media = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media == JSON_PATCH:
            return parse(exchange.body)
        if "fhir" not in media:
            return Problem(415, "media-unsupported", f"{media or 'nothing'} is no patch; send {_MEDIA}", value=media)
        found = parse_resource(exchange.body, media, fhir_version)
    except Unreadable as error:
        return Problem(400, "body-invalid", f"the body cannot be read: {error}")
    if not isinstance(found, Problem) and found.get("resourceType") != "Parameters":
        return Problem(400, "body-invalid", f"a FHIRPath Patch is a Parameters resource; send {_MEDIA}")
    return found


def _read_checked(exchange: Exchange, fhir_version: str) -> Any:
    found = _read_patch(exchange, fhir_version)
    if not isinstance(found, Problem) and too_deep(found):
        return Problem(422, "body-invalid", f"the patch is nested more than {DEEPEST} levels deep")
    return found


def _patched(server: FhirServer, current: Record, change: Any) -> JSON | Problem:
    try:
        document = parse(current.body)  # the bytes have the digits that a document may have lost
    except Unreadable:
        document = deepcopy(current.document)  # damaged on purpose
    try:
        fhirpath = isinstance(change, dict) and "resourceType" in change
        made = apply_fhirpath_patch(document, change) if fhirpath else apply_json_patch(document, change)
    except PatchFault as fault:
        where = (fault.expression,) if fault.expression else ()
        return Problem(fault.status, "body-invalid", str(fault), expression=where)
    return check(server, made, current.resource_type, current.id) or made
