"""What a client may write of Subscriptions over FHIR, and as what it is stored.

What cannot be honoured is refused at the write (FHIR R4 subscription.html#2.42.5; Subscriptions R5 Backport IG 1.1.0,
"Conformance": unsupported topics, filters, channels and contents SHALL be refused). A client asks by the status
`requested` or `off`; `active` means `requested` where the style allows it, or leaves an active one active.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.events.style import Fault, Terms
from mockehr.fhir.record import Record
from mockehr.sites.subscriber import kept_in, kept_with, refusal_of, subscriber_of
from mockehr.sites.subscription_terms import offered_styles, read_terms, settings_of

if TYPE_CHECKING:
    from mockehr.sites.site import Site

KIND: Final = "Subscription"
OVER: Final = frozenset({"off", "entered-in-error"})
_LASTING: Final = ("criteria", "_criteria", "channel", "end")
"""What a Subscription that goes on as it is keeps unchanged."""


def admit(site: Site, exchange: Exchange, document: JSON, current: Record | None) -> JSON | Problem:
    """A resource that a client writes over `current` as it is to be stored, or why it cannot be honoured."""
    if document.get("resourceType") != KIND or not offered_styles(site):
        return document
    before = current.document if current is not None and not current.deleted else {}
    style, terms = read_terms(site, document, exchange.headers)
    if not isinstance(terms, Terms):
        return problem_of(terms)
    status = str(document.get("status", ""))
    stored = _status(status, before, document, activates=style is not None and style.activates)
    if not stored:
        return problem_of((_no_status(status),))
    subscriber = subscriber_of(exchange, terms.secret)
    refusal = refusal_of(subscriber, terms.resources or tuple(topic.resource for topic in terms.topics))
    if refusal is not None:
        return refusal
    if stored not in OVER and (not before or before.get("status") in OVER):
        crowded = _crowded(site)
        if crowded is not None:
            return crowded
    if not subscriber.secret and before and kept_in(before).client == subscriber.client:
        subscriber = replace(subscriber, secret=kept_in(before).secret)
    made = document if status == stored else {**document, "status": stored}
    if stored == "requested" and "error" in made:
        made = {name: value for name, value in made.items() if name != "error"}
    return kept_with(made, subscriber)


def problem_of(faults: Sequence[Fault]) -> Problem:
    """The refusal of a Subscription that cannot be honoured."""
    text = "; ".join(f"{fault.element}: {fault.text}" for fault in faults)
    where = tuple(dict.fromkeys(fault.element for fault in faults))
    return Problem(faults[0].status, "body-invalid", text, resource_type=KIND, expression=where)


def _status(status: str, before: JSON, document: JSON, *, activates: bool) -> str:
    """The status that is stored where a client writes `status`; empty for one that it cannot write."""
    if status in ("requested", *OVER):
        return status
    if status and status == before.get("status"):
        goes_on = all(document.get(name) == before.get(name) for name in _LASTING)
        return status if goes_on else "requested" if activates and status == "active" else ""
    return "requested" if status == "active" and activates else ""


def _no_status(status: str) -> Fault:
    text = f"a client asks for `requested` or `off`; only the server makes a Subscription {status[:20] or 'anything'}"
    return Fault(text, "Subscription.status")


def _crowded(site: Site) -> Problem | None:
    limit = int(settings_of(site)["limit"])
    if not limit:
        return None
    listed = site.store.overlay(KIND)
    count = sum(1 for record in listed if not record.deleted and record.document.get("status") not in OVER)
    if count < limit:
        return None
    text = f"there are {count} Subscriptions, and {limit} are allowed; delete one or switch it off"
    return Problem(422, "conflict", text, resource_type=KIND)
