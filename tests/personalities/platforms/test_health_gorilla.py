"""Health Gorilla, as clients meet it. Sources: personalities/health_gorilla/notes.md."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.auth.clients import Client
from mockehr.auth.scopes import Scopes

House = Any
Built = Callable[..., House]
SCOPES = "patient360 user/*.* system/*.*"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(scope="module")
def network(house: Built) -> House:
    site = house("health_gorilla", fresh=1, open_access=False)
    site.site.auth.clients.add(Client("app", Scopes.parse(SCOPES), secret="s3cret", grant_types=(GRANT,)))
    return site


def octets(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def asked(site: House, secret: str = "s3cret", jti: str = "1", **claims: Any) -> tuple[int, dict[str, Any]]:
    url, now = site.base.removesuffix("/fhir/R4") + "/oauth/token", int(site.site.clock.now())
    told = {"iss": "app", "sub": "app", "aud": url, "exp": now + 60, "iat": now, "jti": jti} | claims
    signed = ".".join(octets(orjson.dumps(part)) for part in ({"alg": "HS256", "typ": "JWT"}, told))
    assertion = f"{signed}.{octets(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"
    reply = site.ask("POST", "/oauth/token", {"grant_type": GRANT, "assertion": assertion, "scope": SCOPES})
    return reply.status, orjson.loads(reply.body)


@pytest.mark.behaviour("health_gorilla", "jwt-bearer", "lifetime", "scope")
def test_an_assertion_signed_with_the_secret_gets_a_token(network: House) -> None:
    status, token = asked(network)
    assert (status, token["expires_in"]) == (200, 3600)
    assert set(token["scope"].split()) <= set(SCOPES.split())
    bearer = f"Bearer {token['access_token']}"
    assert network.fhir(f"Patient/{network.patient(0)}", authorization=bearer).status == 200


def test_another_secret_another_audience_and_the_same_twice_get_none(network: House) -> None:
    assert asked(network, secret="wrong", jti="2")[0] == 400
    assert asked(network, jti="3", aud="https://elsewhere.example.org/token")[0] == 400
    assert asked(network, jti="4")[0] == 200
    assert asked(network, jti="4")[0] == 400


@pytest.mark.behaviour("health_gorilla", "hex-ids", "mrn-system", "base")
def test_ids_are_hex_and_record_numbers_the_network_s(house: Built) -> None:
    site = house("health_gorilla")
    assert site.base.endswith("/fhir/R4")
    patient = site.read(f"Patient/{site.patient(0)}")
    assert re.fullmatch("[0-9a-f]{24}", patient["id"])
    assert "https://www.healthgorilla.com" in [one["system"] for one in patient["identifier"]]
    found = site.read(f"Patient?identifier=https://www.healthgorilla.com|{patient['identifier'][0]['value']}")
    assert [entry["resource"]["id"] for entry in found["entry"]] == [patient["id"]]


@pytest.mark.behaviour("health_gorilla", "outcomes")
def test_refusals_are_outcomes(network: House) -> None:
    for target, status in (("Patient/x", 401), ("Patient?birthdate=yesterday", 400)):
        headers = {} if status == 401 else {"authorization": network.bearer()}
        reply = network.fhir(target, **headers)
        document = reply.document or orjson.loads(reply.body)
        assert (reply.status, document["resourceType"]) == (status, "OperationOutcome")


def subscription(number: int) -> dict[str, Any]:
    channel = {"type": "rest-hook", "endpoint": f"https://h{number}.example.org/", "payload": "application/fhir+json"}
    head = {"resourceType": "Subscription", "status": "requested", "reason": "x"}
    return head | {"criteria": "Patient?", "channel": channel}


@pytest.mark.behaviour("health_gorilla", "webhook", "taken", "retries", "limit")
def test_subscriptions_tell_whole_resources_and_there_are_thirty_at_most(house: Built) -> None:
    site = house("health_gorilla", fresh=1)
    statuses = [site.fhir("Subscription", "POST", subscription(number)).status for number in range(31)]
    assert statuses == [201] * 30 + [422]
    hook = next(iter(site.site.outbox.hooks.values()))
    assert (hook.form, hook.payload) == ("health-gorilla", "full")
    policy = next(iter(site.site.outbox.lanes.values())).hook.policy
    assert (policy.accepts, policy.ladder, policy.exhausted) == ((200, 202), (5.0, 30.0, 120.0, 600.0), "drop")
