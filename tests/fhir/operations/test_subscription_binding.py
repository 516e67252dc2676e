"""`Subscription/$get-ws-binding-token`: a token by which a websocket is bound to Subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sites.subscribing import answer, ask, made, plain, status, token, topical

from mockehr.sites.site import Site
from mockehr.sites.subscriptions import BINDINGS


def listening(document: dict[str, Any]) -> dict[str, Any]:
    """The same Subscription, told by websocket."""
    channel = {name: value for name, value in document["channel"].items() if name != "endpoint"}
    return document | {"channel": channel | {"type": "websocket"}}


def post(site: Site, document: dict[str, Any], **headers: str) -> str:
    return str(answer(ask(site, "POST", "/Subscription", document, **headers))["id"])


def told(site: Site, path: str, query: str = "", **headers: str) -> dict[str, list[str]]:
    """The values of the parameters of an answer, by name."""
    found: dict[str, list[str]] = {}
    for one in answer(ask(site, "GET", path, query=query, **headers))["parameter"]:
        found.setdefault(one["name"], []).append(next(v for k, v in one.items() if k != "name"))
    return found


def test_a_token_is_for_one_for_several_or_for_all_that_are_told_so() -> None:
    site = made()
    first, second = post(site, listening(topical())), post(site, listening(topical()))
    hooked = post(site, plain())
    one = told(site, f"/Subscription/{first}/$get-ws-binding-token")
    assert one["subscription"] == [f"Subscription/{first}"]
    assert one["websocket-url"] == ["ws://a.example.org/ws"]
    assert one["expiration"] == ["2026-01-05T12:01:00Z"]
    every = told(site, "/Subscription/$get-ws-binding-token")
    assert every["subscription"] == [f"Subscription/{first}", f"Subscription/{second}"]
    some = told(site, "/Subscription/$get-ws-binding-token", f"id={second}")
    assert some["subscription"] == [f"Subscription/{second}"]
    assert len({one["token"][0], every["token"][0], some["token"][0]}) == 3
    kept = site.auth.drawers[BINDINGS]
    assert kept.get(some["token"][0], site.clock.now()) == [second]
    assert kept.get(some["token"][0], site.clock.now() + 61) is None
    refused = ask(site, "GET", f"/Subscription/{hooked}/$get-ws-binding-token")
    assert (status(refused), "is not told by websocket" in str(answer(refused))) == (422, True)
    mixed = ask(site, "GET", "/Subscription/$get-ws-binding-token", query=f"id={first},{hooked}")
    assert status(mixed) == 422


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/Subscription/none/$get-ws-binding-token", "", 404),
        ("/Subscription/$get-ws-binding-token", "id=none", 404),
        ("/Subscription/$get-ws-binding-token", "", 422),
        ("/Subscription/$get-ws-binding-token", "ids=none", 400),
    ],
)
def test_without_any_there_is_no_token(path: str, query: str, code: int) -> None:
    assert status(ask(made(), "GET", path, query=query)) == code


def test_a_token_is_for_those_who_may_read_the_subscription() -> None:
    site = made(open_access=False)
    id = post(site, listening(topical()), authorization=token(site, "system/*.cruds"))
    stranger = token(site, "system/Encounter.rs", "stranger")
    assert status(ask(site, "GET", f"/Subscription/{id}/$get-ws-binding-token", authorization=stranger)) == 403
