"""SMART App Launch over real sockets, with nothing but an HTTP client and a reader of HTML forms."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest

from mockehr.testing.world import TestSite, World

CALLBACK = "http://127.0.0.1:9/callback"
VENDORS = ("generic", "epic", "oracle")
DATA = "patient/Patient.rs patient/Observation.rs"


class App:
    """A public app as its developers write it: discovery, PKCE, state, tokens."""

    def __init__(self, site: TestSite, http: httpx2.Client) -> None:
        site.app("app", [CALLBACK])
        site.app("resource-server", [CALLBACK], secret="s3cret")
        self.http, self.base = http, site.fhir_url
        self.smart = http.get(f"{self.base}/.well-known/smart-configuration").json()
        self.verifier = "a-verifier-that-is-long-enough-for-the-standard_1"
        self.state = "opaque state"

    def authorize(self, scope: str, **more: str) -> httpx2.Response:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": CALLBACK,
            "scope": scope,
            "state": self.state,
            "aud": self.base,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **more,
        }
        return self.http.get(self.smart["authorization_endpoint"], params=query)

    def walk(self, answer: httpx2.Response, user: str) -> dict[str, str]:
        """Go on as somebody who fills in every form and agrees, until the app is called back."""
        for _ in range(12):
            if answer.is_redirect:
                where = urljoin(str(answer.url), answer.headers["location"])
                if where.startswith(CALLBACK):
                    return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
                answer = self.http.get(where)
                continue
            assert answer.status_code == 200, answer.text
            action, fields = form_of(answer.text, user)
            answer = self.http.post(urljoin(str(answer.url), action), data=fields)
        raise AssertionError("the pages do not end")

    def tokens(self, code: str, status: int = 200) -> dict[str, Any]:
        return self.ask(
            status, grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=self.verifier
        )

    def ask(self, status: int = 200, **form: str) -> dict[str, Any]:
        answer = self.http.post(self.smart["token_endpoint"], data={"client_id": "app", **form})
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    def read(self, path: str, token: str) -> httpx2.Response:
        return self.http.get(
            f"{self.base}/{path}", headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
        )


def form_of(text: str, user: str) -> tuple[str, dict[str, Any]]:
    """The last form of a page that is posted, and what somebody fills in."""
    action = html.unescape(re.findall(r'<form method="post" action="([^"]+)"', text)[-1])
    fields: dict[str, Any] = {"pending": re.findall(r'name="pending" value="([^"]+)"', text)[0], "username": user}
    for name in ("patient", "encounter"):
        choices = re.findall(rf'name="{name}" value="([^"]+)"', text)
        fields |= {name: choices[0]} if choices else {}
    scopes = re.findall(r'name="scope" value="([^"]+)"', text)
    return action, fields | {"decision": "allow", "scope": [html.unescape(one) for one in scopes]}


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=10, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_patient_opens_an_app_by_itself(mockehr: World, http: httpx2.Client, vendor: str) -> None:
    site = mockehr.site(vendor, patients=5)
    app = App(site, http)
    found = app.walk(app.authorize(f"launch/patient openid fhirUser {DATA}", nonce="n1"), "patient")
    assert found["state"] == app.state
    made = app.tokens(found["code"])
    patient = app.read(f"Patient/{made['patient']}", made["access_token"])
    assert (patient.status_code, patient.json()["id"]) == (200, made["patient"])
    assert app.read(f"Observation?patient={made['patient']}&category=laboratory", made["access_token"]).is_success
    other = next(id for id in site.patient_ids() if id != made["patient"])
    assert app.read(f"Patient/{other}", made["access_token"]).status_code in (403, 404)
    part = made["id_token"].split(".")[1]
    told = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert (told["aud"], told["nonce"]) == ("app", "n1")
    assert told["fhirUser"] == f"{app.base}/Patient/{made['patient']}"


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_workstation_opens_an_app_for_a_patient(mockehr: World, http: httpx2.Client, vendor: str) -> None:
    site = mockehr.site(vendor, patients=5)
    app, patient = App(site, http), site.patient_ids()[2]
    told = parse_qs(urlsplit(site.open("http://127.0.0.1:9/launch", patient=patient, intent="review")).query)
    assert told["iss"] == [app.base]
    [handle] = told["launch"]
    found = app.walk(app.authorize(f"launch openid fhirUser {DATA}", launch=handle), "nobody")
    made = app.tokens(found["code"])
    assert (made["patient"], made["intent"]) == (patient, "review")
    assert http.get(made["smart_style_url"]).json()["color_background"]
    assert app.read(f"Patient/{patient}", made["access_token"]).status_code == 200
    again = app.authorize(f"launch {DATA}", launch=handle)
    assert "code=" not in again.headers.get("location", "")


def test_an_app_renews_its_tokens_until_they_are_revoked(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic", patients=5, stepped=True)
    app = App(site, http)
    first = app.tokens(app.walk(app.authorize(f"launch/patient offline_access {DATA}"), "patient")["code"])
    path = f"Patient/{first['patient']}"
    site.advance(first["expires_in"] + 1)
    assert app.read(path, first["access_token"]).status_code == 401
    second = app.ask(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert app.read(path, second["access_token"]).status_code == 200
    proof = {"client_id": "resource-server", "client_secret": "s3cret"}
    told = http.post(app.smart["introspection_endpoint"], data={"token": second["access_token"], **proof}).json()
    assert (told["active"], told["client_id"], told["patient"]) == (True, "app", first["patient"])
    gone = http.post(app.smart["revocation_endpoint"], data={"token": second["refresh_token"], "client_id": "app"})
    assert gone.status_code == 200
    assert app.read(path, second["access_token"]).status_code == 401
    told = http.post(app.smart["introspection_endpoint"], data={"token": second["access_token"], **proof}).json()
    assert told == {"active": False}
    assert app.ask(400, grant_type="refresh_token", refresh_token=second["refresh_token"])["error"] == "invalid_grant"


def test_a_stolen_refresh_token_ends_what_the_thief_and_the_app_have(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic", patients=5)
    app = App(site, http)
    stolen = app.tokens(app.walk(app.authorize(f"launch/patient offline_access {DATA}"), "patient")["code"])
    mine = app.ask(grant_type="refresh_token", refresh_token=stolen["refresh_token"])
    assert app.ask(400, grant_type="refresh_token", refresh_token=stolen["refresh_token"])["error"] == "invalid_grant"
    assert app.read(f"Patient/{stolen['patient']}", mine["access_token"]).status_code == 401
    assert app.ask(400, grant_type="refresh_token", refresh_token=mine["refresh_token"])["error"] == "invalid_grant"


def test_a_browser_that_signed_in_is_remembered_until_it_is_signed_out(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic", patients=5)
    app = App(site, http)
    app.walk(app.authorize(f"launch/patient {DATA}"), "patient")
    assert 'name="username"' not in app.authorize(f"launch/patient {DATA}").text
    ended = http.delete(f"{mockehr.url}/_mockehr/sites/{site.name}/sessions", params={"user": "patient"}).json()
    assert ended["ended"] == 1
    assert 'name="username"' in app.authorize(f"launch/patient {DATA}").text
