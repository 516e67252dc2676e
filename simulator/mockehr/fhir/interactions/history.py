"""GET [base]/_history, /[type]/_history and /[type]/[id]/_history (FHIR R4 http.html#history).

The history of one resource is whole. That of a type or of the server tells what was written since the site began,
page by page from the store: what a population computes was always there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from math import inf
from typing import Final
from urllib.parse import parse_qsl, quote

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.interactions.read import less_of
from mockehr.fhir.pages import PageSession, address_of
from mockehr.fhir.part import Part, withheld
from mockehr.fhir.record import Record
from mockehr.fhir.search import Query, shaped
from mockehr.fhir.search.date import SECOND, interval
from mockehr.fhir.server import FhirServer
from mockehr.fhir.store import Hits, ListHits

PAGE: Final = 50
LARGEST: Final = 1000
_TOLD: Final = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


def history(server: FhirServer, exchange: Exchange) -> JSON | Problem:
    """A Bundle of versions, the newest first; `_since` and `_count` narrow it, `next` links lead on.

    `_summary` and `_elements` say how much of each is wanted.
    """
    asked = exchange.interaction
    assert asked is not None
    pairs = dict(parse_qsl(exchange.query, keep_blank_values=True))
    token = pairs.get(server.restrictions.page_parameter)
    if token is not None:
        session = server.pages.following(token, exchange.path, server.clock.now())
        if session is None or not _covered(server, exchange, session.hits.page(session.offset, session.limit)):
            return Problem(410, "page-expired", f"the paging session {token} is over", value=token)
    else:
        opened = _opened(server, exchange, pairs)
        if isinstance(opened, Problem):
            return opened
        session = opened
    return _bundle(server, exchange, session)


def _opened(server: FhirServer, exchange: Exchange, pairs: dict[str, str]) -> PageSession | Problem:
    asked = exchange.interaction
    assert asked is not None
    since, count = pairs.get("_since", ""), pairs.get("_count", str(PAGE))
    earliest = -inf
    if since:
        after = interval(since)
        if after is None:
            return Problem(
                400, "parameter-invalid", f"_since is no instant: {since}", parameter="_since", value=since
            )
        earliest = after[0] / SECOND
    if asked.id:
        versions = server.store.history(asked.resource_type, asked.id)
        if not versions:
            return not_found(asked.resource_type, asked.id)
        refusal = withheld(_part(server, exchange), versions[-1], "read")
        if refusal is not None:
            return refusal
        seen = [one for one in reversed(versions) if one.updated >= earliest and _covered(server, exchange, (one,))]
        hits: Hits = ListHits(seen)
    else:
        hits = server.store.versions(asked.resource_type, since=earliest)
    if not (count.isascii() and count.isdigit()):
        return Problem(400, "parameter-invalid", f"_count is no number: {count}", parameter="_count", value=count)
    limit = min(max(int(count[:9]), 1), LARGEST)
    less = less_of(server, exchange, asked.resource_type)
    if isinstance(less, Problem):
        return less
    query, address = f"{exchange.path}?{exchange.query}", address_of(exchange.path)
    return PageSession(asked.resource_type, query, hits, 0, limit, less, address=address)


def _part(server: FhirServer, exchange: Exchange) -> Part | None:
    """What of the type the client may see with all that it was: a query cannot tell that of a tombstone."""
    asked = exchange.interaction
    assert asked is not None
    part = server.part(exchange, asked.resource_type or "*", "read" if asked.id else "search")
    return None if part is None else part.plain


def _covered(server: FhirServer, exchange: Exchange, records: Iterable[Record]) -> bool:
    part = _part(server, exchange)
    return part is None or all(part.covers(record) for record in records)


def _bundle(server: FhirServer, exchange: Exchange, session: PageSession) -> JSON:
    base, path = exchange.base_url, exchange.path
    one = exchange.interaction is not None and bool(exchange.interaction.id)
    versions = session.hits.page(session.offset, session.limit + one)
    records = versions[: session.limit]
    # of one resource, what follows a tombstone was answered as a create
    anew = {newer.version for newer, older in pairwise(versions) if one and older.deleted}
    links = [{"relation": "self", "url": f"{base}{path}" + (f"?{exchange.query}" if exchange.query else "")}]
    total = session.hits.total or 0
    if session.offset + session.limit < total:
        following = replace(session, offset=session.offset + session.limit, expires=None)
        token = quote(server.pages.open(following), safe="")
        links.append({"relation": "next", "url": f"{base}{path}?{server.restrictions.page_parameter}={token}"})
    exchange.returned = tuple(record.key for record in records)
    entries = [_entry(server, record, base, session.compiled, record.version in anew) for record in records]
    bundle: JSON = {"resourceType": "Bundle", "type": "history", "total": total, "link": links}
    return bundle | ({"entry": entries} if entries else {})


def _entry(server: FhirServer, record: Record, base: str, less: Query | None, anew: bool) -> JSON:
    kind = "delete" if record.deleted else "create" if record.version == 1 else "update"
    method, status = _TOLD[kind]
    # R4 bundle.html#history: a create has the type's address, whatever else the resource's own.
    request = {"method": method, "url": record.resource_type if kind == "create" else record.key}
    response = {
        "status": "201" if anew and not record.deleted else status,
        "etag": f'W/"{server.version_of(record.resource_type, record.version)}"',
        "lastModified": instant(record.updated, millis=True),
    }
    whole = server.shown(record).document
    told = {} if record.deleted else {"resource": (shaped(whole, less) if less is not None else None) or whole}
    return {"fullUrl": f"{base}/{record.key}", **told, "request": request, "response": response}
