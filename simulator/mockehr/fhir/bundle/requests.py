"""The entries of a batch or transaction as requests, and what is wrong with them."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import unquote

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.lossless import encode
from mockehr.fhir.validation.issue import shown

METHODS: Final = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
"""In the order in which a transaction runs them (http.html#trules); PUT and PATCH go together."""
ORDER: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
MOST_ENTRIES: Final = 10_000
_HEADERS: Final = {
    "ifNoneMatch": "if-none-match",
    "ifModifiedSince": "if-modified-since",
    "ifMatch": "if-match",
    "ifNoneExist": "if-none-exist",
}


@dataclass(slots=True)
class Request:
    """One entry. `path` starts with a slash; `id` is what its resource will be called once that is known."""

    position: int
    method: str
    path: str
    query: str
    full_url: str
    resource: JSON | None
    headers: dict[str, str] = field(default_factory=dict)
    id: str = ""
    target: str = ""
    """`Type/id` of what it writes in a transaction, as far as that is known before it is done."""
    problem: Problem | None = None

    @property
    def at(self) -> str:
        """Where it stands."""
        return f"Bundle.entry[{self.position}]"

    @property
    def resource_type(self) -> str:
        """The type that it is about."""
        return self.path.strip("/").partition("/")[0]


def requests_of(bundle: JSON, base_url: str) -> list[Request] | Problem:
    """The entries in their order. What is wrong with one of them is its `problem`."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        return Problem(400, "body-invalid", "Bundle.entry is a list", expression=("Bundle.entry",))
    if len(entries) > MOST_ENTRIES:
        text = f"the Bundle has {len(entries)} entries; {MOST_ENTRIES} are allowed"
        return Problem(413, "body-invalid", text, expression=("Bundle.entry",))
    return [_request(number, entry, base_url) for number, entry in enumerate(entries)]


def _request(position: int, entry: Any, base_url: str) -> Request:
    made = Request(position, "", "", "", "", None)
    told = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(told, dict):
        made.problem = _faulty(f"{made.at}.request", "an entry of a batch or transaction has a request")
        return made
    method, url, resource = told.get("method"), told.get("url"), entry.get("resource")
    if not isinstance(method, str) or method not in ORDER:
        text = f"the method is one of {', '.join(METHODS)}, not {shown(method)}"
        made.problem = _faulty(f"{made.at}.request.method", text)
        return made
    if not isinstance(url, str) or not url:
        made.problem = _faulty(f"{made.at}.request.url", "the url is missing")
        return made
    path, _, made.query = url.removeprefix(base_url).removeprefix("/").partition("?")
    made.method, made.path = method, "/" + unquote(path)
    full_url = entry.get("fullUrl")
    made.full_url = full_url if isinstance(full_url, str) else ""
    made.resource = resource if isinstance(resource, dict) else None
    made.headers = {header: told[name] for name, header in _HEADERS.items() if isinstance(told.get(name), str)}
    if "if-modified-since" in made.headers:
        made.headers["if-modified-since"] = _http_date(made.headers["if-modified-since"])
    if method in ("POST", "PUT", "PATCH") and made.resource is None and "$" not in path and "_search" not in path:
        made.problem = _faulty(f"{made.at}.resource", f"{method} wants a resource")
    if "://" in path or path.startswith("/"):
        made.problem = _faulty(f"{made.at}.request.url", f"{url} is no address below {base_url}")
    return made


def _http_date(text: str) -> str:
    """An instant, as entries have it, in the form of the header; what is none stays and is ignored."""
    try:
        return formatdate(datetime.fromisoformat(text).timestamp(), usegmt=True)
    except (ValueError, OverflowError, OSError):
        return text


def _faulty(expression: str, text: str) -> Problem:
    return Problem(400, "body-invalid", f"{expression}: {text}", expression=(expression,))


def exchange_of(request: Request, outer: Exchange) -> Exchange:
    """The entry as an exchange of its own, with the rights of the whole."""
    headers = {"accept": "application/fhir+json", "content-type": "application/fhir+json", **request.headers}
    if "prefer" in outer.headers:
        headers["prefer"] = outer.headers["prefer"]
    patch = patch_of(request) if request.method == "PATCH" else None
    if patch is not None:
        headers["content-type"] = "application/json-patch+json"
    body = patch or b""
    written = request.method in ("POST", "PUT") and "$" not in request.path
    if patch is None and request.resource is not None and not written:
        body = encode(request.resource)
    inner = Exchange("fhir", request.method, request.path, request.query, headers, body, base_url=outer.base_url)
    inner.parsed = request.resource if written else None
    inner.number, inner.at, inner.client = outer.number, outer.at, outer.client
    inner.scopes, inner.patient, inner.own = outer.scopes, outer.patient, outer.own
    return inner


def patch_of(request: Request) -> bytes | None:
    """The JSON Patch that a Binary carries, as Bundles hold one (http.html#patch); None for other patches."""
    resource = request.resource or {}
    if resource.get("resourceType") != "Binary" or resource.get("contentType") != "application/json-patch+json":
        return None
    try:
        return b64decode(str(resource.get("data", "")), validate=True)
    except ValueError:
        return b""
