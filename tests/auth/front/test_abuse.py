"""Attacks on the front channel, each refused with the right error. Source: RFC 9700 (OAuth 2.0 Security BCP)."""

from __future__ import annotations

import pickle
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from tests.auth.house import CALLBACK, page, parameters
from tests.sites.browser import Browser, document, location, page_of

from mockehr.auth.drawers import KEPT
from mockehr.auth.refusal import Refused

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Browser:
    return Browser()


# open redirects


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/",
        "//evil.example.com/callback",
        CALLBACK + ".evil.example.com",
        CALLBACK + "@evil.example.com",
        CALLBACK + "/..%2f..%2fevil",
        CALLBACK + "%00",
        CALLBACK + "\0",
        CALLBACK + "#@evil.example.com",
        CALLBACK + "?next=https://evil.example.com",
        CALLBACK + "\\evil",
        CALLBACK + "\r\nSet-Cookie: a=b",
        CALLBACK + " ",
        " " + CALLBACK,
        CALLBACK.upper(),
        CALLBACK.replace("https://", "https:/"),
        CALLBACK.replace("https://", "https://evil.example.com\\@"),
        CALLBACK.replace("https://", "https://user:pass@"),
        CALLBACK.replace("app", "аpp"),
        CALLBACK.replace(".org", ".org."),
        CALLBACK.replace(".org", ".org:443"),
        "javascript:alert(1)//" + CALLBACK,
        "data:text/html," + CALLBACK,
        quote(CALLBACK, safe=""),
        "null",
    ],
)
def test_nobody_is_sent_to_an_address_that_was_not_registered(browser: Browser, uri: str) -> None:
    for more in ({}, {"response_type": "token"}, {"prompt": "none"}, {"scope": ""}, {"launch": "x"}):
        sent = browser.begin(redirect_uri=uri, **more)
        assert sent.reply is not None
        assert (sent.reply.status, location(sent)) == (400, "")
        assert sent.notes["refused"] == "redirect-uri-unregistered"
        assert sent.client in ("", "app")


def test_two_redirect_uris_are_one_too_many(browser: Browser) -> None:
    query = f"{browser.request()}&redirect_uri=https%3A%2F%2Fevil.example.com"
    for name in ("redirect_uri", "state", "client_id", "scope", "code_challenge"):
        sent = browser.get(f"{browser.where.authorize}?{browser.request()}&{name}=x")
        assert (sent.notes["refused"], location(sent)) == ("parameter-repeated", "")
    assert location(browser.get(f"{browser.where.authorize}?{query}")) == ""


@pytest.mark.parametrize("state", ["a\r\nSet-Cookie: x=y", "a\nb", "a\0b", "ä€😀", "a&code=stolen#x", "%0d%0a"])
def test_a_state_cannot_end_the_header_nor_add_parameters(browser: Browser, state: str) -> None:
    sent = browser.begin(state=state, response_type="token")
    where = location(sent)
    assert where.isascii()
    assert not {"\r", "\n", "\0"} & set(where)
    assert parse_qs(urlsplit(where).query)["state"] == [state]
    assert "code" not in parse_qs(urlsplit(where).query)
    assert urlsplit(where).fragment == ""
    assert sent.reply is not None
    assert [name for name, _ in sent.reply.headers if name.lower() == "set-cookie"] == []


# codes and challenges


def test_a_code_stolen_on_the_way_is_worth_nothing_without_the_verifier(make_house: Any) -> None:
    house = make_house()
    code = house.code()
    for verifier in (None, "", "x" * 43, "v" * 42, "v" * 44, "V" * 43):
        assert house.tokens(code, code_verifier=verifier).error == "invalid_grant"


def test_a_code_of_another_browser_cannot_be_injected_into_a_session_with_its_own_verifier(make_house: Any) -> None:
    house = make_house()
    from tests.auth.house import challenge

    stolen = house.code(code_challenge=challenge("a" * 43))
    assert house.tokens(stolen, code_verifier="v" * 43).reason == "verifier-wrong"


def test_a_challenge_cannot_be_taken_away_on_the_way(make_house: Any) -> None:
    house = make_house(pkce="optional")
    stripped = house.code(code_challenge=None, code_challenge_method=None)
    assert house.tokens(stripped).reason == "verifier-unexpected"
    assert make_house().error(code_challenge=None, code_challenge_method=None)["reason"] == "pkce-missing"
    assert house.error(code_challenge_method="plain")["error"] == "invalid_request"


