"""`Subscription/$get-ws-binding-token` (Subscriptions R5 Backport IG 1.1.0, "Channels", websockets)."""

from __future__ import annotations

from typing import Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.parameters import check
from mockehr.fhir.operations.subscription_status import subscription_at, words
from mockehr.fhir.server import FhirServer
from mockehr.fhir.subscribing import subscriptions_of

_SPEC: Final = {"id": "text*"}


def binding(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """A token for the Subscription, for those that are named, or for all of the client's that are told so."""
    asked, desk = exchange.interaction, server.subscriptions
    assert asked is not None
    if desk is None:
        return Problem(404, "operation-unknown", "nobody is told of anything here", value="$get-ws-binding-token")
    wrong = check(given, _SPEC)
    if wrong is not None:
        return wrong
    if asked.id:
        found = subscription_at(server, exchange)
        if isinstance(found, Problem):
            return found
        ids, named = [found.id], True
    else:
        wanted = words(given.all("id"))
        part = server.part(exchange, "Subscription", "read")
        listed = subscriptions_of(list(server.store.overlay("Subscription")), wanted, frozenset())
        ids, named = [one.id for one in listed if part is None or part.covers(one)], bool(wanted)
        missing = sorted(wanted - set(ids))
        if missing:
            return not_found("Subscription", missing[0])
    refusals = {id: desk.withheld(id, exchange) for id in ids}
    refused = next((one for one in refusals.values() if one is not None), None)
    if named and refused is not None:
        return refused
    ids = [id for id in ids if refusals[id] is None]
    heard = [id for id in ids if desk.by_websocket(id)]
    if not heard or (named and len(heard) < len(ids)):
        other = next((id for id in ids if id not in heard), "") if named else ""
        text = f"Subscription/{other} is not told by websocket" if other else "no Subscription is told by websocket"
        return Problem(422, "parameter-invalid", text, parameter="id", value=other)
    made = desk.binding(heard, exchange.base_url)
    told: list[JSON] = [
        {"name": "token", "valueString": made.token},
        {"name": "expiration", "valueDateTime": instant(made.until)},
        *({"name": "subscription", "valueString": f"Subscription/{id}"} for id in heard),
        {"name": "websocket-url", "valueUrl": made.url},
    ]
    return {"resourceType": "Parameters", "parameter": told}


BINDING: Final = Operation(
    "get-ws-binding-token",
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-get-ws-binding-token",
    binding,
    frozenset({"type", "instance"}),
    frozenset({"Subscription"}),
)
