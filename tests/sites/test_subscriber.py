"""With whose rights a Subscription was written is kept with it."""

from __future__ import annotations

from pathlib import Path

from tests.sites.subscribing import STAY, answer, arrived, ask, made, plain, status, stored, subscribe, token, topical

from mockehr.events import Hook
from mockehr.fhir.intake import Intake, import_document
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


def test_who_is_struck_off_is_told_no_more_until_it_is_registered_again() -> None:
    site = made(open_access=False)
    subscribe(site, plain(), authorization=token(site, "system/*.cruds"))
    stay = {"resourceType": "Encounter", "status": "in-progress", "class": STAY}
    told = []
    for turn in range(3):
        if turn == 1:
            removed = site.auth.clients.remove("app")
        elif turn == 2:
            site.auth.clients.add(removed)
        site.store.commit(stay | {"id": f"e{turn}"}, kind="create", source="pathway")
        told.append(len(arrived(site)))
    assert told == [1, 0, 1]


def test_events_and_binding_tokens_are_for_who_subscribed_and_for_nobody_with_other_rights() -> None:
    site = made(open_access=False)
    mine = token(site, "system/*.cruds")
    id = subscribe(site, topical(content="full-resource"), authorization=mine)
    heard = subscribe(site, topical(channel={"type": "websocket"}), authorization=mine)
    for encounter, patient in (("e1", "p1"), ("e2", "p2")):
        stay = {"resourceType": "Encounter", "id": encounter, "status": "in-progress", "class": STAY}
        stay["subject"] = {"reference": f"Patient/{patient}"}
        ask(site, "PUT", f"/Encounter/{encounter}", stay, authorization=mine)
    told = ask(site, "GET", f"/Subscription/{id}/$events", authorization=mine)
    assert len(answer(told)["entry"]) == 3
    assert status(ask(site, "GET", f"/Subscription/{heard}/$get-ws-binding-token", authorization=mine)) == 200
    others = (
        token(site, "system/Subscription.rs", "other"),
        token(site, "system/*.cruds", "equal"),
        token(site, "system/Subscription.rs patient/*.rs", "app", patient="p1"),
    )
    for other in others:
        for path in (f"/{id}/$events", f"/{heard}/$get-ws-binding-token"):
            assert status(ask(site, "GET", f"/Subscription{path}", authorization=other)) == 403
        all_of_them = ask(site, "GET", "/Subscription/$get-ws-binding-token", authorization=other)
        assert (status(all_of_them), "w1" in str(answer(all_of_them))) == (422, False)
        assert status(ask(site, "GET", f"/Subscription/{id}/$status", authorization=other)) == 200


def test_who_takes_a_subscription_over_is_not_told_what_only_its_former_owner_might_hear() -> None:
    site = made(open_access=False)
    mine = token(site, "system/*.cruds")
    id = subscribe(site, topical(content="full-resource"), authorization=mine)
    for encounter, patient in (("e1", "p1"), ("e2", "p2")):
        ask(site, "PUT", f"/Patient/{patient}", {"resourceType": "Patient", "id": patient}, authorization=mine)
        stay = {"resourceType": "Encounter", "id": encounter, "status": "in-progress", "class": STAY}
        stay["subject"] = {"reference": f"Patient/{patient}"}
        ask(site, "PUT", f"/Encounter/{encounter}", stay, authorization=mine)
    other = token(site, "system/Subscription.cruds patient/Encounter.rs", "other", patient="p1")
    document = topical(content="full-resource") | {"id": id}
    assert status(ask(site, "PUT", f"/Subscription/{id}", document, authorization=other)) == 200
    told = ask(site, "GET", f"/Subscription/{id}/$events", authorization=other)
    assert status(told) == 200
    assert ("Encounter/e1" in str(answer(told)), "Encounter/e2" in str(answer(told))) == (True, False)


def test_where_nobody_is_known_to_have_subscribed_a_token_has_to_cover_what_is_told() -> None:
    site = made(open_access=False)
    import_document(site.store, topical() | {"id": "s1"}, Intake(), source="test")
    for scopes, patient, code in (
        ("system/Subscription.rs", "", 403),
        ("system/Subscription.rs system/Encounter.rs", "", 200),
        ("system/Subscription.rs patient/Encounter.rs", "p1", 403),
    ):
        header = token(site, scopes, f"app{len(scopes)}", patient)
        assert status(ask(site, "GET", "/Subscription/s1/$events", authorization=header)) == code, scopes


def test_a_patients_app_does_not_see_with_what_other_apps_are_notified() -> None:
    site = made(open_access=False)
    document = topical(channel={"header": ["Authorization: Bearer s3cret"]})
    id = subscribe(site, document, authorization=token(site, "system/*.cruds"))
    header = token(site, "patient/*.cruds", "portal", patient="p2")
    codes = []
    for below in (f"/{id}", f"/{id}/_history/1", "", f"/{id}/_history"):
        answered = ask(site, "GET", f"/Subscription{below}", authorization=header)
        codes.append(status(answered))
        assert "s3cret" not in str(answer(answered))
    assert codes == [403, 403, 200, 403]
    assert status(ask(site, "GET", "/Location", authorization=header)) == 200


def test_not_even_the_history_of_a_deleted_one_shows_rights_after_a_restart(tmp_path: Path) -> None:
    site = made(store=f"sqlite:{tmp_path}")
    held = kept_with(plain() | {"id": "s"}, Subscriber("app", secret="hush"))
    site.store.commit(held, kind="create", source="control")
    assert status(ask(site, "DELETE", "/Subscription/s")) in (200, 204)
    site.close()
    again = made(store=f"sqlite:{tmp_path}")
    told = answer(ask(again, "GET", "/Subscription/s/_history"))
    assert "Encounter?status=in-progress" in str(told)
    assert "hush" not in str(told)
    again.close()
