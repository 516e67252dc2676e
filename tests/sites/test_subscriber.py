"""With whose rights a Subscription was written is kept with it."""

from __future__ import annotations

from tests.sites.subscribing import answer, ask, made, plain, status, stored, subscribe, token

from mockehr.events import Hook
from mockehr.sites.subscriber import EXTENSION, Subscriber, kept_in, kept_with


def test_a_subscriber_is_kept_and_found_again() -> None:
    whose = Subscriber("app", "system/Encounter.rs", "p1", ("p1", "p2"), "s3cret")
    document = {"resourceType": "Subscription", "extension": [{"url": "https://other.example.org", "valueCode": "x"}]}
    made = kept_with(document, whose)
    assert kept_in(made) == whose
    assert made["extension"][0] == document["extension"][0]
    assert kept_with(made, Subscriber()) == document


def test_where_nobody_asks_for_rights_nothing_is_kept() -> None:
    document = {"resourceType": "Subscription"}
    assert kept_with(document, Subscriber()) is document
    assert kept_in(document) == Subscriber()


def test_a_client_cannot_claim_the_rights_of_another() -> None:
    site = made(open_access=False)
    header = token(site, "system/Subscription.cruds system/Encounter.rs")
    parts = [{"url": "client", "valueString": "other"}, {"url": "scope", "valueString": "system/*.cruds"}]
    claimed = plain() | {"extension": [{"url": EXTENSION, "extension": parts}]}
    found = kept_in(stored(site, subscribe(site, claimed, authorization=header)))
    assert (found.client, found.scope) == ("app", "system/Subscription.cruds system/Encounter.rs")


def test_status_and_events_are_for_those_who_may_read_the_subscription() -> None:
    site = made(open_access=False)
    id = subscribe(site, plain(), authorization=token(site, "system/*.cruds"))
    stranger = token(site, "system/Encounter.rs", "stranger")
    for name in ("$status", "$events"):
        refused = ask(site, "GET", f"/Subscription/{id}/{name}", authorization=stranger)
        assert status(refused) == 403, answer(refused)


def test_rights_and_secrets_are_shown_to_nobody() -> None:
    site = made(open_access=False)
    header = token(site, "system/*.cruds")
    site.outbox.add(Hook("spy", "http://spy.example.org/", resources=("Subscription",), payload="full"))
    written = ask(site, "POST", "/Subscription", plain(), authorization=header, prefer="return=representation")
    id = answer(written)["id"]
    site.store.commit(kept_with(stored(site, id), Subscriber("app", secret="hush")), kind="update", source="control")
    assert kept_in(stored(site, id)).secret == "hush"
    heard = b"".join(delivery.exchange.body for delivery in site.outbox.ready)
    paths = ("/Subscription", f"/Subscription/{id}", f"/Subscription/{id}/_history", f"/Subscription/{id}/_history/1")
    for exchange in (written, *(ask(site, "GET", path, authorization=header) for path in paths)):
        assert exchange.reply is not None
        heard += exchange.reply.body
    assert heard.count(b"Encounter?status=in-progress") == 10  # three versions, each wherever it is shown
    assert b"hush" not in heard
    assert EXTENSION.encode() not in heard
