"""GET /[type]/[id] and GET /[type]/[id]/_history/[vid] (FHIR R4 http.html#read, #vread, #cread)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.binary import content_reply
from mockehr.fhir.part import withheld
from mockehr.fhir.record import Record
from mockehr.fhir.search import Query, compile_query, shaped
from mockehr.fhir.server import FhirServer


def read(server: FhirServer, exchange: Exchange) -> Record | Reply | JSON | Problem:
    """The current version; 404 if there never was one, 410 if it was deleted, 304 if the client has it already."""
    asked = exchange.interaction
    assert asked is not None
    record = server.store.read(asked.resource_type, asked.id)
    if record is None:
        return not_found(asked.resource_type, asked.id)
    refusal = _withheld(server, exchange, record)
    if refusal is not None:
        return refusal
    if record.deleted:
        return _gone(record)
    if "if-none-match" in exchange.headers or "if-modified-since" in exchange.headers:
        known = _known(server, exchange, record)
        if known is not None:
            return known
    return _shown(server, exchange, record)


def vread(server: FhirServer, exchange: Exchange) -> Record | Reply | JSON | Problem:
    """One version; 404 if there is no such version, 410 if it is the one that says the resource was deleted."""
    asked = exchange.interaction
    assert asked is not None
    history = server.store.history(asked.resource_type, asked.id)
    record = next(
        (one for one in history if server.version_of(one.resource_type, one.version) == asked.version), None
    )
    if record is None:
        return not_found(asked.resource_type, f"{asked.id}/_history/{asked.version}")
    refusal = _withheld(server, exchange, record)
    if refusal is not None:
        return refusal
    return _gone(record) if record.deleted else _shown(server, exchange, record)


def _withheld(server: FhirServer, exchange: Exchange, record: Record) -> Problem | None:
    """The refusal of a record that is in another part of the type than the client may read."""
    return withheld(server.part(exchange, record.resource_type, "read"), record, "read")


def _shown(server: FhirServer, exchange: Exchange, record: Record) -> Record | Reply | JSON | Problem:
    """The record, or what `_summary`, `_elements` or the media type of a Binary make of it."""
    if record.resource_type == "Binary":
        content = content_reply(exchange, record, always=bool(server.settings.get("binary_raw", False)))
        if content is not None:
            return content
    query = less_of(server, exchange, record.resource_type)
    if query is None or isinstance(query, Problem):
        return record if query is None else query
    return shaped(server.shown(record).document, query) or record


def less_of(server: FhirServer, exchange: Exchange, resource_type: str) -> Query | Problem | None:
    """What `_summary` and `_elements` ask for, as a query that `shaped` takes; None if they ask for nothing."""
    return less_in(server, exchange.query, resource_type)


def less_in(server: FhirServer, asked: str, resource_type: str) -> Query | Problem | None:
    """The same of a query that is not the exchange's own; encoded, without `?`."""
    if "_summary=" not in asked and "_elements=" not in asked:
        return None
    pairs = [pair for pair in parse_qsl(asked) if pair[0] in ("_summary", "_elements")]
    query = compile_query(resource_type or "Resource", pairs, strict=False, fhir_version=server.fhir_version)
    return query.problems[0] if query.problems else query


def _gone(record: Record) -> Problem:
    return Problem(410, "gone", f"{record.key} was deleted", resource_type=record.resource_type, value=record.id)


def _known(server: FhirServer, exchange: Exchange, record: Record) -> Reply | None:
    """304 without a body when the client's version or time is the current one (RFC 9110 section 13.1.2, 13.1.3)."""
    if not server.settings.get("conditional_read", True):
        return None
    version = server.version_of(record.resource_type, record.version)
    tags = exchange.headers.get("if-none-match")
    if tags is not None:
        known = any(tag.strip().removeprefix("W/").strip('"') in (version, "*") for tag in tags.split(","))
    else:
        try:
            since = parsedate_to_datetime(exchange.headers["if-modified-since"]).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None  # a date that is none is ignored (RFC 9110 section 13.1.3)
        known = int(record.updated) <= since
    return Reply(304, [("ETag", f'W/"{version}"')]) if known else None
