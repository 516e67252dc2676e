"""POST [base] (FHIR R4 http.html#transaction): a batch does each entry for itself, a transaction all or none.

The answer is assembled from what each entry would have been answered alone, in the vendor's own form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.bundle.references import following, rewritten
from mockehr.fhir.bundle.requests import ORDER, Request, exchange_of, requests_of
from mockehr.fhir.interactions.conditional import selects_nothing
from mockehr.fhir.interactions.create import existing_match
from mockehr.fhir.interactions.search import charts_per_page, find
from mockehr.fhir.interactions.update import PROMISED
from mockehr.fhir.lossless import encode
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.validate import DEEPEST, too_deep
from mockehr.fhir.writes import Written, read_any

HTTP: Final = {
    200: "OK",
    201: "Created",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
}
_CODES: Final = {401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported"}

SEARCHES_AT_ONCE: Final = 10
"""Entries that may each look through as many charts as a request alone; more entries share what these may."""


class _Failed(Exception):
    """An entry of a transaction was refused, so that all of it is undone."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def transaction(server: FhirServer, exchange: Exchange) -> Reply | Problem:
    """Carry out a Bundle of requests; 400 for one that is neither batch nor transaction."""
    body = read_any(exchange, server.fhir_version)
    if isinstance(body, Problem):
        return body
    bundle = body.document
    kind = bundle.get("type")
    if bundle.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
        text = "what is posted to the base is a Bundle of type batch or transaction"
        return Problem(400, "body-invalid", text, expression=("Bundle.type",))
    if too_deep(bundle):
        return Problem(422, "body-invalid", f"nested more than {DEEPEST} levels deep", expression=("Bundle",))
    if kind not in server.system:
        return Problem(405, "interaction-unknown", f"{kind} is not offered for the server as a whole")
    most = int(server.settings.get("largest_bundle", 0))
    if most and len(bundle.get("entry") or ()) > most:
        text = f"the Bundle has {len(bundle['entry'])} entries; {most} are allowed"
        return Problem(413, "too-costly", text, expression=("Bundle.entry",))
    requests = requests_of(bundle, exchange.base_url)
    if isinstance(requests, Problem):
        return requests
    if kind == "batch":
        reader = _sharing(server, requests)
        return _answer(kind, [_done(_for(request, server, reader), request, exchange)[1] for request in requests])
    return _all_or_none(server, requests, exchange)


