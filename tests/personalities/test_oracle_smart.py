"""How an Oracle Health site lets apps in, over its pipeline. Sources: personalities/oracle/notes.md."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from tests.sites.browser import CALLBACK, ROOT, Browser, claims, document, location, page_of

from mockehr.auth.assertion import client_assertion
from mockehr.auth.keys import read_bundled_key
from mockehr.sites.test_client import register_app, register_demo_client

BASIC = {"authorization": "Basic " + base64.b64encode(b"portal:s3cret").decode()}
URN = "urn:cerner:error:authorization-server:oauth2:"


@pytest.fixture
def oracle() -> Browser:
    return Browser("oracle")


@pytest.fixture
def tenant(oracle: Browser) -> str:
    return oracle.site.personality.tenant(oracle.site.facts)


def urn_of(uri: str) -> str:
    """The last part of the URN that an error address names."""
    found = re.fullmatch(r"https://north\.example\.org/errors/([^/?]+)/instances/([0-9a-f-]{36})\?(.*)", uri)
    assert found, uri
    return unquote(found[1]).removeprefix(URN)


@pytest.mark.behaviour("oracle", "launch-context")
def test_a_token_response_of_a_launch_has_oracles_members(oracle: Browser, tenant: str) -> None:
    encounters = oracle.site.auth.door.charts.encounters(oracle.patient(), 1)
    scope = "launch online_access openid profile fhirUser patient/Observation.rs"
    made = oracle.opened(scope, encounter=encounters[0].id)
    assert set(made) == {
        *("access_token", "token_type", "expires_in", "scope", "patient", "encounter", "user", "username", "tenant"),
        *("need_patient_banner", "smart_style_url", "id_token", "refresh_token", "active_ttl"),
    }
    assert (made["token_type"], made["expires_in"], made["active_ttl"]) == ("Bearer", 570, 34969)
    assert (made["tenant"], made["username"], made["need_patient_banner"]) == (tenant, "clinician", True)
    assert made["user"].isdigit()
    assert made["smart_style_url"].endswith("/styles/smart-v1.json")


@pytest.mark.behaviour("oracle", "refresh-token-form", "refresh-never-rotates")
def test_refresh_tokens_are_json_in_base64_and_never_change(oracle: Browser) -> None:
    scope = "launch online_access patient/Patient.rs"
    first = oracle.opened(scope)
    told = json.loads(base64.b64decode(first["refresh_token"]))
    assert set(told) == {"id", "secret", "ver", "type", "profile", "persona"}
    assert (told["ver"], told["type"], told["persona"]) == ("1.1", "online_access", "provider")
    for _ in range(2):
        again = oracle.ask(grant_type="refresh_token", refresh_token=first["refresh_token"], client_id="app")
        assert "refresh_token" not in document(again)
    oracle.site.auth.end_sessions("clinician")
    refused = oracle.ask(grant_type="refresh_token", refresh_token=first["refresh_token"], client_id="app")
    assert urn_of(document(refused, 400)["error_uri"]) == "token:refresh-token:token-invalid"


@pytest.mark.behaviour("oracle", "online-and-offline")
def test_offline_access_tells_no_time_of_rest(oracle: Browser) -> None:
    made = oracle.opened("launch offline_access patient/Patient.rs")
    assert made["refresh_token"]
    assert "active_ttl" not in made


@pytest.mark.behaviour("oracle", "id-token")
def test_id_tokens_are_in_the_username_for_ten_minutes(oracle: Browser, tenant: str) -> None:
    made = oracle.opened("launch openid profile fhirUser patient/Patient.rs")
    head, told = claims("." + made["id_token"].split(".")[0]), claims(made["id_token"])
    assert (head["alg"], head["kid"].endswith(".rsa")) == ("RS256", True)
    assert told["iss"] == f"{ROOT}/tenants/{tenant}/oidc/idsps/{tenant}/"
    assert (told["sub"], told["aud"], told["exp"] - told["iat"]) == ("clinician", "app", 600)
    assert told["fhirUser"] == told["profile"] == f"{oracle.base}/Practitioner/{made['user']}"
    assert (told["name"], told["email"]) == (oracle.site.auth.users.get("clinician").name, "clinician@example.org")
    assert told["name"]


@pytest.mark.behaviour("oracle", "access-token-jwe", "access-token-claims")
def test_access_tokens_are_encrypted(oracle: Browser) -> None:
    token = oracle.opened()["access_token"]
    assert token.count(".") == 4
    head = claims("." + token.split(".")[0])
    assert {name: head[name] for name in ("zip", "cty", "enc", "alg")} == {
        "zip": "DEF",
        "cty": "JWT",
        "enc": "A128CBC-HS256",
        "alg": "dir",
    }


@pytest.mark.parametrize(
    ("told", "error", "urn"),
    [
        ({"response_type": "token"}, "unsupported_response_type", "grant:unsupported-response-type"),
        ({"aud": None}, "invalid_request", "smart-v1:grant:launch:audience-required"),
        ({"aud": "https://x.example.org"}, "invalid_request", "smart-v1:grant:launch:unknown-resource-server"),
        ({"launch": "x", "scope": "launch"}, "invalid_request", "smart-v1:grant:launch:invalid-code"),
        ({"scope": None}, "invalid_scope", "grant:invalid-request"),
    ],
)
@pytest.mark.behaviour("oracle", "authorize-errors")
def test_errors_are_told_to_the_app_with_the_address_of_a_page(
    oracle: Browser, tenant: str, told: dict[str, Any], error: str, urn: str
) -> None:
    sent = oracle.begin(**told)
    assert sent.reply is not None
    assert (sent.reply.status, location(sent).partition("?")[0]) == (302, CALLBACK)
    found = {name: values[0] for name, values in parse_qs(urlsplit(location(sent)).query).items()}
    assert list(found) == ["state", "error", "error_uri"]
    assert (found["state"], found["error"], urn_of(found["error_uri"])) == ("s t/a", error, urn)
    about = parse_qs(urlsplit(found["error_uri"]).query)
    assert about == {"client": ["app"], "tenant": [tenant]}
    assert f"({URN}{urn})" in page_of(oracle.get(found["error_uri"]))


@pytest.mark.parametrize(
    ("told", "urn"),
    [
        ({"client_id": "nobody"}, "grant:unknown-client"),
        ({"redirect_uri": "https://evil.example.com/"}, "grant:redirect-uri-not-registered"),
        ({"redirect_uri": None}, "grant:invalid-redirect-uri"),
    ],
)
@pytest.mark.behaviour("oracle", "authorize-errors-page")
def test_without_an_address_of_the_app_the_browser_is_sent_to_that_page(
    oracle: Browser, told: dict[str, Any], urn: str
) -> None:
    sent = oracle.begin(**told)
    assert sent.reply is not None
    assert sent.reply.status == 303
    assert urn_of(location(sent)) == urn
    text = page_of(oracle.get(location(sent)))
    assert urn in text
    assert "evil" not in text


@pytest.mark.parametrize("path", ["x", f"{URN}x", f"{URN}x/instances/", f"{URN}/instances/y", "x/instances/y"])
def test_there_are_no_pages_about_other_errors(oracle: Browser, path: str) -> None:
    reply = oracle.get(f"{ROOT}/errors/{path}").reply
    assert reply is not None
    assert reply.status == 404


def test_what_a_page_about_an_error_shows_is_text(oracle: Browser) -> None:
    text = page_of(oracle.get(f"{ROOT}/errors/{URN}%3Cscript%3Ealert(1)%3C%2Fscript%3E/instances/x"))
    assert "<script" not in text


@pytest.mark.behaviour("oracle", "redirect-query")
def test_a_redirect_uri_may_have_a_query_of_its_own(oracle: Browser) -> None:
    found = oracle.finish(oracle.begin(redirect_uri=f"{CALLBACK}?tab=2"))
    assert (found["tab"], found["state"]) == ("2", "s t/a")
    assert document(oracle.tokens(found["code"], redirect_uri=f"{CALLBACK}?tab=2"))["access_token"]


@pytest.mark.parametrize(
    ("change", "error", "urn"),
    [
        ({"code": "x"}, "invalid_grant", "token:code-invalid-or-expired"),
        ({"redirect_uri": "https://x.example.org"}, "invalid_grant", "token:invalid-redirect-uri"),
        ({"code_verifier": "w" * 43}, "invalid_grant", "token:code-invalid-or-expired"),
        ({"grant_type": "password"}, "unsupported_grant_type", "token:unsupported-grant-type"),
        ({"client_id": "other"}, "invalid_grant", "token:code:client:mismatch"),
        ({"client_id": "nobody"}, "invalid_client", "token:invalid_client_credentials"),
    ],
)
@pytest.mark.behaviour("oracle", "token-error-reasons")
def test_refused_tokens_name_reason_client_and_tenant(
    oracle: Browser, tenant: str, change: dict[str, str], error: str, urn: str
) -> None:
    register_app(oracle.site, "other", [CALLBACK])
    code = oracle.finish(oracle.begin())["code"]
    sent = oracle.ask(
        **{
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": "app",
            "code_verifier": "v" * 43,
            **change,
        }
    )
    told = document(sent, 400)
    assert (list(told), told["error"]) == (["error", "error_uri"], error)
    assert urn_of(told["error_uri"]) == urn
    assert parse_qs(urlsplit(told["error_uri"]).query) == {
        "client": [change.get("client_id", "app")],
        "tenant": [tenant],
    }
    assert sent.reply is not None
    assert sent.reply.header("Cerner-Correlation-ID") in told["error_uri"]
    assert urn in page_of(oracle.get(told["error_uri"]))


@pytest.mark.behaviour("oracle", "scopes-dropped")
def test_scopes_that_cannot_be_are_dropped_without_a_word_for_users(oracle: Browser) -> None:
    made = oracle.opened("launch openid fhirUser patient/*.read patient/*.rs")
    assert made["scope"] == "launch openid fhirUser"
    refused = oracle.read(f"Patient/{made['patient']}", made["access_token"]).reply
    assert refused is not None
    assert refused.status == 403
    some = oracle.opened("launch patient/Patient.read patient/Patient.rs")
    assert some["scope"] == "launch patient/Patient.rs"


@pytest.mark.behaviour("oracle", "v1-refused")
def test_a_system_that_asks_in_v1_is_refused(oracle: Browser) -> None:
    register_demo_client(oracle.site, "system", "system/Patient.rs", secret="x")
    basic = {"authorization": "Basic " + base64.b64encode(b"system:x").decode()}
    body = "grant_type=client_credentials&scope=system/Patient.read"
    told = document(oracle.post(oracle.where.token, body, **basic), 400)
    assert (told["error"], urn_of(told["error_uri"])) == ("invalid_scope", "token:empty-scopes")
    good = document(oracle.post(oracle.where.token, body.replace("read", "rs"), **basic))
    assert not {"user", "username", "active_ttl"} & set(good)


@pytest.mark.behaviour("oracle", "basic-or-assertion")
def test_confidential_apps_prove_themselves_by_basic_alone(oracle: Browser) -> None:
    code = oracle.finish(oracle.begin(client_id="portal"))["code"]
    posted = oracle.tokens(code, client_id="portal", client_secret="s3cret")
    assert document(posted, 400)["error"] == "invalid_client"
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
    assert document(oracle.post(oracle.where.token, form, **BASIC))["access_token"]


@pytest.mark.behaviour("oracle", "two-token-endpoints")
def test_the_token_endpoint_answers_where_it_was_and_where_it_is(oracle: Browser) -> None:
    before = oracle.where.token.replace("/hosts/fhir-ehr-code.cerner.com", "")
    for url in (before, oracle.where.token):
        code = oracle.finish(oracle.begin())["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "app"}
        assert document(oracle.post(url, {**form, "code_verifier": "v" * 43}))["access_token"]


def test_an_assertion_names_the_address_that_it_is_sent_to(oracle: Browser) -> None:
    client = register_demo_client(oracle.site, "system", "system/Patient.rs")
    key = read_bundled_key("client-1-ES384")
    before = oracle.where.token.replace("/hosts/fhir-ehr-code.cerner.com", "")
    statuses = {}
    for number, (named, sent) in enumerate([(before, before), (oracle.where.token, before)]):
        now = oracle.site.clock.now()
        form = {
            "grant_type": "client_credentials",
            "scope": "system/Patient.rs",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": client_assertion(client.client_id, named, key, now=now, jti=str(number)),
        }
        reply = oracle.post(sent, form).reply
        assert reply is not None
        statuses[named == sent] = reply.status
    assert statuses == {True: 200, False: 400}


@pytest.mark.behaviour("oracle", "tokeninfo")
def test_tokeninfo_describes_a_token(oracle: Browser) -> None:
    made = oracle.opened("launch openid fhirUser patient/Patient.rs")
    assert oracle.where.introspect == f"{ROOT}/tokeninfo"
    told = document(oracle.post(oracle.where.introspect, {"token": made["access_token"]}, **BASIC))
    assert (told["active"], told["sub"], told["patient"]) == (True, "clinician", made["patient"])


def test_a_revoked_refresh_token_ends_its_access_tokens(oracle: Browser) -> None:
    made = oracle.opened("launch offline_access patient/Patient.rs")
    sent = oracle.post(oracle.where.revoke, {"token": made["refresh_token"], "client_id": "app"})
    assert sent.reply is not None
    assert sent.reply.status == 200
    document(oracle.read(f"Patient/{made['patient']}", made["access_token"]), 401)


# against recordings


def test_a_refused_token_request_looks_as_recorded(oracle: Browser, shared_data: Any) -> None:
    text = (shared_data / "recorded" / "oracle" / "error-token-empty-scopes-v1-syntax-2026-05-02.json").read_text()
    recorded = json.loads(text)
    recorded = recorded.get("body", recorded)
    recorded = json.loads(recorded) if isinstance(recorded, str) else recorded
    found = unquote(re.search(r"/errors/([^/?]+)/instances/", json.dumps(recorded))[1])  # type: ignore[index]
    register_demo_client(oracle.site, "system", "system/Patient.rs", secret="x")
    basic = {"authorization": "Basic " + base64.b64encode(b"system:x").decode()}
    sent = oracle.post(oracle.where.token, "grant_type=client_credentials&scope=system/Patient.read", **basic)
    assert URN + urn_of(document(sent, 400)["error_uri"]) == found
