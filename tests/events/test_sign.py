"""Ways to sign, against answers that their authors publish, and with two secrets while a rotation lasts."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from mockehr.events import signature, verify
from mockehr.events.sign import SCHEMES, Signed

BODY = b"Hello, World!"


def signed(scheme: str, *secrets: str, id: str = "evt-1", at: int = 5, body: bytes = BODY) -> dict[str, str]:
    return SCHEMES[scheme](Signed(secrets, at, id, body))


def test_a_body_is_signed_for_hubs_as_github_documents_it() -> None:
    # docs.github.com, "Validating webhook deliveries", testing values
    wanted = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = "It's a Secret to Everybody"
    assert signed("hub-256", secret) == {"x-hub-signature-256": wanted}
    assert signed("hub", secret) == {"x-hub-signature": wanted}


def test_a_message_is_signed_as_the_libraries_of_standard_webhooks_expect_it() -> None:
    # the example of Svix, which wrote the specification's reference libraries
    found = signed(
        "standard",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_that_only_looks_like_base64_is_taken_as_text() -> None:
    (mark,) = signed("standard", "whsec_not base64")["webhook-signature"].split()
    assert mark == signed("standard", "whsec_not base64", "x")["webhook-signature"].split()[0]
    assert mark != signed("standard", "not base64")["webhook-signature"]


def test_our_own_signature_covers_the_time_and_the_body() -> None:
    wanted = hmac.new(b"s", b"5." + BODY, sha256).hexdigest()
    assert signature("s", 5, BODY) == f"t=5,v1={wanted}"
    assert signed("mockehr", "s") == {"x-mockehr-signature": f"t=5,v1={wanted}"}


@pytest.mark.parametrize("secret", ["new", "old"])
def test_where_a_header_holds_several_signatures_the_newest_secret_comes_first(secret: str) -> None:
    header = signed("mockehr", "new", "old")["x-mockehr-signature"]
    assert verify(secret, header, BODY, now=5) == ""
    assert header.startswith(signature("new", 5, BODY))
    marks = signed("standard", "new", "old")["webhook-signature"].split()
    assert marks == [signed("standard", one)["webhook-signature"] for one in ("new", "old")]


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        ("verification-token", {"verification-token": "new"}),
        ("bearer", {"authorization": "Bearer new"}),
        ("none", {}),
    ],
)
def test_what_is_sent_as_it_is_is_the_newest_secret(scheme: str, headers: dict[str, str]) -> None:
    assert signed(scheme, "new", "old") == headers


@pytest.mark.parametrize("scheme", ["hub", "hub-256"])
def test_a_way_with_room_for_one_signature_uses_the_newest_secret(scheme: str) -> None:
    assert signed(scheme, "new", "old") == signed(scheme, "new") != signed(scheme, "old")


@pytest.mark.parametrize(("now", "why"), [(305, ""), (306, "the signature is 301 s old"), (0, "")])
def test_a_signature_is_believed_for_five_minutes(now: int, why: str) -> None:
    assert verify("s", signature("s", 5, BODY), BODY, now=now) == why


def test_a_signature_from_the_future_is_as_bad_as_an_old_one() -> None:
    assert verify("s", signature("s", 1000, BODY), BODY, now=5) != ""
    assert verify("s", signature("s", 1000, BODY), BODY, now=5, tolerance=995) == ""
