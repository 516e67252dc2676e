"""Subscriptions as Health Gorilla reads them."""

from __future__ import annotations

from typing import Any

from mockehr.events.style import Offer, Terms, styles

OFFER = Offer(frozenset({"Patient"}))


def subscription(criteria: str = "Patient?active=true", **channel: Any) -> dict[str, Any]:
    told = {"type": "rest-hook", "endpoint": "https://app.example.org/hook"} | channel
    return {"resourceType": "Subscription", "status": "requested", "criteria": criteria, "channel": told}


def test_the_whole_resource_is_posted_whether_a_payload_is_asked_for_or_not() -> None:
    for channel in ({}, {"payload": "application/fhir+json"}):
        terms = styles().get("health-gorilla").read(subscription(**channel), {}, OFFER)
        assert isinstance(terms, Terms)
        assert (terms.form, terms.payload, terms.resources) == ("health-gorilla", "full", ("Patient",))
        assert terms.filters == (("Patient", "active=true"),)


def test_what_r4_refuses_is_refused() -> None:
    (fault,) = styles().get("health-gorilla").read(subscription("Person?active=true"), {}, OFFER)  # type: ignore[misc]
    assert fault.element == "Subscription.criteria"
