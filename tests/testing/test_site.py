"""Launches in tests: registering apps, opening them, driving them, and answering ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from mockehr.core.errors import DuplicateName, UnknownName, UsageError
from mockehr.testing.world import TestSite, World

pytestmark = pytest.mark.mockehr(patients=3)
CALLBACK = "http://127.0.0.1:9/callback"


def authorize(site: TestSite, **more: str) -> httpx2.Response:
    """A standalone launch's authorization request, by an app that keeps no verifier."""
    known = httpx2.get(f"{site.fhir_url}/.well-known/smart-configuration", trust_env=False).json()
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "scope": "launch/patient patient/Patient.rs",
        "state": "s",
        "aud": site.fhir_url,
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }
    return httpx2.get(known["authorization_endpoint"], params=asked | more, trust_env=False)


def test_an_app_is_registered_by_the_way_it_proves_itself(mockehr_site: TestSite) -> None:
    public = mockehr_site.app("app", [CALLBACK])
    assert (public.client_id, dict(public.key), public.fhir_url) == ("app", {}, mockehr_site.fhir_url)
    assert mockehr_site.app("keyed", [CALLBACK], keys=True).key["kid"] == "mockehr-test-client-1-es384"
    mockehr_site.app("secret", [CALLBACK], "launch patient/*.rs", secret="s")
    clients = mockehr_site.site.auth.clients
    assert [clients.get(name).methods()[0] for name in ("app", "keyed", "secret")] == [
        "none", "private_key_jwt", "client_secret_basic",
    ]  # fmt: skip
    assert clients.get("secret").scopes.text == "launch patient/*.rs"
    with pytest.raises(DuplicateName):
        mockehr_site.app("app", ["http://127.0.0.1:9/other"])
    with pytest.raises(UsageError, match="no address to come back to"):
        mockehr_site.app("other", ["callback"])


def test_an_opening_is_an_address_with_a_launch(mockehr_site: TestSite) -> None:
    [patient, *_] = mockehr_site.patient_ids(limit=1)
    url = mockehr_site.open("http://127.0.0.1:9/launch", patient=patient, user="nurse")
    told = parse_qs(urlsplit(url).query)
    assert told["iss"] == [mockehr_site.fhir_url]
    [opened] = mockehr_site.journal(channel="launch")
    assert (opened.notes["user"], opened.patient) == ("nurse", patient)
    with pytest.raises(UnknownName, match="nearest: nurse"):
        mockehr_site.open("http://127.0.0.1:9/launch", user="nures")


def test_a_launch_is_driven_from_the_test(mockehr: World, smart_app: Callable[..., Any]) -> None:
    app, site = smart_app(), mockehr.site("oracle", patients=2, stepped=True)
    site.app("app", [app.callback])
    [_, patient] = site.patient_ids()
    record = site.launch(app.url, user="nurse", patient=patient, context=["ImagingStudy/1"], client_id="app")
    assert record.completed, record.text()
    assert app.tokens[0]["fhirContext"] == [{"reference": "ImagingStudy/1"}]
    assert [entry["path"] for entry in record.entry("fhir")] == [f"/Patient/{patient}"]
    site.verify(channel="token", status=200)
    with pytest.raises(UnknownName, match="no patient"):
        site.launch(app.url, patient="nobody")


def test_an_app_is_let_in_ahead(mockehr_site: TestSite) -> None:
    mockehr_site.app("app", [CALLBACK])
    assert "Sign in" in authorize(mockehr_site).text
    mockehr_site.approve("app", user="clinician", patient=mockehr_site.patient_ids(limit=1)[0])
    answer = authorize(mockehr_site)
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["s"]
    assert "code=" in answer.headers["location"]
    mockehr_site.approve("app", deny=True)
    assert "error=access_denied" in authorize(mockehr_site).headers["location"]
    with pytest.raises(UnknownName, match="client"):
        mockehr_site.approve("nobody")


def test_users_are_those_who_can_sign_in(mockehr_site: TestSite) -> None:
    users = mockehr_site.users
    assert users[0].username == "clinician"
    assert {user.username for user in users if not user.staff} == {"patient", "proxy"}
