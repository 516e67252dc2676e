"""Subscriptions of R4 read into terms."""

from __future__ import annotations

from tests.sites.subscribing import plain

from mockehr.events.style import Fault, Offer, Terms, styles

OFFER = Offer(frozenset({"Observation"}))


def read(**channel: object) -> Terms | tuple[Fault, ...]:
    return styles().get("r4").read(plain("Observation?code=a,b", **channel), {}, OFFER)


def test_criteria_become_a_type_and_a_filter() -> None:
    terms = read()
    assert isinstance(terms, Terms)
    assert (terms.resources, terms.kinds) == (("Observation",), ("create", "update"))
    assert terms.filters == (("Observation", "code=a,b"),)
    assert (terms.form, terms.payload, terms.handshake) == ("r4", "empty", False)


def test_a_payload_means_the_whole_resource() -> None:
    terms = read(payload="application/fhir+xml", header=["Authorization: Bearer x", "X-Site:  a "])
    assert isinstance(terms, Terms)
    assert (terms.payload, terms.media) == ("full", "application/fhir+xml")
    assert terms.headers == (("authorization", "Bearer x"), ("x-site", "a"))


def test_a_websocket_is_told_by_a_ping_and_wants_no_endpoint() -> None:
    document = plain("Observation")
    document["channel"] = {"type": "websocket", "payload": "application/fhir+json"}
    terms = styles().get("r4").read(document, {}, OFFER)
    assert isinstance(terms, Terms)
    assert (terms.form, terms.payload, terms.channel) == ("ping", "empty", "websocket")


def test_what_the_sites_search_says_of_criteria_is_the_fault() -> None:
    offer = Offer(frozenset({"Observation"}), fault_of=lambda kind, query: f"{kind} cannot {query}")
    found = styles().get("r4").read(plain("Observation?code=a"), {}, offer)
    assert found == (Fault("Observation cannot code=a", "Subscription.criteria"),)


def test_a_site_that_sends_no_resources_refuses_a_payload() -> None:
    offer = Offer(frozenset({"Observation"}), {"payloads": ["empty"]})
    found = styles().get("r4").read(plain("Observation", payload="application/fhir+json"), {}, offer)
    assert isinstance(found, tuple)
    assert [one.element for one in found] == ["Subscription.channel.payload"]


def test_all_that_is_wrong_is_told_at_once_channel_and_criteria() -> None:
    document = plain("Obsrvation?code=a")
    document["channel"] = {"type": "sms", "endpoint": "tel:5550100"}
    found = styles().get("r4").read(document, {}, OFFER)
    assert isinstance(found, tuple)
    assert [one.element for one in found] == ["Subscription.criteria", "Subscription.channel.type"]
    assert "nearest: Observation" in found[0].text
    assert "sms is not offered" in found[1].text
