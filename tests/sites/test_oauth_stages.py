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
