"""The route table: method and path of a FHIR request → its interaction (FHIR R4 http.html#summary)."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import Interaction
from mockehr.core.problem import Problem

ROUTES: Final = (
    # method, path shape, interaction
    ("GET", "/metadata", "capabilities"),
    ("GET", "/[type]", "search"),
    ("POST", "/[type]/_search", "search"),
    ("POST", "/[type]", "create"),
    ("GET", "/[type]/[id]", "read"),
    ("PUT", "/[type]/[id]", "update"),
    ("DELETE", "/[type]/[id]", "delete"),
    ("GET", "/[type]/[id]/_history/[vid]", "vread"),
    ("GET", "/[type]/[id]/_history", "history-instance"),
    ("GET", "/[type]/_history", "history-type"),
    ("GET", "/_history", "history-system"),
)
"""What the server answers, as shown by `mockehr routes`; the CapabilityStatement derives from it too."""

_BY_SHAPE: Final = {(method, shape): name for method, shape, name in ROUTES}


def name_interaction(method: str, path: str) -> Interaction | Problem:
    """What a request asks for. HEAD is answered as GET. The path is relative to the FHIR base.

    A path that no route fits, or a method that its route does not have, gives a Problem.
    """
    if method == "HEAD":
        method = "GET"
    parts = path.strip("/").split("/")
    if parts == ["metadata"]:
        return _named(method, "/metadata", path, Interaction("capabilities"))
    if parts == ["_history"]:
        return _named(method, "/_history", path, Interaction("history-system"))
    count = len(parts)
    kind = parts[0]
    if not kind[:1].isupper():
        return Problem(404, "type-unknown", f"{path} is no FHIR path", resource_type=kind)
    if count == 1:
        return _named(method, "/[type]", path, Interaction("", kind))
    if count == 2 and parts[1] == "_search":
        return _named(method, "/[type]/_search", path, Interaction("", kind))
    if count == 2 and parts[1] == "_history":
        return _named(method, "/[type]/_history", path, Interaction("", kind))
    if count == 3 and parts[2] == "_history":
        return _named(method, "/[type]/[id]/_history", path, Interaction("", kind, parts[1]))
    if count == 2:
        return _named(method, "/[type]/[id]", path, Interaction("", kind, parts[1]))
    if count == 4 and parts[2] == "_history":
        return _named(method, "/[type]/[id]/_history/[vid]", path, Interaction("", kind, parts[1], parts[3]))
    return Problem(404, "interaction-unknown", f"{path} is no known FHIR path", resource_type=kind)


def _named(method: str, shape: str, path: str, asked: Interaction) -> Interaction | Problem:
    name = _BY_SHAPE.get((method, shape))
    if name is None:
        allowed = ", ".join(m for m, s, _ in ROUTES if s == shape)
        text = f"{method} {path} is not offered; {shape} has {allowed}"
        return Problem(405, "interaction-unknown", text, resource_type=asked.resource_type, where=allowed)
    return Interaction(name, asked.resource_type, asked.id, asked.version)
