"""The one word of R4 websockets."""

from __future__ import annotations

from tests.events.changes import changed, delivered

from mockehr.events import forms


def test_a_ping_names_the_subscription_and_says_nothing_of_what_happened() -> None:
    sent = delivered("ping", changed("Patient"), subscription="s1", payload="empty").exchange
    assert sent.body == b"ping s1"
    assert sent.headers["content-type"] == "text/plain"


def test_a_ping_is_said_once() -> None:
    form = forms().get("ping")
    assert form.policy.wait(1, 0.0) is None
    assert form.payloads == ("empty",)
