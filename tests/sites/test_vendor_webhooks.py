"""Webhooks in vendors' forms as a site's file sets them up, told in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockehr.config.settings import WebhookConfig
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.events import Delivery
from mockehr.events.policy import PRESETS
from mockehr.journal import entry
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.sections import hook_from
from mockehr.sites.site import Site

URL = "http://app.example.org/hook"
TYPES = ("Patient", "Observation")


def told_by(site: Site, *documents: dict[str, Any], **config: Any) -> list[Delivery]:
    """What is ready to be sent after those were created, where the webhook is set up like that."""
    site.outbox.add(hook_from(WebhookConfig(url=URL, **config), "app", site.fhir.types))
    for document in documents:
        create(site, document)
    return site.outbox.ready


def create(site: Site, document: dict[str, Any]) -> Exchange:
    body, media = json.dumps(document).encode(), {"content-type": "application/fhir+json"}
    path = f"/{document['resourceType']}"
    sent = site.handle(Exchange("fhir", "POST", path, "", media, body, base_url="http://a.example.org/fhir/R4"))
    assert sent.reply is not None
    return sent


def a_site(**events: Any) -> Site:
    return build_site(SiteOptions("a", stepped=True, open_access=True, settings={"events": events}))


def test_only_what_the_form_has_words_for_is_told() -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    documents = ({"resourceType": "Patient"}, observation)
    assert len(told_by(a_site(), *documents, form="redox")) == 1
    assert len(told_by(a_site(), *documents, form="athena")) == 1
    assert len(told_by(a_site(), *documents, form="standard")) == 2


def test_a_form_has_topics_of_its_own() -> None:
    patient = {"resourceType": "Patient"}
    (delivery,) = told_by(a_site(), patient, form="athena", topics=["Patient.create"])
    assert [event.topic for event in delivery.events] == ["Patient.create"]
    assert told_by(a_site(), patient, form="athena", topics=["Patient.merge"]) == []
    with pytest.raises(ConfigError, match="cannot be set up"):
        hook_from(WebhookConfig(url=URL, topics=["LabResult.create"]), "app", TYPES)


def test_a_preset_is_chosen_by_name_and_a_payload_that_a_form_has_not_is_refused() -> None:
    config = WebhookConfig(
        url=URL, form="health-gorilla", payload="full", settings={"preset": "health-gorilla-steady"}
    )
    assert hook_from(config, "app", TYPES).policy == PRESETS["health-gorilla-steady"]
    assert hook_from(WebhookConfig(url=URL, form="redox"), "app", TYPES).policy == PRESETS["redox"]
    with pytest.raises(ConfigError) as refused:
        hook_from(WebhookConfig(url=URL, form="health-gorilla"), "app", TYPES)
    assert "payload: health-gorilla carries full, not id-only" in refused.value.problems


def test_the_settings_of_the_site_reach_the_form() -> None:
    site = a_site(redox={"test": False, "facility": "MAIN"})
    (delivery,) = told_by(site, {"resourceType": "Patient"}, form="redox")
    meta = json.loads(delivery.exchange.body)["Meta"]
    assert (meta["Test"], meta["FacilityCode"], meta["Source"]["Name"]) == (False, "MAIN", "a")


def test_a_site_gives_up_an_endpoint_as_the_preset_says() -> None:
    site = a_site()
    told_by(
        site,
        {"resourceType": "Patient"},
        form="health-gorilla",
        payload="full",
        settings={"preset": "health-gorilla-steady"},
    )
    for _ in range(21):
        assert not site.outbox.lane("app").off
        delivery = site.outbox.take()
        assert delivery is not None
        site.outbox.settle(delivery, 204)
        site.clock.advance(900)
    assert site.outbox.lane("app").off == "never a success, and 21 failures"


@pytest.mark.parametrize("header", ["verification-token", "x-hub-signature"])
def test_what_proves_the_sender_is_no_secret_that_the_journal_gives_away(header: str) -> None:
    form = {"verification-token": "redox", "x-hub-signature": "athena"}[header]
    (delivery,) = told_by(a_site(), {"resourceType": "Patient"}, form=form, secret="t0ken")
    sent = delivery.exchange.headers[header]
    assert entry(delivery.exchange)["headers"][header] not in ("", sent)


def test_health_gorilla_allows_so_many_subscriptions_and_refuses_the_next_with_422() -> None:
    site = a_site(subscriptions=["health-gorilla"], limit=2, schemes=["https"])
    subscription = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "test",
        "criteria": "Patient?active=true",
        "channel": {"type": "rest-hook", "endpoint": "https://app.example.org/hook"},
    }
    statuses = [create(site, subscription).reply for _ in range(3)]
    assert [reply.status for reply in statuses if reply is not None] == [201, 201, 422]
    create(site, {"resourceType": "Patient", "active": True})
    assert [json.loads(one.exchange.body)["resourceType"] for one in site.outbox.ready] == ["Patient", "Patient"]
