"""The EMA API: reading, searching and writing below `{firm}/ema/fhir/v2`. Sources: notes.md of modmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

import orjson

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.modmed.ema.files import Files
from mockehr.personalities.modmed.ema.sending import Sending
from mockehr.personalities.modmed.ema.taking import WRITTEN, duplicate, taken
from mockehr.personalities.modmed.ema.wording import address, inner_id, outer_id, refusal
from mockehr.personalities.proprietary import Records

TYPES: Final = WRITTEN | {"DiagnosticReport", "Encounter", "Immunization", "Location", "Observation", "Slot"}
"""Types that can be read and searched."""
_JSON: Final = "application/fhir+json"
_TRUE_TOTAL: Final = "pagination_optimization_disabled"
_OF_PAGES: Final = frozenset({"page", "_count"})
_MOST: Final = 1000
"""Slots on their one page."""


class Ema:
    """The API of the firm at `prefix`, and below its head of no other one. `fhir` is the path of the FHIR base."""

    name = "ema-fhir-v2"
    bearer = True

    def __init__(self, prefix: str, fhir: str, told: Mapping[str, Any], files: Files) -> None:
        self._head = "/" + prefix[1:].partition("/")[0]
        self._fhir = fhir
        self._base = f"{prefix}/ema/fhir/v2"
        self._told = told
        self._files = files

    @property
    def paths(self) -> Sequence[str]:
        """See Api."""
        return (self._head,)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        one, many = f"{self._base}/{{type}}/{{id}}", f"{self._base}/{{type}}"
        return (("GET", one, "read"), ("GET", many, "search"), ("POST", many, "create"), ("PUT", one, "update"))

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        kind, id = self._asked(exchange)
        names = {
            "GET": "read" if id else "search",
            "HEAD": "read" if id else "search",
            "POST": "create",
            "PUT": "update",
        }
        return Interaction(names.get(exchange.method, "unknown"), kind, id)

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        done = self._refusal(exchange) or self._done(exchange, records)
        return self.refuse(done) if isinstance(done, Problem) else done

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        headers = [("Retry-After", problem.retry_after)] if problem.retry_after else []
        return Reply(problem.status, headers, document={"message": problem.text}, content_type="application/json")

    def _asked(self, exchange: Exchange) -> tuple[str, str]:
        """Type and FHIR id of a path; nothing for one that is none of this firm's."""
        if not exchange.path.startswith(f"{self._base}/"):
            return "", ""
        kind, _, id = exchange.path.removeprefix(f"{self._base}/").partition("/")
        return kind, inner_id(kind, unquote(id))

    def _refusal(self, exchange: Exchange) -> Problem | None:
        """Why nothing is done: no key, no such firm or type, no right."""
        keys, key = self._told["api_keys"], exchange.headers.get("x-api-key", "")
        if not key or (keys and key not in keys):
            return refusal(403, "Forbidden")
        kind, id = self._asked(exchange)
        if kind not in TYPES or "/" in id:
            return refusal(404, "Not Found")
        reading = exchange.method in ("GET", "HEAD")
        if not reading and (exchange.method not in ("POST", "PUT") or (exchange.method == "POST") == bool(id)):
            return refusal(405, "Method Not Allowed")
        if not reading and kind not in WRITTEN:
            return refusal(403, f"{kind} cannot be written")
        action = ("read" if id else "search") if reading else "create" if exchange.method == "POST" else "update"
        scopes = exchange.scopes
        # A token for a part of the records is none for this API, which knows systems alone.
        if isinstance(scopes, Scopes) and (scopes.narrow or not scopes.allows(kind, action)):
            return refusal(403, "The access control list does not cover this")
        return None

    def _done(self, exchange: Exchange, records: Records) -> Reply | Problem:
        kind, id = self._asked(exchange)
        if exchange.method in ("POST", "PUT"):
            return self._write(exchange, records, kind, id)
        if not id:
            return self._search(exchange, records, kind)
        found = records.read(kind, id)
        asked = unquote(exchange.path.rpartition("/")[2])
        if found is None or outer_id(found) != asked:
            return refusal(404, "Not Found")
        exchange.returned = (f"{kind}/{id}",)
        return _reply(self._sending(exchange, records).resource(found))

    def _root(self, exchange: Exchange) -> str:
        return exchange.base_url.removesuffix(self._fhir)

    def _sending(self, exchange: Exchange, records: Records) -> Sending:
        root = self._root(exchange)
        return Sending(records, root + self._base, root, self._files, self._told, _flags(exchange))

    def _search(self, exchange: Exchange, records: Records, kind: str) -> Reply | Problem:
        """A page; `next` is always there, and `total` is what is on the page, until it is 0."""
        pairs = parse_qsl(exchange.query, keep_blank_values=True)
        told = dict(pairs)
        page, size = _whole(told.get("page", ""), 1), _whole(told.get("_count", ""), int(self._told["page_size"]))
        if page is None or size is None:
            return refusal(400, "page and _count must be positive numbers")
        size = _MOST if kind == "Slot" else min(size, int(self._told["largest"]))
        base = self._root(exchange) + self._base
        criteria = [(name, _criterion(kind, name, value, base)) for name, value in pairs if name not in _OF_PAGES]
        found = records.search(kind, urlencode(criteria), offset=(page - 1) * size, limit=size)
        if isinstance(found, Problem):
            return refusal(400, found.text)
        total, matches = found
        sending = self._sending(exchange, records)
        exchange.returned = tuple(f"{kind}/{one['id']}" for one in matches)
        counted = _TRUE_TOTAL in _flags(exchange) and total is not None and kind != "Slot"
        last = max(1, -(-(total or 0) // size)) if counted else 0
        turns = {"self": page, "next": page + 1 if not last or page < last else 0, "last": last}
        if kind == "Slot":
            turns = {"self": page}
        asked = [pair for pair in pairs if pair[0] != "page"]
        made: JSON = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": total if counted else len(matches),
            "link": [
                {"relation": name, "url": f"{base}/{kind}?{urlencode([*asked, ('page', number)])}"}
                for name, number in turns.items()
                if number
            ],
            "entry": [
                {"fullUrl": address(base, kind, outer_id(one)), "resource": sending.resource(one)} for one in matches
            ],
        }
        return _reply(made)

    def _write(self, exchange: Exchange, records: Records, kind: str, id: str) -> Reply | Problem:
        try:
            told = orjson.loads(exchange.body)
        except orjson.JSONDecodeError:
            return refusal(400, "The body is no JSON")
        if not isinstance(told, dict) or told.get("resourceType") != kind:
            return refusal(400, f"A {kind} is expected")
        base = self._root(exchange) + self._base
        resource = taken(told, base)
        if id:
            stored = records.update(exchange, {**resource, "id": id})
        else:
            stored = duplicate(resource, records) or records.create(exchange, resource)
        if isinstance(stored, Problem):
            known = stored.status in (400, 404, 409, 422)
            return refusal(stored.status if known else 422, stored.text)
        exchange.returned = (f"{kind}/{stored['id']}",)
        where = address(base, kind, outer_id(stored))
        return Reply(200 if id else 201, [("Location", where)])


def _reply(document: JSON) -> Reply:
    return Reply(200, [], document=document, content_type=_JSON)


def _flags(exchange: Exchange) -> frozenset[str]:
    """What the header `Content-flag` asks for."""
    return frozenset(
        one.strip().lower() for one in exchange.headers.get("content-flag", "").split(",") if one.strip()
    )


def _whole(text: str, usual: int) -> int | None:
    """A positive number of few digits, or None; `usual` for nothing."""
    if not text:
        return usual
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0 else None


def _criterion(resource_type: str, name: str, value: str, base: str) -> str:
    """A search value in FHIR's way: without the address of this API, and without the prefixes of its ids."""
    found = []
    for one in value.split(","):
        kind, _, id = one.removeprefix(f"{base}/").rpartition("/")
        told = inner_id(kind or resource_type, unquote(id)) if name == "_id" or kind else one
        found.append(f"{kind}/{told}" if kind and name != "_id" else told)
    return ",".join(found)
