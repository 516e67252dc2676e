"""How MEDITECH lets apps and systems in. Sources: personalities/meditech/notes.md, section Letting in."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.personalities.conftest import House, body_of
from tests.sites.browser import CALLBACK, Browser, document, field_of, location, page_of

from mockehr.core.exchange import Exchange
from mockehr.sites.test_client import register_demo_client

Houses = Callable[..., House]
RESOURCE = "v1/resource/error/_version/1/"


@pytest.fixture
def browser() -> Browser:
    return Browser("meditech")


@pytest.fixture
def sandbox(house: Houses) -> House:
    made = house("meditech", 2, open_access=False, environment="sandbox", fresh=1)
    register_demo_client(made.site, "system", "system/Patient.rs", secret="s3cret")
    return made


def asked(house: House, **form: str) -> tuple[int, dict[str, str]]:
    reply = house.ask("POST", "/oauth/token", form)
    return reply.status, body_of(reply)


@pytest.mark.behaviour("meditech", "token-malformed")
@pytest.mark.parametrize("form", [{}, {"grant_type": ""}, {"client_id": "system", "client_secret": "s3cret"}])
def test_a_token_request_that_cannot_be_read_is_refused_as_any_request(sandbox: House, form: dict[str, str]) -> None:
    assert asked(sandbox, **form) == (400, {"resource": RESOURCE, "detail": "Bad Request"})


@pytest.mark.behaviour("meditech", "wrong-secret", "client-credentials-off", "grants-told")
def test_greenfield_tells_of_client_credentials_and_gives_none(sandbox: House, house: Houses) -> None:
    form = {"grant_type": "client_credentials", "client_id": "system", "scope": "system/Patient.rs"}
    assert asked(sandbox, **form, client_secret="wrong") == (401, {"error": "invalid_client"})
    assert asked(sandbox, **form, client_secret="s3cret") == (400, {"error": "unauthorized_client"})
    told = body_of(sandbox.ask("GET", "/.well-known/smart-configuration"))
    assert "client_credentials" in told["grant_types_supported"]
    live = house("meditech", 2, open_access=False, environment="production", fresh=2)
    register_demo_client(live.site, "system", "system/Patient.rs", secret="s3cret")
    status, made = asked(live, **form, client_secret="s3cret")
    assert (status, made["scope"]) == (200, "system/Patient.rs")


@pytest.mark.behaviour("meditech", "bare-denial")
def test_whoever_does_not_agree_comes_back_with_a_bare_error(browser: Browser) -> None:
    shown = browser.begin()
    for _ in range(12):
        where = location(shown)
        if where.startswith(CALLBACK):
            break
        shown = browser.get(where) if where else refusing(browser, shown)
    told = parse_qs(urlsplit(where).query)
    assert told == {"error": ["access_denied"], "state": ["s t/a"]}


def refusing(browser: Browser, shown: Exchange) -> Exchange:
    """Somebody who signs in, and then says no."""
    text = page_of(shown)
    action = html.unescape(re.findall(r'<form method="post" action="([^"]+)"', text)[-1])
    if action.endswith("consent"):
        return browser.post(action, {"pending": field_of(text, "pending")[0], "decision": "deny"})
    return browser.answer(shown, "clinician")


@pytest.mark.behaviour("meditech", "pkce-and-post", "no-audience")
def test_an_app_is_let_in_with_s256_and_a_posted_secret_and_without_an_audience(browser: Browser) -> None:
    code = browser.finish(browser.begin(client_id="portal", aud=None))["code"]
    made = document(browser.tokens(code, client_id="portal", client_secret="s3cret"))
    assert made["access_token"]
    code = browser.finish(browser.begin(client_id="portal"))["code"]
    other = browser.tokens(code, client_id="portal", client_secret="s3cret", code_verifier="w" * 43)
    assert document(other, 400) == {"error": "invalid_grant"}


@pytest.mark.behaviour("meditech", "wildcards")
def test_wildcards_work_in_the_sandbox_only(browser: Browser, house: Houses) -> None:
    scope = "launch/patient patient/Patient.read patient/*.read"
    assert "patient/*.read" in browser.granted(scope=scope)["scope"]
    live = Browser("meditech", settings={"paths": {"fhir": "/v1/uscore/R4"}}, user_wildcards=False)
    assert "patient/*.read" not in live.granted(scope=scope)["scope"].split()
    production = house("meditech", 2, environment="production")
    assert production.site.auth.settings.user_wildcards is False
