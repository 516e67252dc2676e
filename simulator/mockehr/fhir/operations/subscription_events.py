"""`Subscription/[id]/$events` (Subscriptions R5 Backport IG 1.1.0, operation backport-subscription-events)."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.parameters import check
from mockehr.fhir.operations.subscription_status import subscription_at
from mockehr.fhir.server import FhirServer

_SPEC: Final = {"eventsSinceNumber": "count", "eventsUntilNumber": "count", "content": "text"}
_LEVELS: Final = ("empty", "id-only", "full-resource")


def events(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """A notification Bundle with the events from one number to another, both included."""
    desk = server.subscriptions
    if desk is None:
        return Problem(404, "operation-unknown", "nobody is told of anything here", value="$events")
    wrong = check(given, _SPEC)
    if wrong is not None:
        return wrong
    first = int(given.text("eventsSinceNumber", "1"))
    last = int(given.text("eventsUntilNumber")) if given.all("eventsUntilNumber") else None
    content = given.text("content")
    if content and content not in _LEVELS:
        text = f"content is one of {', '.join(_LEVELS)}, not {content[:40]!r}"
        return Problem(400, "parameter-invalid", text, parameter="content", value=content[:40])
    if last is not None and last < first:
        text = f"eventsUntilNumber is {last}, and eventsSinceNumber is {first}"
        return Problem(400, "parameter-conflict", text, parameter="eventsUntilNumber", value=str(last))
    found = subscription_at(server, exchange)
    if isinstance(found, Problem):
        return found
    return desk.withheld(found.id, exchange) or desk.events_bundle(found.id, first, last, content)


EVENTS: Final = Operation(
    "events",
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-events",
    events,
    frozenset({"instance"}),
    frozenset({"Subscription"}),
)
