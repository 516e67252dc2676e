"""How Epic lets apps and systems in, beyond test_epic_smart.py. Sources: personalities/epic/notes.md, Tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.sites.browser import Browser, document

from mockehr.auth.clients import Client
from mockehr.auth.keys import read_bundled_key
from mockehr.auth.scopes import Scopes
from mockehr.personalities.epic.access import before_v2

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def asserted(audience: str, now: int, **told: Any) -> str:
    """A signed assertion of the client `backend`, with claims laid over the right ones; None removes one."""

    def b64(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    key = read_bundled_key("client-1-ES384")
    claims = {"iss": "backend", "sub": "backend", "aud": audience, "iat": now, "exp": now + 240, "jti": "j1"} | told
    head = {"alg": "ES384", "kid": key["kid"], "typ": "JWT"}
    text = ".".join(
        b64(json.dumps(part).encode()) for part in (head, {k: v for k, v in claims.items() if v is not None})
    )
    number = int.from_bytes(base64.urlsafe_b64decode(key["d"] + "=="), "big")
    octets = ec.derive_private_key(number, ec.SECP384R1()).sign(text.encode(), ec.ECDSA(hashes.SHA384()))
    r, s = decode_dss_signature(octets)
    return f"{text}.{b64(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}"


@pytest.fixture
def backend() -> Browser:
    epic = Browser("epic", check_times=True)
    key = read_bundled_key("client-1-ES384")
    public = {name: key[name] for name in ("kty", "kid", "crv", "x", "y")}
    scopes = Scopes.parse("system/Patient.rs system/Encounter.r")
    epic.site.auth.clients.add(Client("backend", scopes, jwks={"keys": [public]}))
    return epic


def ask(epic: Browser, **told: Any) -> Any:
    now = int(epic.site.clock.now())
    made = asserted(epic.where.token, now, **told)
    return epic.ask(grant_type="client_credentials", client_assertion_type=TYPE, client_assertion=made)


@pytest.mark.behaviour("epic", "assertion-rules", "all-registered")
def test_a_systems_assertion_is_held_to_epics_rules(backend: Browser) -> None:
    now = int(backend.site.clock.now())
    granted = document(ask(backend))
    assert granted["scope"] == "system/Patient.r system/Patient.s system/Encounter.r"
    refused = {"error": "invalid_client", "error_description": None}
    for told in (
        {"jti": "j1"},
        {"jti": "j" * 152},
        {"jti": "late", "exp": now + 301},
        {"jti": "long", "iat": now - 100, "exp": now + 240},
        {"jti": "ahead", "nbf": now + 60, "exp": now + 240},
        {"jti": "elsewhere", "aud": backend.base},
    ):
        assert document(ask(backend, **told), 400) == refused, told
    assert "access_token" in document(ask(backend, jti="j" * 151))
    algorithms = backend.site.auth.settings.assertion_algs
    assert set(algorithms) == {"RS256", "RS384", "RS512", "ES256", "ES384"}
    assert backend.site.auth.settings.jwks_ttl == 29 * 3600


@pytest.mark.behaviour("epic", "late-clients")
def test_a_new_client_id_works_after_hours() -> None:
    epic = Browser("epic")
    at = epic.site.clock.now() + 12 * 3600
    epic.site.auth.clients.add(Client("new", Scopes.parse("system/*.rs"), secret="s3cret", active_from=at))
    form = {"grant_type": "client_credentials", "client_id": "new", "client_secret": "s3cret"}
    assert document(epic.ask(**form), 400)["error"] == "invalid_client"
    epic.site.clock.advance(12 * 3600 + 1)
    assert "access_token" in document(epic.ask(**form))


@pytest.mark.behaviour("epic", "v1-scopes")
def test_before_2024_scopes_are_told_in_the_first_versions_words() -> None:
    asked = "launch openid patient/Patient.rs patient/Observation.cruds?category=x user/Goal.read"
    assert (
        before_v2(asked, "lower")
        == "launch openid patient/Patient.read patient/Observation.read patient/Observation.write user/Goal.read"
    )
    assert before_v2("patient/Patient.s", "title") == "patient/Patient.Read"
    epic = Browser("epic", settings={"authorize": {"scope_form": "v1"}})
    made = epic.granted("patient", scope="launch/patient openid patient/Patient.rs")
    assert set(made["scope"].split()) == {"launch/patient", "openid", "patient/Patient.read"}


@pytest.mark.behaviour("epic", "refresh-end")
@pytest.mark.parametrize(("slides", "status"), [(False, 400), (True, 200)])
def test_rolling_refresh_ends_with_the_first_token_and_indefinite_goes_on(slides: bool, status: int) -> None:
    epic = Browser("epic", refresh_slides=slides, refresh_lifetime=86400.0)
    scope = "launch/patient offline_access patient/Patient.rs"
    proof = {"client_id": "portal", "client_secret": "s3cret"}
    made = document(epic.tokens(epic.finish(epic.begin(client_id="portal", scope=scope), "patient")["code"], **proof))
    for _ in range(2):
        epic.site.clock.advance(50_000)
        sent = epic.ask(grant_type="refresh_token", refresh_token=made["refresh_token"], **proof)
        assert sent.reply is not None
        if sent.reply.status == 200:
            made = document(sent)
    assert sent.reply.status == status


@pytest.mark.behaviour("epic", "opaque-tokens")
def test_access_tokens_may_be_opaque(house: Callable[..., Any]) -> None:
    opaque = house("epic", patients=1, settings={"token": {"format": "opaque"}}, open_access=False)
    bearer = opaque.bearer()
    assert bearer.count(".") == 0
    assert opaque.fhir(f"Patient/{opaque.patient()}", authorization=bearer).status == 200
    assert house("epic", patients=12, open_access=False).bearer().count(".") == 2


@pytest.mark.behaviour("epic", "launch-token")
def test_a_launch_token_works_once() -> None:
    epic = Browser("epic")
    handle = epic.launch()
    first = epic.finish(epic.begin(launch=handle, scope="launch patient/Patient.rs"))
    assert "code" in first
    again = epic.begin(launch=handle, scope="launch patient/Patient.rs")
    assert again.reply is not None
    assert again.reply.status == 400
