"""Subscriptions and questions about them that nobody should send: honoured or refused, and nobody is told secrets."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sites.subscribing import BASE, admit, answer, arrived, ask, made, plain, status, subscribe, token, topical

from mockehr.core.exchange import Exchange
from mockehr.events import Hook
from mockehr.journal import entry
from mockehr.sites.site import Site

VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("", " ", "\0", "é\u202e", "9" * 5000, "-1", "x" * 70_000, ":", "a:b", ":?", "active", "error", "websocket"),
        *("Encounter?=", "Encounter?status:x=y", "Encounter?_sort=1", "AuditEvent", "Subscription?status=active"),
        *("Patient?" + "_has:Observation:patient:" * 100 + "code=1", "Patient?" + "link:Patient." * 100 + "name=1"),
        *(
            "https://[::1",
            "https://a:99999/",
            "https://a.b\r\nX: y/",
            "ftp://x",
            "https://",
            "https://x/" + "a" * 99_999,
        ),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026", "application/fhir+xml", "full-resource"),
        *(
            None,
            True,
            5,
            -5,
            10**18,
            1e308,
            [],
            {},
            [[]],
            [None],
            [{}],
            {"extension": 5},
            {"extension": [5, {"url": 5}]},
        ),
        *(["Authorization: é"], ["X: \u202e"], ["X: y"] * 10_000, ["\0: a"], ["Host: x"], ["X:"], ["X: y\r\nZ: w"]),
    ]
) | st.text(max_size=20)
ELEMENTS = ("status", "criteria", "_criteria", "channel", "end", "extension", "error", "id", "meta", "contained")
PARTS = ("type", "_type", "endpoint", "payload", "_payload", "header", "extension")
PLACES = st.sampled_from([(name,) for name in ELEMENTS] + [("channel", name) for name in PARTS])
KINDS = st.sampled_from([topical(), topical(content="full-resource", heartbeat=60), plain(), plain(payload="json")])
STYLES = ("backport", "r4", "athena", "health-gorilla")
SECRET = "s3cret-of-the-app"


@pytest.fixture(scope="module", params=["R4", "R4B", "athena", "health-gorilla"])
def site(request: Any) -> Site:
    told = {"R4B": {"fhir_version": "4.3.0"}, "R4": {}}.get(request.param)
    return made({"events": {"subscriptions": [request.param]}} if told is None else told)


def document_of(
    kind: dict[str, Any], changes: list[tuple[tuple[str, ...], Any]], filters: list[Any]
) -> dict[str, Any]:
    document = deepcopy(kind)
    if filters:
        told = [{"url": BASE + "filter-criteria", "valueString": one} for one in filters]
        document["_criteria"] = {"extension": told}
    for place, value in changes:
        inner = document if len(place) == 1 else document.get("channel")
        if isinstance(inner, dict):
            inner[place[-1]] = value
    return document


@given(KINDS, st.lists(st.tuples(PLACES, VALUES), max_size=2), st.lists(VALUES, max_size=2), st.integers(0, 600))
def test_any_subscription_is_honoured_or_refused_and_the_site_goes_on(
    site: Site, kind: dict[str, Any], changes: list[tuple[tuple[str, ...], Any]], filters: list[Any], code: int
) -> None:
    written = ask(site, "POST", "/Subscription", document_of(kind, changes, filters))
    assert status(written) in (201, 400, 413, 422), answer(written)
    ids = [str(answer(written)["id"])] if status(written) == 201 else []
    arrived(site, code)
    admit(site, f"e{site.store.last}")
    for delivery in arrived(site, code):
        assert not any(letter in "".join(pair) for pair in delivery.exchange.headers.items() for letter in "\r\n\0")
    site.clock.advance(61)
    for id in ids:
        assert status(ask(site, "GET", f"/Subscription/{id}/$status")) == 200
        assert status(ask(site, "DELETE", f"/Subscription/{id}")) in (200, 204)
    assert not [lane for lane in site.outbox if lane.hook.subscription in ids]


@given(
    st.sampled_from(["$status", "$events", "$get-ws-binding-token"]),
    st.sampled_from(["/w1", "", "/nobody"]),
    st.lists(
        st.tuples(
            st.sampled_from(["id", "status", "eventsSinceNumber", "eventsUntilNumber", "content", "x", "\0"]),
            st.sampled_from(
                ["", "0", "1", "-1", "9" * 9, "9" * 5000, "٣", "1e9", "\0", "full-resource", "w1,w1", "active"]
            ),
        ),
        max_size=3,
    ),
)
def test_any_question_about_subscriptions_is_answered_or_refused(
    site: Site, name: str, whose: str, pairs: list[tuple[str, str]]
) -> None:
    query = "&".join(f"{quote(key)}={quote(value)}" for key, value in pairs)
    assert status(ask(site, "GET", f"/Subscription{whose}/{name}", None, query)) in (200, 400, 404, 410, 422)
    parameters = [{"name": key, "valueString": value} for key, value in pairs]
    posted = ask(
        site, "POST", f"/Subscription{whose}/{name}", {"resourceType": "Parameters", "parameter": parameters}
    )
    assert status(posted) in (200, 400, 404, 410, 422)


@pytest.mark.parametrize("style", STYLES)
def test_secrets_of_a_subscriber_are_in_no_entry_and_in_no_answer_to_others(style: str) -> None:
    site = made({"events": {"subscriptions": [style]}}, open_access=False)
    mine, other = token(site, "system/*.cruds"), token(site, "system/*.rs", client="other")
    document = plain(payload="application/fhir+json", header=[f"Authorization: Bearer {SECRET}"])
    if style == "backport":
        document = topical(channel={"header": [f"Authorization: Bearer {SECRET}"]})
    elif style == "athena":
        document = topical(
            "https://api.platform.athenahealth.com/fhir/r4/SubscriptionTopic/Patient.create", "id-only"
        )
    written = ask(site, "POST", "/Subscription", document, authorization=mine, x_hub_secret=SECRET)
    assert status(written) == 201, answer(written)
    arrived(site)
    admit(site)
    arrived(site)
    shown = [json.dumps(entry(one)) for one in site.journal]
    trail = [json.dumps(one.as_json()) for one in site.audit.accesses()]
    assert not [text for text in (*shown, *trail) if SECRET in text]
    if style == "athena":  # elsewhere it is part of what is read, as the standard has it
        seen = ask(site, "GET", f"/Subscription/{answer(written)['id']}", authorization=other)
        assert status(seen) == 200
        assert SECRET not in json.dumps(answer(seen))


def test_the_challenge_of_a_receiver_is_in_no_entry() -> None:
    for verify in ("POST", "GET"):
        site = made({"events": {"redox": {"verify": verify}}})
        site.outbox.add(Hook("r", "https://app.example.org/hook", SECRET, form="redox"))
        site.outbox.notify("r", "handshake")
        (sent,) = arrived(site)
        assert SECRET in sent.exchange.query + sent.exchange.body.decode()
        assert not [one for one in site.journal if SECRET in json.dumps(entry(one))]


def test_a_binding_token_is_in_no_entry() -> None:
    site = made()
    id = subscribe(site, topical(channel={"type": "websocket"}))
    asked: Exchange = ask(site, "GET", f"/Subscription/{id}/$get-ws-binding-token")
    told = next(one["valueString"] for one in answer(asked)["parameter"] if one["name"] == "token")
    assert len(told) > 20
    assert not [one for one in site.journal if told in orjson.dumps(entry(one)).decode()]
