"""A Backend Services client over real sockets."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from mockehr.auth.assertion import client_assertion
from mockehr.testing.world import TestClient, TestSite, World


def token_of(client: TestClient, http: httpx2.Client, *, jti: str, site: TestSite, scope: str = "") -> dict[str, Any]:
    assertion = client_assertion(client.client_id, client.token_url, client.key, now=site.site.clock.now(), jti=jti)
    form = {
        "grant_type": "client_credentials",
        "scope": scope or client.scopes,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    answer = http.post(client.token_url, data=form)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def http() -> Any:
    with httpx2.Client(timeout=30) as client:
        yield client


def test_a_client_registers_gets_a_token_creates_and_reads(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic")
    client = site.client()
    token = token_of(client, http, jti="1", site=site)
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    body = {"resourceType": "Patient", "name": [{"family": "Núñez"}]}
    created = http.post(
        f"{site.fhir_url}/Patient", json=body, headers=headers | {"Content-Type": "application/fhir+json"}
    )
    assert created.status_code == 201
    found = http.get(f"{site.fhir_url}/Patient", params={"family": "nunez"}, headers=headers)
    assert found.json()["total"] == 1
    assert found.json()["entry"][0]["resource"]["name"] == body["name"]


def test_without_a_token_nothing_is_shown(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic")
    assert http.get(f"{site.fhir_url}/Patient").status_code == 401
    assert http.get(f"{site.fhir_url}/metadata").status_code == 200


def test_a_lost_response_leaves_the_write_committed(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic")
    site.quirk("lost-response", when={"first": 1})
    headers = {"Authorization": f"Bearer {token_of(site.client(), http, jti='1', site=site)['access_token']}"}
    body = {"resourceType": "Patient", "name": [{"family": "Muster"}]}
    with pytest.raises(httpx2.RemoteProtocolError):
        http.post(f"{site.fhir_url}/Patient", json=body, headers=headers | {"Content-Type": "application/fhir+json"})
    assert http.get(f"{site.fhir_url}/Patient", headers=headers).json()["total"] == 1


def test_a_token_that_dies_after_two_uses_is_refused_with_a_challenge(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic")
    site.quirk("token-expiry", uses=2)
    headers = {"Authorization": f"Bearer {token_of(site.client(), http, jti='1', site=site)['access_token']}"}
    answers = [http.get(f"{site.fhir_url}/Patient", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert "invalid_token" in answers[2].headers["www-authenticate"]


def test_the_rate_limit_says_when_to_come_back(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic", stepped=True)
    site.quirk("rate-limit", budget=2, per="60s")
    headers = {"Authorization": f"Bearer {token_of(site.client(), http, jti='1', site=site)['access_token']}"}
    answers = [http.get(f"{site.fhir_url}/Patient", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    site.advance(float(answers[2].headers["retry-after"]))
    assert http.get(f"{site.fhir_url}/Patient", headers=headers).status_code == 200


def test_scopes_left_out_are_told_and_refused(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic")
    site.quirk("scope-subset", drop=["Observation"])
    client = site.client(scopes="system/Patient.rs system/Observation.rs")
    token = token_of(client, http, jti="1", site=site)
    assert token["scope"] == "system/Patient.rs"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert http.get(f"{site.fhir_url}/Patient", headers=headers).status_code == 200
    assert http.get(f"{site.fhir_url}/Observation?patient=1", headers=headers).status_code == 403


def test_a_truncated_body_is_noticed_by_a_real_client(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic", open_access=True)
    site.quirk("truncated-body", when={"first": 1})
    with pytest.raises(httpx2.RemoteProtocolError):
        http.get(f"{site.fhir_url}/metadata")
    assert http.get(f"{site.fhir_url}/metadata").status_code == 200


def test_a_reset_reaches_the_client_as_a_reset(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("generic", open_access=True)
    site.quirk("reset", when={"first": 1})
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        http.get(f"{site.fhir_url}/metadata")


def test_two_sites_share_nothing(mockehr: World, http: httpx2.Client) -> None:
    one, other = mockehr.site("generic"), mockehr.site("generic")
    token = token_of(one.client(), http, jti="1", site=one)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert http.get(f"{one.fhir_url}/Patient", headers=headers).status_code == 200
    assert http.get(f"{other.fhir_url}/Patient", headers=headers).status_code == 401


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_the_journal_knows_why_a_token_was_refused_though_the_vendor_does_not_tell(
    mockehr: World, vendor: str
) -> None:
    site = mockehr.site(vendor)
    form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"}
    with httpx2.Client(trust_env=False) as http:
        assert http.post(site.token_url, data=form).status_code in (400, 401)
        assert http.get(site.token_url).status_code == 405
    refused, wrong = site.journal(channel="token")
    assert refused.notes["refused"]
    assert refused.notes["refused_because"]
    assert wrong.problem is not None
    assert wrong.problem.status == 405
