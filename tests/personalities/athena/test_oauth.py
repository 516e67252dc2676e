"""Tokens of a site of athenahealth. Sources: personalities/athena/notes.md."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest

from mockehr.auth.clients import Client
from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.sites.test_client import register_app

House = Any
MDP = "athena/service/Athenanet.MDP.*"
PREVIEW = {"events": {"athena": {"practice": "195900"}}}
POLICY = "Policy evaluation failed for this request, please check the policy configurations."


@pytest.fixture
def site(house: Callable[..., House]) -> House:
    made = house("athena", patients=3, open_access=False, settings=PREVIEW)
    scopes = Scopes.parse(f"system/*.cruds system/Condition.rs?category=problem-list-item {MDP}")
    made.site.auth.clients.add(Client("app", scopes, secret="s3cret"))
    return made


def token(site: House, headers: dict[str, str] | None = None, **form: str) -> Any:
    basic = "Basic " + base64.b64encode(b"app:s3cret").decode()
    told = {"authorization": basic, **(headers or {})}
    return site.ask("POST", "/oauth2/v1/token", {"grant_type": "client_credentials", **form}, **told)


def body(reply: Any) -> Any:
    return orjson.loads(reply.body)


@pytest.mark.behaviour("athena", "mdp-scope", "ah-practice-told")
def test_one_token_is_good_for_both_interfaces(site: House) -> None:
    reply = token(site, scope=f"{MDP} system/Patient.read")
    told = body(reply)
    assert (reply.status, told["ah_practice"]) == (200, "a-1.Practice-195900")
    assert set(told["scope"].split()) == {MDP, "system/Patient.read"}
    payload = told["access_token"].split(".")[1]
    claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["ah_practice"] == "a-1.Practice-195900"
    bearer = f"Bearer {told['access_token']}"
    assert site.fhir(f"Patient/{site.patient(0)}", authorization=bearer).status == 200
    assert site.ask("GET", "/v1/195900/departments", authorization=bearer).status == 200


def test_without_the_scope_of_the_proprietary_api_there_is_none(site: House) -> None:
    bearer = f"Bearer {body(token(site, scope='system/Patient.read'))['access_token']}"
    assert site.ask("GET", "/v1/195900/departments", authorization=bearer).status == 403
    only = f"Bearer {body(token(site, scope=MDP))['access_token']}"
    assert site.fhir(f"Patient/{site.patient(0)}", authorization=only).status == 403


@pytest.mark.behaviour("athena", "scope-mandatory")
def test_a_request_without_scope_fails_at_the_gateways_policy(site: House) -> None:
    reply = token(site)
    assert (reply.status, body(reply)) == (401, {"detailedmessage": POLICY, "error": "access_denied"})
    assert body(token(site, scope="system/Nothing.read"))["error"] == "invalid_scope"


@pytest.mark.behaviour("athena", "expires-text")
@pytest.mark.parametrize(("text", "kind"), [(True, str), (False, int)])
def test_how_long_a_token_is_good_may_be_a_text(house: Callable[..., House], text: bool, kind: type) -> None:
    made = house("athena", patients=1, open_access=False, settings={"token": {"expires_in_as_text": text}})
    made.site.auth.clients.add(Client("app", Scopes.parse(MDP), secret="s3cret"))
    told = body(token(made, scope=MDP))["expires_in"]
    assert isinstance(told, kind)
    assert int(told) == 3600


@pytest.mark.behaviour("athena", "no-cors-on-token")
def test_pages_of_other_origins_get_no_token(site: House) -> None:
    reply = token(site, {"origin": "https://app.example.org"}, scope=MDP)
    assert reply.header("Access-Control-Allow-Origin") == ""
    found = site.ask("GET", "/fhir/r4/.well-known/smart-configuration", origin="https://app.example.org")
    assert found.header("Access-Control-Allow-Origin")


@pytest.mark.behaviour("athena", "scope-dialects")
def test_scopes_of_both_versions_and_with_a_constraint(site: House) -> None:
    for scope in (
        "system/Observation.read",
        "system/Observation.rs",
        "system/Condition.rs?category=problem-list-item",
    ):
        assert body(token(site, scope=scope))["scope"] == scope


def authorize(site: House, **more: str) -> Any:
    query = {
        "response_type": "code",
        "client_id": "portal",
        "redirect_uri": "https://app.example.org/back",
        "scope": "openid launch/patient patient/Patient.read offline_access",
        "state": "s",
        "aud": site.base,
        "nonce": "n",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    } | more
    told = urlencode({name: value for name, value in query.items() if value})
    return site.ask("GET", f"/oauth2/v1/authorize?{told}")


@pytest.mark.behaviour("athena", "nonce")
def test_openid_wants_a_nonce_and_every_request_an_audience_and_a_challenge(site: House) -> None:
    register_app(site.site, "portal", ["https://app.example.org/back"])
    assert authorize(site).status == 200
    for missing in ("nonce", "aud", "code_challenge"):
        reply = authorize(site, **{missing: ""})
        assert (reply.status, parse_qs(urlsplit(reply.header("Location")).query)["error"]) == (
            302,
            ["invalid_request"],
        )
    plain = "launch/patient patient/Patient.read"
    assert authorize(site, nonce="", scope=plain).status == 200


@pytest.mark.behaviour("athena", "refresh-scope")
def test_a_refresh_has_to_say_again_what_it_is_for(site: House) -> None:
    scopes = "patient/Patient.read offline_access"
    app = Client("portal", Scopes.parse(scopes), secret="p", grant_types=("authorization_code", "refresh_token"))
    site.site.auth.clients.add(app)
    now = site.site.clock.now()
    grant = Grant("portal", Scopes.parse(scopes), now, now + 3600, 3600, patient=site.patient(0), family="f")
    first = site.site.auth.renewals.first(grant, app, now)
    basic = {"authorization": "Basic " + base64.b64encode(b"portal:p").decode()}
    form = {"grant_type": "refresh_token", "refresh_token": first}
    bare = site.ask("POST", "/oauth2/v1/token", form, **basic)
    assert (bare.status, body(bare)["error"]) == (401, "access_denied")
    again = site.ask("POST", "/oauth2/v1/token", {**form, "scope": scopes}, **basic)
    assert again.status == 200
    assert body(again)["patient"] == site.patient(0)