def test_a_code_of_another_app_is_refused_and_its_owner_is_not_harmed(make_house: Any) -> None:
    house = make_house()
    house.register("evil", public=True)
    code = house.code()
    assert house.tokens(code, client_id="evil").error == "invalid_grant"
    assert house.tokens(code).status == 200


def test_codes_tokens_and_pages_cannot_be_guessed_from_others(make_house: Any) -> None:
    house = make_house()
    seen = [house.code() for _ in range(50)] + [page(house.begin()).pending for _ in range(50)]
    assert len(set(seen)) == 100
    assert min(map(len, seen)) >= 24
    assert len({text[:8] for text in seen}) == 100


def test_the_way_back_can_name_the_server_so_that_it_is_not_mixed_up(make_house: Any) -> None:
    house = make_house(iss_told=True)
    step = house.answered(house.begin())
    assert parameters(step)["iss"] == "http://north.example.org/fhir"
    assert parameters(step)["state"] == "s t/a"


# forms


def test_a_form_from_elsewhere_knows_no_page_and_changes_nothing(browser: Browser) -> None:
    for name, form in (
        ("consent", {"decision": "allow", "scope": "patient/Patient.rs"}),
        ("sign-in", {"username": "clinician"}),
        ("choose-patient", {"patient": "p1"}),
    ):
        for pending in ({}, {"pending": ""}, {"pending": "x"}, {"pending": ["", "x"]}):
            sent = browser.post(f"{browser.where.authorize}/{name}", {**form, **pending})
            assert sent.reply is not None
            assert (sent.reply.status, sent.notes["refused"], location(sent)) == (400, "session-over", "")


def test_a_form_that_was_answered_is_not_answered_again(make_house: Any) -> None:
    house = make_house()
    step = page(house.door.sign_in(page(house.begin()).pending, "patient", ""))
    assert "code" in parameters(house.door.decide(step.pending, allowed=True, scopes=["patient/Patient.rs"]))
    for again in (True, False):
        with pytest.raises(Refused) as caught:
            house.door.decide(step.pending, allowed=again, scopes=["patient/Patient.rs"])
        assert caught.value.error == "access_denied"


def test_who_posts_a_page_cannot_give_more_than_was_asked_for(make_house: Any) -> None:
    house = make_house()
    step = page(house.door.sign_in(page(house.begin(scope="patient/Patient.rs")).pending, "patient", ""))
    done = house.door.decide(step.pending, allowed=True, scopes=["patient/Patient.rs", "patient/*.cruds"])
    assert house.tokens(parameters(done)["code"]).document["scope"] == "patient/Patient.rs"


def test_a_session_id_that_somebody_planted_is_never_used(make_house: Any) -> None:
    house = make_house()
    step = house.door.sign_in(page(house.begin(session="planted")).pending, "doctor", "")
    assert step.session not in ("", "planted")
    assert page(house.begin(session="planted")).name == "sign-in"


def test_guessing_passwords_locks_out_neither_the_user_nor_the_app(make_house: Any) -> None:
    house = make_house()
    id = page(house.begin()).pending
    for number in range(200):
        assert page(house.door.sign_in(id, "careful", f"guess {number}")).notice
    assert page(house.door.sign_in(id, "careful", "right horse")).name == "choose-patient"
    for _ in range(200):
        assert house.tokens(house.code(client_id="portal"), client_id="portal", client_secret="x").status == 400
    code = house.code(client_id="portal")
    assert house.tokens(code, client_id="portal", client_secret="s3cret").status == 200


def test_a_password_is_compared_in_constant_time_for_strangers_too(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mockehr.auth.front import door

    compared: list[bytes] = []
    real = door.hmac.compare_digest

    def watched(kept: bytes, given: bytes) -> bool:
        compared.append(given)
        return real(kept, given)

    monkeypatch.setattr(door.hmac, "compare_digest", watched)
    house = make_house()
    id = page(house.begin()).pending
    for name in ("careful", "nobody", "doctor"):
        house.door.sign_in(id, name, "\ud800ä")
    assert compared == [b"?\xc3\xa4"] * 3


# what is shown


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "response_type", "scope", "aud", "launch", "prompt"])
def test_markup_in_any_parameter_is_shown_as_text(browser: Browser, name: str) -> None:
    sent = browser.begin(**{name: MARKUP})
    assert sent.reply is not None
    assert b"<script" not in sent.reply.body
    assert b"<img" not in sent.reply.body
    assert "<" not in location(sent)


