"""Topic-based Subscriptions read into terms."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sites.subscribing import ADMISSION, BASE, topical

from mockehr.events import topics
from mockehr.events.style import Fault, Offer, Terms, styles

OFFER = Offer(frozenset({"Encounter"}), topics=tuple(topic for _, topic in topics().items()))


def read(document: dict[str, Any], offer: Offer = OFFER) -> Terms | tuple[Fault, ...]:
    return styles().get("backport").read(document, {}, offer)


def test_extensions_become_terms() -> None:
    filters = ("Encounter?patient=Patient/123", "Patient?id=Patient/123")
    terms = read(topical(ADMISSION, "full-resource", *filters, heartbeat=60, timeout=30, max_count=5))
    assert isinstance(terms, Terms)
    assert [topic.name for topic in terms.topics] == ["admission"]
    assert terms.filters == (("Encounter", "patient=Patient/123"), ("Patient", "_id=123"))
    assert (terms.payload, terms.heartbeat, terms.timeout, terms.most) == ("full", 60.0, 30.0, 5)
    assert (terms.form, terms.handshake) == ("backport", True)


def test_without_extensions_there_is_no_heartbeat_and_one_event_at_a_time() -> None:
    terms = read(topical())
    assert isinstance(terms, Terms)
    assert (terms.heartbeat, terms.timeout, terms.most, terms.filters) == (0.0, 0.0, 1, ())


def test_a_filter_may_leave_out_the_type_and_a_topic_may_be_asked_for_with_a_version() -> None:
    terms = read(topical(f"{ADMISSION}|1.0", "empty", "patient=Patient/1&class:not=EMER"))
    assert isinstance(terms, Terms)
    assert terms.filters == (("Encounter", "patient=Patient/1&class:not=EMER"),)


@pytest.mark.parametrize(
    ("criteria", "near"),
    [
        ("http://hl7.org/SubscriptionTopic/admision", ADMISSION),
        ("http://hospital.example.org/topics/transfer", "/transfer"),
        ("http://argonautproject.org/encounters-ig/SubscriptionTopic/encounter-stat", "encounters-ig/"),
    ],
)
def test_an_unknown_topic_names_the_nearest_one(criteria: str, near: str) -> None:
    found = read(topical(criteria))
    assert isinstance(found, tuple)
    assert near in found[0].text.partition("nearest: ")[2]


def test_topics_that_are_not_offered_are_unknown() -> None:
    offer = Offer(frozenset({"Encounter"}), topics=(topics().get("discharge"),))
    assert isinstance(read(topical(), offer), tuple)


@pytest.mark.parametrize("value", ["60", -1, True, 1.5])
def test_numbers_have_to_be_numbers(value: Any) -> None:
    document = topical()
    document["channel"]["extension"] = [{"url": BASE + "heartbeat-period", "valueUnsignedInt": value}]
    found = read(document)
    assert isinstance(found, tuple)
    assert "backport-heartbeat-period" in found[0].text


def test_a_filter_is_what_the_sites_search_understands() -> None:
    offer = Offer(frozenset({"Encounter"}), fault_of=lambda kind, query: f"{query}?", topics=OFFER.topics)
    found = read(topical(ADMISSION, "empty", "Encounter?patient=x"), offer)
    assert isinstance(found, tuple)
    assert (found[0].text, found[0].element) == ("patient=x?", "Subscription.criteria.extension[0]")


@pytest.mark.parametrize(("seconds", "good"), [(600, True), (601, False), (2**31 - 1, False)])
def test_an_endpoint_may_not_keep_the_place_of_others_for_ever(seconds: int, good: bool) -> None:
    found = read(topical(timeout=seconds))
    assert isinstance(found, Terms) is good
    if not isinstance(found, Terms):
        assert "from 0 to 600" in found[0].text


@pytest.mark.parametrize(
    ("query", "said"), [("Encounter?patiant=x", "nearest: patient"), ("Encounter?zzzzzzzz=x", "there are ")]
)
def test_a_filter_that_the_topic_has_not_is_refused_with_those_that_it_has(query: str, said: str) -> None:
    found = read(topical(ADMISSION, "empty", query))
    assert isinstance(found, tuple)
    assert said in found[0].text


def test_a_payload_that_is_not_offered_is_refused_with_the_nearest() -> None:
    offer = Offer(frozenset({"Encounter"}), {"payloads": ["id-only", "everything"]}, topics=OFFER.topics)
    found = read(topical(ADMISSION, "id-onl"), offer)
    assert isinstance(found, tuple)
    assert "nearest: id-only" in found[0].text
    other = read(topical(ADMISSION, "full-resource"), offer)
    assert isinstance(other, tuple)
    assert "everything" not in other[0].text
