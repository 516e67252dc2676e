"""The route table: method and path of a FHIR request → its interaction (FHIR R4 http.html#summary)."""

from __future__ import annotations

import re
from typing import Final

from mockehr.core.exchange import Interaction
from mockehr.core.problem import Problem

ROUTES: Final = (
    # method, path shape, interaction
    ("GET", "/metadata", "capabilities"),
    ("POST", "/", "transaction"),
    ("GET", "/", "search-system"),
    ("POST", "/_search", "search-system"),
    ("GET", "/_history", "history-system"),
    ("GET", "/[type]", "search"),
    ("POST", "/[type]/_search", "search"),
    ("POST", "/[type]", "create"),
    ("PUT", "/[type]", "update"),
    ("PATCH", "/[type]", "patch"),
    ("DELETE", "/[type]", "delete"),
    ("GET", "/[type]/_history", "history-type"),
    ("GET", "/[type]/[id]", "read"),
    ("PUT", "/[type]/[id]", "update"),
    ("PATCH", "/[type]/[id]", "patch"),
    ("DELETE", "/[type]/[id]", "delete"),
    ("GET", "/[type]/[id]/_history", "history-instance"),
    ("GET", "/[type]/[id]/_history/[vid]", "vread"),
    ("GET", "/[type]/[id]/[type]", "search-compartment"),
    ("POST", "/[type]/[id]/[type]/_search", "search-compartment"),
    ("GET", "/[type]/[id]/*", "search-compartment"),
    ("GET", "/$[name]", "operation"),
    ("POST", "/$[name]", "operation"),
    ("GET", "/[type]/$[name]", "operation"),
    ("POST", "/[type]/$[name]", "operation"),
    ("GET", "/[type]/[id]/$[name]", "operation"),
    ("POST", "/[type]/[id]/$[name]", "operation"),
)
"""What the server answers, as shown by `mockehr routes`; the CapabilityStatement derives from it too.

A POST to the base is a `batch` when its Bundle says so. A compartment search has the owner's type in `version`.
"""

_BY_SHAPE: Final = {(method, shape): name for method, shape, name in ROUTES}
_BATCH: Final = re.compile(rb'"type"\s*:\s*"(batch|transaction)"|<type\s+value\s*=\s*["\'](batch|transaction)["\']')


def names_batch(body: bytes) -> bool:
    """Whether the Bundle in a body calls itself a batch: a look, so that the request is named before it is read."""
    found = _BATCH.search(body)
    return found is not None and b"batch" in (found.group(1), found.group(2))


def name_interaction(method: str, path: str) -> Interaction | Problem:
    """What a request asks for. HEAD is answered as GET. The path is relative to the FHIR base.

    A path that no route fits, or a method that its route does not have, gives a Problem.
    """
    method = "GET" if method == "HEAD" else method
    parts = path.strip("/").split("/")
    shape, asked = _shape(parts)
    if not shape:
        kind = parts[0] if parts[0][:1].isupper() else ""
        problem = "interaction-unknown" if kind else "type-unknown"
        return Problem(404, problem, f"{path} is no FHIR path", resource_type=parts[0])  # type: ignore[arg-type]
    if method == "OPTIONS":
        return Interaction("options", version=allowed(shape))
    name = _BY_SHAPE.get((method, shape))
    if name is None:
        text = f"{method} {path} is not offered; {shape} has {allowed(shape)}"
        return Problem(405, "interaction-unknown", text, resource_type=asked.resource_type, where=allowed(shape))
    return Interaction(asked.name or name, asked.resource_type, asked.id, asked.version)


def allowed(shape: str) -> str:
    """The methods of a path shape, as the `Allow` header lists them."""
    return ", ".join(dict.fromkeys(method for method, its, _ in ROUTES if its == shape))


def _shape(parts: list[str]) -> tuple[str, Interaction]:
    """The path shape, and what it says of the interaction; no shape if none fits."""
    first, *rest = parts
    if not rest:
        if first in ("", "metadata", "_history", "_search"):
            return f"/{first}", Interaction("")
        if first.startswith("$"):
            return "/$[name]", Interaction(first)
    if not first[:1].isupper():
        return "", Interaction("")
    return _below_type(first, rest)


def _below_type(kind: str, rest: list[str]) -> tuple[str, Interaction]:
    match rest:
        case []:
            return "/[type]", Interaction("", kind)
        case ["_search" | "_history" as word]:
            return f"/[type]/{word}", Interaction("", kind)
        case [word] if word.startswith("$"):
            return "/[type]/$[name]", Interaction(word, kind)
        case [id]:
            return "/[type]/[id]", Interaction("", kind, id)
        case [id, "_history"]:
            return "/[type]/[id]/_history", Interaction("", kind, id)
        case [id, "_history", version]:
            return "/[type]/[id]/_history/[vid]", Interaction("", kind, id, version)
        case [id, word] if word.startswith("$"):
            return "/[type]/[id]/$[name]", Interaction(word, kind, id)
        case [id, "*"]:
            return "/[type]/[id]/*", Interaction("", "*", id, kind)
        case [id, other] if other[:1].isupper():
            return "/[type]/[id]/[type]", Interaction("", other, id, kind)
        case [id, other, "_search"] if other[:1].isupper():
            return "/[type]/[id]/[type]/_search", Interaction("", other, id, kind)
    return "", Interaction("")