def _sharing(server: FhirServer, requests: list[Request]) -> FhirServer:
    """The server with less to look through for each search: thousands of them must not take thousands of times."""
    whole, searches = charts_per_page(server), sum(ORDER.get(one.method) == ORDER["GET"] for one in requests)
    share = max(1, min(whole, SEARCHES_AT_ONCE * whole // max(1, searches)))
    return replace(server, settings={**server.settings, "charts_per_page": share}) if share < whole else server


def _for(request: Request, server: FhirServer, reader: FhirServer) -> FhirServer:
    """A page of a search may end early; what decides about a write may not."""
    return reader if ORDER.get(request.method) == ORDER["GET"] else server


def _all_or_none(server: FhirServer, requests: list[Request], exchange: Exchange) -> Reply | Problem:
    faulty = next((request.problem for request in requests if request.problem is not None), None)
    if faulty is not None:
        return faulty
    answers: dict[int, bytes] = {}
    try:
        with server.store.transaction():
            _resolve(server, requests, exchange)
            reader = _sharing(server, requests)
            for request in sorted(requests, key=lambda one: ORDER[one.method]):
                result, answers[request.position] = _done(_for(request, server, reader), request, exchange)
                if isinstance(result, Problem):
                    raise _Failed(_within(result, request))
                if isinstance(result, Written) and result.record.key != request.target and request.full_url:
                    text = f"it means {result.record.key} now, and references to it have become {request.target}"
                    raise _Failed(_within(Problem(409, "conflict", text), request))
    except _Failed as failed:
        exchange.returned = ()
        return failed.problem
    return _answer("transaction", [answers[request.position] for request in requests])


def _done(server: FhirServer, request: Request, outer: Exchange) -> tuple[Any, bytes]:
    """Carry one entry out: its result, and the entry of the answer."""
    inner = exchange_of(request, outer)
    if request.problem is not None:
        inner.result = request.problem
    else:
        server.name(inner)
        asked = inner.interaction
        if inner.result is None and asked is not None:
            if asked.name in ("transaction", "batch"):
                inner.result = Problem(400, "body-invalid", f"{request.at}: a Bundle of requests holds no other")
            else:
                inner.result = server.permit(inner)
            inner.result = inner.result or server.admit_entry(inner, outer)
        if inner.result is None and asked is not None:
            if asked.name == "create" and request.id:
                inner.interaction = type(asked)(asked.name, asked.resource_type, request.id)
            elif request.id:
                inner.notes[PROMISED] = request.id
            server.perform_entry(inner)
    reply = server.reply(inner)
    outer.returned += inner.returned
    return inner.result, _entry(server, reply, inner)


def _entry(server: FhirServer, reply: Reply, inner: Exchange) -> bytes:
    """One entry of the answer: `response`, and the resource if there is one."""
    failed = reply.status >= 400
    if failed and not _is_outcome(reply):
        reply = Reply(reply.status, reply.headers, document=_plain_outcome(inner))
    response: JSON = {"status": f"{reply.status} {HTTP.get(reply.status, '')}".strip()}
    record = inner.result.record if isinstance(inner.result, Written) else inner.result
    if isinstance(inner.result, Written):
        response["location"] = f"{record.key}/_history/{server.version_of(record.resource_type, record.version)}"
    if reply.header("ETag"):
        response["etag"] = reply.header("ETag")
    if isinstance(record, Record):
        response["lastModified"] = instant(record.updated, millis=True)
    body = reply.body or (encode(reply.document) if reply.document is not None else b"")
    if failed:
        outcome = b',"outcome":' + body if body else b""
        return b'{"response":' + encode(response)[:-1] + outcome + b"}}"
    if isinstance(inner.result, Written) and body and _is_outcome(reply):  # Prefer: return=OperationOutcome
        return b'{"response":' + encode(response)[:-1] + b',"outcome":' + body + b"}}"
    resource = b'"resource":' + body + b"," if body and inner.method != "HEAD" else b""
    return b"{" + resource + b'"response":' + encode(response) + b"}"


def _is_outcome(reply: Reply) -> bool:
    told = reply.document
    if told is not None:
        return told.get("resourceType") == "OperationOutcome"
    return reply.body.startswith(b'{"resourceType":"OperationOutcome"')


def _plain_outcome(inner: Exchange) -> JSON:
    """The refusal of an entry where the vendor has no OperationOutcome for it: HTML, or JSON of its own."""
    problem = inner.problem
    code = _CODES.get(problem.status, "processing") if problem else "exception"
    issue = {"severity": "error", "code": code, "diagnostics": problem.text if problem else "the entry failed"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _answer(kind: str, entries: list[bytes]) -> Reply:
    head = b'{"resourceType":"Bundle","type":"%s-response"' % kind.encode()
    body = head + (b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}")
    return Reply(200, [], body)


def _within(problem: Problem, request: Request) -> Problem:
    """A refusal of one entry as the refusal of all, saying where."""
    inside = tuple(f"{request.at}.resource.{text.partition('.')[2]}" for text in problem.expression if "." in text)
    text = f"{request.at} ({request.method} {request.path.lstrip('/')}): {problem.text}"
    return Problem(
        problem.status,
        problem.kind,
        text,
        parameter=problem.parameter,
        resource_type=problem.resource_type,
        value=problem.value,
        where=problem.where,
        expression=inside or (request.at,),
    )


# references between entries


def _resolve(server: FhirServer, requests: list[Request], exchange: Exchange) -> None:
    """Give every new resource its id, and point references at where things will be. Raises _Failed."""
    names: dict[str, str] = {}
    identities: dict[str, str] = {}
    creates: dict[tuple[str, str], str] = {}
    for request in sorted(requests, key=lambda one: ORDER[one.method]):
        target = _target(server, request, exchange, identities)
        if request.method == "POST" and request.headers.get("if-none-exist"):
            # the second of two equal ones finds what the first makes
            target = creates.setdefault((request.path, request.headers["if-none-exist"]), target)
        request.target = target
        if request.method in ("PUT", "PATCH", "DELETE") and target:
            if target in identities:
                text = f"{target} is also the target of {identities[target]}"
                raise _Failed(_within(Problem(400, "body-invalid", text), request))
            identities[target] = request.at
        if request.full_url and target:
            if request.full_url in names and names[request.full_url] != target:
                text = f"the fullUrl {request.full_url} comes more than once"
                raise _Failed(_within(Problem(400, "body-invalid", text), request))
            names[request.full_url] = target
    for request in requests:
        if request.resource is not None:
            _point(server, request, names, exchange)


def _target(server: FhirServer, request: Request, exchange: Exchange, identities: Mapping[str, str]) -> str:
    """`Type/id` of what an entry writes, as far as that is known before it is done; empty otherwise.

    What the transaction deletes (`identities`, when a POST is looked at) is not there any more for its creates.
    """
    kind, _, id = request.path.strip("/").partition("/")
    if request.method == "POST" and not id and kind in server.types:
        inner = exchange_of(request, exchange)
        existing = existing_match(server, inner, kind)
        if isinstance(existing, Problem):
            raise _Failed(_within(existing, request))
        if existing is not None and existing.key not in identities:
            return existing.key
        request.id = server.new_id(kind)
        return f"{kind}/{request.id}"
    if request.method in ("PUT", "PATCH", "DELETE") and request.query and not id and kind in server.types:
        return _conditional_target(server, request, kind, exchange)
    return f"{kind}/{id}" if id and "/" not in id and request.method not in ("GET", "HEAD") else ""


def _conditional_target(server: FhirServer, request: Request, kind: str, exchange: Exchange) -> str:
    action = "delete" if request.method == "DELETE" else "update"
    found = find(server, exchange, kind, request.query, limit=2, action=action)
    if isinstance(found, Problem):
        raise _Failed(_within(found, request))
    if len(found) == 1:
        return found[0].key
    if found or request.method != "PUT":
        return ""
    told = (request.resource or {}).get("id")
    if told is None:
        # the id that the update would have made up is told now, so that others can refer to it
        told = request.id = server.new_id(kind)
    return f"{kind}/{told}"


def _point(server: FhirServer, request: Request, names: dict[str, str], exchange: Exchange) -> None:
    base = request.full_url.rpartition("/")[0].rpartition("/")[0] if "://" in request.full_url else ""
    follow = following(names, base)
    found: dict[str, str] = {}

    def rewrite(text: str) -> str:
        kind, mark, query = text.partition("?")
        if not mark or kind.removeprefix(exchange.base_url).strip("/") not in server.types:
            return follow(text)
        if text not in found:
            found[text] = _meant(server, request, kind.removeprefix(exchange.base_url).strip("/"), query, exchange)
        return found[text]

    assert request.resource is not None
    request.resource = rewritten(request.resource, rewrite, follow)


def _meant(server: FhirServer, request: Request, kind: str, query: str, exchange: Exchange) -> str:
    """What a conditional reference (`Patient?identifier=…`) means; it has to be one resource."""
    text = f"{kind}?{query}"
    if selects_nothing(query):
        refused = Problem(412, "precondition-failed", f"{text} means every {kind}; a reference means one")
        raise _Failed(_within(refused, request))
    matches = find(server, exchange, kind, query, limit=2, action="search")
    if isinstance(matches, Problem):
        raise _Failed(_within(matches, request))
    if len(matches) != 1:
        count = "nothing" if not matches else "more than one resource"
        raise _Failed(_within(Problem(412, "precondition-failed", f"{text} matches {count}"), request))
    return matches[0].key
