"""`$meta`, `$meta-add` and `$meta-delete` (FHIR R4 resource-operations.html#meta): profiles, tags and labels."""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.lossless import encode
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.parameters import as_list
from mockehr.fhir.part import withheld
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.validate import check_structure
from mockehr.fhir.writes import Body, commit, outside

LISTS: Final = ("profile", "security", "tag")
_DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/Resource-"


def meta(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """The meta of one resource; of a type or of the server, all that was written there is marked with."""
    asked = exchange.interaction
    assert asked is not None
    if asked.id:
        found = _current(server, exchange)
        return found if isinstance(found, Problem) else _answer(_meta_of(found))
    gathered: dict[str, list[Any]] = {}
    for record in server.store.written():
        if not record.deleted and asked.resource_type in ("", record.resource_type):
            _merge(gathered, _meta_of(record))
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
    fault = _fault(wanted, server.fhir_version)
    if fault is not None:
        return fault
    with server.store.transaction():
        found = _current(server, exchange)
        refusal = found if isinstance(found, Problem) else outside(server, exchange, "update", found)
        if refusal is not None:
            return refusal
        assert isinstance(found, Record)
        made = {key: as_list(value).copy() if key in LISTS else value for key, value in _meta_of(found).items()}
        change(made, wanted)
        # The content is the same, yet the version goes up with what is said about it, as with most servers.
        body = Body({**found.document, "meta": made}, b"")
        return _answer(_meta_of(commit(server, exchange, body, found.id, found).record))


def _meta_of(record: Record) -> JSON:
    meta = record.document.get("meta")
    return meta if isinstance(meta, dict) else {}


def _current(server: FhirServer, exchange: Exchange) -> Record | Problem:
    asked = exchange.interaction
    assert asked is not None
    found = server.store.read(asked.resource_type, asked.id)
    if found is None or found.deleted:
        return not_found(asked.resource_type, asked.id)
    return withheld(server.part(exchange, asked.resource_type, "read"), found, "read") or found


def _merge(into: dict[str, list[Any]], other: JSON) -> None:
    for name in LISTS:
        held = {_key(one) for one in into.get(name, ())}
        for item in as_list(other.get(name)):
            if _key(item) not in held:
                held.add(_key(item))
                into.setdefault(name, []).append(item)


def _subtract(of: dict[str, list[Any]], other: JSON) -> None:
    for name in LISTS:
        gone = {_key(one) for one in as_list(other.get(name))}
        kept = [held for held in of.pop(name, ()) if _key(held) not in gone]
        if kept:
            of[name] = kept


def _key(one: Any) -> bytes:
    """What makes it the same as another: codings are by system and code, whatever they display."""
    return encode([one.get("system"), one.get("code")] if isinstance(one, dict) else one)


def _fault(meta: JSON, version: str) -> Problem | None:
    """What is wrong with a meta that a client sent (422), or nothing."""
    bearer = {"resourceType": "Basic", "code": {"text": "any"}, "meta": meta}
    issue = next((one for one in check_structure(bearer, version) if one.fails), None)
    if issue is None or not meta:
        return None
    where = issue.expression.removeprefix("Basic.")
    return Problem(422, "body-invalid", f"{where}: {issue.text}", parameter="meta", expression=(where,))


def _answer(found: JSON) -> JSON:
    return {"resourceType": "Parameters", "parameter": [{"name": "return", "valueMeta": found}]}


META: Final = Operation("meta", _DEFINITION + "meta", meta, frozenset({"system", "type", "instance"}))
META_ADD: Final = Operation(
    "meta-add", _DEFINITION + "meta-add", add, frozenset({"instance"}), affects_state=True, action="update"
)
META_DELETE: Final = Operation(
    "meta-delete", _DEFINITION + "meta-delete", remove, frozenset({"instance"}), affects_state=True, action="update"
)
