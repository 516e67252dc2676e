"""`ChargeItem/$create`, `$credit` and `$modify` (Oracle Health): charges are written by operations alone.

A credit is a new ChargeItem that offsets one; a modification credits one and makes another in its place.
"""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.writes import Body, Written, admitted, check, commit, outside

KIND: Final = "ChargeItem"
_OWN: Final = "https://fhir-ehr.cerner.com/r4/StructureDefinition/"


def create_charge(server: FhirServer, exchange: Exchange, given: Input) -> Written | Problem:
    """A new charge, from a ChargeItem as the body or as the parameter `chargeItem`."""
    return _made(server, exchange, _told(given))


def credit_charge(server: FhirServer, exchange: Exchange, given: Input) -> Written | Problem:
    """What offsets a charge."""
    with server.store.transaction():
        debit = _charge(server, exchange)
        return debit if isinstance(debit, Problem) else _made(server, exchange, _offset(debit))


def modify_charge(server: FhirServer, exchange: Exchange, given: Input) -> Written | Problem:
    """The charge that stands in the place of another, which is offset."""
    with server.store.transaction():
        debit = _charge(server, exchange)
        if isinstance(debit, Problem):
            return debit
        change = {name: value for name, value in _told(given).items() if name not in ("id", "meta")}
        extensions = [*change.get("extension", ()), _link("replacing", debit)]
        made = _made(server, exchange, {**_plain(debit), **change, "extension": extensions})
        if isinstance(made, Problem):
            return made
        credit = _made(server, exchange, _offset(debit))
        return credit if isinstance(credit, Problem) else made


def _told(given: Input) -> JSON:
    return given.resource or given.object("chargeItem") or given.object("resource") or {}


def _charge(server: FhirServer, exchange: Exchange) -> Record | Problem:
    asked = exchange.interaction
    assert asked is not None
    found = server.store.read(KIND, asked.id)
    if found is None or found.deleted:
        return not_found(KIND, asked.id)
    return outside(server, exchange, "update", found) or found


def _plain(record: Record) -> JSON:
    return {name: value for name, value in record.document.items() if name not in ("id", "meta", "text", "extension")}


def _link(name: str, record: Record) -> JSON:
    return {"url": _OWN + name, "valueReference": {"reference": record.key}}


def _offset(debit: Record) -> JSON:
    made = {**_plain(debit), "extension": [_link("offset-by", debit)]}
    quantity: Any = made.get("quantity")
    if isinstance(quantity, dict) and isinstance(quantity.get("value"), (int, float)):
        made["quantity"] = {**quantity, "value": -quantity["value"]}
    return made


def _made(server: FhirServer, exchange: Exchange, document: JSON) -> Written | Problem:
    with server.store.transaction():
        wrong = check(server, document, KIND)
        if wrong is not None:
            return wrong
        id = server.new_id(KIND)
        refusal = outside(server, exchange, "create", None, document, id)
        body = refusal or admitted(server, exchange, Body(document, b""), None)
        return body if isinstance(body, Problem) else commit(server, exchange, body, id, None)


def _operation(name: str, run: Any, level: Any) -> Operation:
    definition = f"https://fhir-ehr.cerner.com/r4/OperationDefinition/charge-item-{name}"
    return Operation(
        name,
        definition,
        run,
        frozenset({level}),
        frozenset({KIND}),
        affects_state=True,
        action="create",
        proprietary=True,
    )


CREATE: Final = _operation("create", create_charge, "type")
CREDIT: Final = _operation("credit", credit_charge, "instance")
MODIFY: Final = _operation("modify", modify_charge, "instance")
