"""What apps ask about tokens and themselves: introspection, revocation, registration, userinfo."""

from __future__ import annotations

import json

import pytest
from tests.sites.browser import Browser, document

SCOPE = "launch/patient openid fhirUser offline_access patient/Patient.rs"


@pytest.fixture
def browser() -> Browser:
    return Browser(registration="open")


def test_a_token_is_described_to_the_client(browser: Browser) -> None:
    made = browser.granted(scope=SCOPE)
    sent = browser.post(
        browser.where.introspect, {"token": made["access_token"], "client_id": "portal", "client_secret": "s3cret"}
    )
    told = document(sent)
    assert (told["active"], told["patient"], told["username"]) == (True, made["patient"], "clinician")
    assert sent.client == "portal"


def test_a_refused_question_has_the_servers_form_and_its_reason_in_the_journal(browser: Browser) -> None:
    sent = browser.post(browser.where.introspect, {"token": "x", "client_id": "portal", "client_secret": "no"})
    assert document(sent, 400)["error"] == "invalid_client"
    assert sent.notes["refused"] == "secret-wrong"


def test_a_revoked_token_opens_nothing(browser: Browser) -> None:
    made = browser.granted(scope=SCOPE)
    path = f"Patient/{made['patient']}"
    assert document(browser.read(path, made["access_token"]))
    sent = browser.post(browser.where.revoke, {"token": made["refresh_token"], "client_id": "app"})
    assert sent.reply is not None
    assert (sent.reply.status, sent.reply.body) == (200, b"")
    document(browser.read(path, made["access_token"]), 401)
    assert document(
        browser.ask(grant_type="refresh_token", refresh_token=made["refresh_token"], client_id="app"), 400
    )


def test_userinfo_tells_the_user_and_refuses_others(browser: Browser) -> None:
    made = browser.granted(scope=SCOPE)
    told = document(browser.get(browser.where.userinfo, authorization=f"Bearer {made['access_token']}"))
    assert told["fhirUser"].startswith(browser.base + "/Practitioner/")
    refused = browser.get(browser.where.userinfo, authorization="Bearer x").reply
    assert refused is not None
    assert refused.status == 401
    assert refused.header("www-authenticate").startswith("Bearer")


def test_an_app_registers_itself_and_is_let_in(browser: Browser) -> None:
    told = {
        "client_name": "<b>New</b>",
        "redirect_uris": ["https://app.example.org/callback"],
        "token_endpoint_auth_method": "none",
        "scope": "launch/patient patient/Patient.rs",
    }
    made = document(browser.send("POST", browser.where.register, json.dumps(told)), 201)
    found = browser.finish(browser.begin(client_id=made["client_id"]))
    assert document(browser.tokens(found["code"], client_id=made["client_id"]))["access_token"]


@pytest.mark.parametrize("body", ["", "{", "[]", "\x00", '{"a": 1e999}', "[" * 5000])
def test_a_body_that_is_no_object_is_refused(browser: Browser, body: str) -> None:
    assert document(browser.send("POST", browser.where.register, body), 400)["error"] == "invalid_client_metadata"


def test_a_server_that_registers_nobody_has_no_such_place() -> None:
    browser = Browser()
    assert browser.where.register == ""
    document(browser.send("POST", "/oauth2/register", "{}"), 404)


@pytest.mark.parametrize("name", ["introspect", "revoke", "register"])
def test_they_take_post_only_and_answer_a_preflight(browser: Browser, name: str) -> None:
    url = getattr(browser.where, name)
    document(browser.get(url), 405)
    reply = browser.send("OPTIONS", url, origin="https://app.example.org", access_control_request_method="POST").reply
    assert reply is not None
    assert (reply.status, reply.header("access-control-allow-origin")) == (204, "*")


def test_pages_of_other_origins_may_read_the_answers(browser: Browser) -> None:
    made = browser.granted(scope=SCOPE)
    form = {"token": made["access_token"], "client_id": "portal", "client_secret": "s3cret"}
    reply = browser.post(browser.where.introspect, form, origin="https://app.example.org").reply
    assert reply is not None
    assert reply.header("access-control-allow-origin") == "*"
    assert reply.header("cache-control") == "no-store"


def test_userinfo_tells_apart_what_is_wrong(browser: Browser) -> None:
    made, other = browser.granted(scope=SCOPE), browser.granted(scope="launch/patient patient/Patient.rs")
    bearer = {"authorization": f"Bearer {made['access_token']}"}
    wanted = {
        200: browser.post(browser.where.userinfo, "", **bearer),
        401: browser.get(browser.where.userinfo),
        403: browser.get(browser.where.userinfo, authorization=f"Bearer {other['access_token']}"),
        405: browser.send("DELETE", browser.where.userinfo, **bearer),
    }
    replies = {status: sent.reply for status, sent in wanted.items()}
    assert [reply.status for reply in replies.values() if reply is not None] == list(wanted)
    told = {status: reply.header("www-authenticate") for status, reply in replies.items() if reply is not None}
    assert told[401] == "Bearer"  # RFC 6750 section 3.1: no code for who brought nothing
    assert told[403].startswith('Bearer error="insufficient_scope"')


def test_a_registration_is_bounded(browser: Browser) -> None:
    told = {"token_endpoint_auth_method": "none", "redirect_uris": ["https://app.example.org/"]}
    sent = browser.send("POST", browser.where.register, json.dumps({**told, "client_name": "x" * 70_000}))
    assert document(sent, 400)["error"] == "invalid_client_metadata"
    assert document(browser.send("POST", browser.where.register, json.dumps({**told, "client_name": "x" * 999})), 201)


@pytest.mark.parametrize("place", ["token", "introspect", "revoke"])
def test_who_authenticates_by_a_header_in_vain_is_told_how(browser: Browser, place: str) -> None:
    form = {"grant_type": "client_credentials", "token": "x"}
    refused = browser.post(getattr(browser.where, place), form, authorization="Basic eDp5")
    assert document(refused, 401)["error"] == "invalid_client"
    assert refused.reply is not None
    assert refused.reply.header("www-authenticate") == 'Basic realm="token"'  # RFC 6749 section 5.2
    assert refused.reply.header("cache-control") == "no-store"


def test_a_bearer_that_does_not_work_is_challenged_as_one(browser: Browser) -> None:
    refused = browser.post(browser.where.introspect, {"token": "x"}, authorization="Bearer x")
    assert document(refused, 401)["error"] == "invalid_token"
    assert refused.reply is not None
    assert refused.reply.header("www-authenticate") == 'Bearer error="invalid_token"'
