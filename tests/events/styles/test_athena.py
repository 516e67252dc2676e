"""Subscriptions as athenahealth reads them."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.events.style import Fault, Offer, Terms, styles

BASE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
TOPICS = "https://api.platform.athenahealth.com/fhir/r4/SubscriptionTopic/"
OFFER = Offer(frozenset({"Patient"}), {"athena": {"practice": "195900"}})


def subscription(
    topic: str = "Patient.update", practice: str = "195900", content: str = "id-only", **channel: Any
) -> dict[str, Any]:
    wanted = f"ah-practice=Organization/a-1.Practice-{practice}"
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "criteria": TOPICS + topic,
        "_criteria": {"extension": [{"url": BASE + "backport-filter-criteria", "valueString": wanted}]},
        "channel": {
            "type": "rest-hook",
            "endpoint": "https://app.example.org/hook",
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": BASE + "backport-payload-content", "valueCode": content}]},
        }
        | channel,
    }


def read(document: dict[str, Any], **headers: str) -> Terms | tuple[Fault, ...]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return styles().get("athena").read(document, sent, OFFER)


def test_the_secret_comes_in_a_header_and_signs_as_a_hub_does() -> None:
    terms = read(subscription(), x_hub_secret="s3cret")
    assert isinstance(terms, Terms)
    assert (terms.secret, terms.signing, terms.form, terms.payload) == ("s3cret", "hub", "athena", "id-only")
    assert [topic.name for topic in terms.topics] == ["Patient.update"]
    assert not terms.handshake


def test_without_a_secret_nothing_is_signed() -> None:
    terms = read(subscription())
    assert isinstance(terms, Terms)
    assert terms.secret == ""


@pytest.mark.parametrize(
    ("document", "element", "text"),
    [
        (subscription("Patient.updated"), "Subscription.criteria", "nearest: Patient.update"),
        (subscription(practice="1"), "Subscription.criteria.extension[0]", "is another practice"),
        (subscription(content="full-resource"), "Subscription.channel.payload", "the content is id-only"),
        (subscription(endpoint="ftp://x"), "Subscription.channel.endpoint", "endpoints begin with"),
        (subscription(type="email"), "Subscription.channel.type", "is not offered"),
    ],
)
def test_what_the_platform_does_not_offer_is_refused(document: dict[str, Any], element: str, text: str) -> None:
    (fault,) = read(document)  # type: ignore[misc]
    assert (fault.element, text in fault.text) == (element, True)


def test_only_topics_of_the_platform_are_of_this_style() -> None:
    fits = styles().get("athena").fits
    assert fits(subscription())
    assert fits(subscription("Nonsense"))
    assert not fits({"criteria": "https://example.org/SubscriptionTopic/Patient.update"})
    assert not fits({"criteria": "Patient?active=true"})