def test_markup_in_what_people_type_and_in_names_is_shown_as_text() -> None:
    from mockehr.sites.test_client import register_app

    browser = Browser()
    register_app(browser.site, "loud", [CALLBACK], name=MARKUP)
    sent = browser.begin(client_id="loud", scope="launch/patient patient/Patient.rs?x=<script>")
    for _ in range(3):
        where = location(sent)
        text = page_of(browser.get(where) if where else sent)
        assert "<script" not in text
        assert "<img" not in text
        sent = browser.answer(browser.get(where) if where else sent, "clinician")
    pending = parse_qs(urlsplit(location(browser.answer(browser.begin(prompt="login"), "nurse"))).query)["pending"][0]
    for form in ({"text": MARKUP}, {"text": "zz" + MARKUP}, {"patient": MARKUP}):
        query = "&".join(f"{name}={quote(value)}" for name, value in {"pending": pending, **form}.items())
        text = page_of(browser.get(f"{browser.where.authorize}/choose-patient?{query}"))
        assert "<script" not in text
        assert "<img" not in text


def test_pages_may_be_framed_but_run_no_script(browser: Browser) -> None:
    """Record systems open apps in frames, so framing is allowed; with default-src 'none' no script runs."""
    reply = browser.begin().reply
    assert reply is not None
    policy = reply.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert reply.header("x-frame-options") == ""


# too much of everything


@pytest.mark.parametrize("name", ["state", "nonce", "scope", "aud", "launch", "client_id", "redirect_uri", "x"])
def test_an_oversized_parameter_is_refused_and_not_kept(browser: Browser, name: str) -> None:
    before = len(browser.site.auth.drawers["pending"].every(0.0))
    sent = browser.begin(**{name: "x" * 10_000})
    assert sent.reply is not None
    assert (sent.reply.status, sent.notes["refused"], location(sent)) == (400, "parameter-too-long", "")
    assert len(sent.reply.body) < 20_000
    assert len(browser.site.auth.drawers["pending"].every(0.0)) == before


def test_a_hundred_parameters_are_enough(browser: Browser) -> None:
    query = "&".join([browser.request(), *(f"p{n}={n}" for n in range(200))])
    assert browser.get(f"{browser.where.authorize}?{query}").notes["refused"] == "body-unreadable"


def test_pages_that_nobody_answers_are_bounded(make_house: Any) -> None:
    house = make_house()
    first = page(house.begin()).pending
    for _ in range(KEPT):
        house.begin()
    kept = house.server.drawers["pending"].every(house.clock.now())
    assert len(kept) == KEPT
    largest = page(house.begin(state="x" * 8192, nonce="x" * 8192)).pending
    assert len(pickle.dumps(house.door.find(largest))) < 20_000
    with pytest.raises(Refused, match="session-over"):
        house.door.find(first)


@pytest.mark.parametrize(
    "query", ["%ff", "client_id=%ff", "a=%00", "=", "&&&", "client_id", "?", "%", "client_id=%ud800"]
)
def test_what_is_no_form_is_a_page_with_a_reason(browser: Browser, query: str) -> None:
    sent = browser.get(f"{browser.where.authorize}?{query}")
    assert sent.reply is not None
    assert (sent.reply.status, location(sent)) == (400, "")
    assert sent.notes["refused"] in ("body-unreadable", "parameter-missing", "client-unknown")


@pytest.mark.parametrize(
    "prompt", ["none none", "none\tconsent", "none login", "NONE", "x" * 500, "\0", "login login"]
)
def test_nonsense_in_prompt_is_refused_or_passed_over(browser: Browser, prompt: str) -> None:
    browser.cookies.clear()
    sent = browser.begin(prompt=prompt)
    if location(sent):
        assert sent.notes["refused"] in ("prompt-contradictory", "login-required")
    else:
        assert "Sign in" in page_of(sent)


def test_a_token_of_one_site_means_nothing_at_another() -> None:
    first, second = Browser(), Browser("oracle")
    made = first.granted()
    document(second.read(f"Patient/{made['patient']}", made["access_token"]), 401)
