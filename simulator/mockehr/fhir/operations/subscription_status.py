"""`Subscription/$status` (Subscriptions R5 Backport IG 1.1.0, OperationDefinition backport-subscription-status)."""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.parameters import check
from mockehr.fhir.part import withheld
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.subscribing import subscriptions_of

_SPEC: Final = {"id": "text*", "status": "text*"}


def status(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """A searchset with the status of the Subscription, or of all that have one of the ids and one of the statuses."""
    asked = exchange.interaction
    assert asked is not None
    desk = server.subscriptions
    if desk is None:
        return Problem(404, "operation-unknown", "nobody is told of anything here", value="$status")
    wrong = check(given, _SPEC)
    if wrong is not None:
        return wrong
    if asked.id:
        found = subscription_at(server, exchange)
        if isinstance(found, Problem):
            return found
        records = [found]
    else:
        # the parameters may come joined with commas, as those of searches do
        ids, statuses = (words(given.all(name)) for name in ("id", "status"))
        part = server.part(exchange, "Subscription", "read")
        listed = subscriptions_of(list(server.store.overlay("Subscription")), ids, statuses)
        records = [record for record in listed if part is None or part.covers(record)]
    told = [desk.status_document(record.id) for record in records]
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one, "search": {"mode": "match"}} for one in told]
    bundle: JSON = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {})


def subscription_at(server: FhirServer, exchange: Exchange) -> Record | Problem:
    """The Subscription that the address names; a Problem if it is not there, or not for the client."""
    asked = exchange.interaction
    assert asked is not None
    found = server.store.read("Subscription", asked.id)
    if found is None:
        return not_found("Subscription", asked.id)
    if found.deleted:
        return Problem(410, "gone", f"{found.key} was deleted", resource_type="Subscription", value=asked.id)
    return withheld(server.part(exchange, "Subscription", "read"), found, "read") or found


def words(values: list[Any]) -> frozenset[str]:
    """The words of a parameter that may come several times, or once with commas."""
    return frozenset(word.strip() for value in values for word in str(value).split(",") if word.strip())


STATUS: Final = Operation(
    "status",
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status",
    status,
    frozenset({"type", "instance"}),
    frozenset({"Subscription"}),
)
