"""`$meta`, `$meta-add` and `$meta-delete` (FHIR R4 resource-operations.html#meta): profiles, tags and labels."""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.writes import Body, commit

LISTS: Final = ("profile", "security", "tag")
_DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/Resource-"


def meta(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """The meta of one resource; of a type or of the server, all that was written there is marked with."""
    asked = exchange.interaction
    assert asked is not None
    if asked.id:
        found = _current(server, exchange)
        return found if isinstance(found, Problem) else _answer(found.document.get("meta", {}))
    gathered: dict[str, list[Any]] = {}
    for record in server.store.written():
        if not record.deleted and asked.resource_type in ("", record.resource_type):
            _merge(gathered, record.document.get("meta", {}))
    return _answer(gathered)


def add(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """Add profiles, tags and labels; those that are there stay as they are."""
    return _change(server, exchange, given, _merge)


def remove(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """Take profiles, tags and labels away; those that are not there do not matter."""
    return _change(server, exchange, given, _subtract)


def _change(server: FhirServer, exchange: Exchange, given: Input, change: Any) -> JSON | Problem:
    wanted = given.object("meta")
    if wanted is None:
        return Problem(400, "body-invalid", "the parameter meta (valueMeta) is missing", parameter="meta")
    with server.store.transaction():
        found = _current(server, exchange)
        if isinstance(found, Problem):
            return found
        made = {key: list(value) if key in LISTS else value for key, value in found.document.get("meta", {}).items()}
        change(made, wanted)
        # The content is the same, yet the version goes up with what is said about it, as with most servers.
        body = Body({**found.document, "meta": made}, b"")
        return _answer(commit(server, exchange, body, found.id, found).record.document.get("meta", {}))


def _current(server: FhirServer, exchange: Exchange) -> Record | Problem:
    asked = exchange.interaction
    assert asked is not None
    found = server.store.read(asked.resource_type, asked.id)
    return not_found(asked.resource_type, asked.id) if found is None or found.deleted else found


def _merge(into: dict[str, list[Any]], other: JSON) -> None:
    for name in LISTS:
        for item in other.get(name, ()):
            if not any(_same(item, held) for held in into.get(name, ())):
                into.setdefault(name, []).append(item)


def _subtract(of: dict[str, list[Any]], other: JSON) -> None:
    for name in LISTS:
        kept = [held for held in of.get(name, ()) if not any(_same(held, item) for item in other.get(name, ()))]
        of.pop(name, None)
        if kept:
            of[name] = kept


def _same(one: Any, other: Any) -> bool:
    """Codings are the same by system and code, whatever they display."""
    if isinstance(one, dict) and isinstance(other, dict):
        return bool(one.get("system") == other.get("system") and one.get("code") == other.get("code"))
    return bool(one == other)


def _answer(found: JSON) -> JSON:
    return {"resourceType": "Parameters", "parameter": [{"name": "return", "valueMeta": found}]}


META: Final = Operation("meta", _DEFINITION + "meta", meta, frozenset({"system", "type", "instance"}))
META_ADD: Final = Operation(
    "meta-add", _DEFINITION + "meta-add", add, frozenset({"instance"}), affects_state=True, action="update"
)
META_DELETE: Final = Operation(
    "meta-delete", _DEFINITION + "meta-delete", remove, frozenset({"instance"}), affects_state=True, action="update"
)
