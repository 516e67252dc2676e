"""Clients that register themselves."""

from __future__ import annotations

import pytest
from tests.auth.conftest import public

from mockehr.auth.keys import read_bundled_key

APP = {
    "client_name": "An app",
    "redirect_uris": ["https://app.example.org/cb", "http://127.0.0.1:9/cb", "org.example.app:/cb"],
    "scope": "launch/patient patient/Patient.rs",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}
KEYS = {"keys": [public(read_bundled_key("client-1-ES384"))]}


@pytest.fixture
def house(make_house):
    return make_house(registration="open")


def test_a_public_app_gets_an_id_and_can_be_opened(house):
    reply = house.server.register(APP)
    assert reply.status == 201
    assert reply.document == APP | {
        "client_id": reply.client_id,
        "client_id_issued_at": int(house.clock.now()),
        "response_types": ["code"],
    }
    code = house.code(client_id=reply.client_id, redirect_uri="org.example.app:/cb")
    assert house.tokens(code, client_id=reply.client_id, redirect_uri="org.example.app:/cb").status == 200


def test_a_confidential_app_gets_a_secret_that_works(house):
    reply = house.server.register({**APP, "token_endpoint_auth_method": "client_secret_post"})
    assert reply.document["client_secret_expires_at"] == 0
    proof = {"client_id": reply.client_id, "client_secret": reply.document["client_secret"]}
    uri = APP["redirect_uris"][0]
    code = house.code(client_id=reply.client_id, redirect_uri=uri)
    assert house.tokens(code, redirect_uri=uri, **proof).status == 200
    assert (
        reply.document["client_secret"]
        != house.server.register(APP | {"token_endpoint_auth_method": ("client_secret_post")}).document[
            "client_secret"
        ]
    )


def test_an_app_with_keys_registers_them_or_their_address(house):
    told = {**APP, "token_endpoint_auth_method": "private_key_jwt"}
    assert house.server.register({**told, "jwks": KEYS}).document["jwks"] == KEYS
    there = "https://app.example.org/jwks"
    assert house.server.register({**told, "jwks_uri": there}).document["jwks_uri"] == there


@pytest.mark.parametrize(
    "told",
    [
        {"token_endpoint_auth_method": "tls"},
        {"token_endpoint_auth_method": ["none"]},
        {"grant_types": ["implicit"]},
        {"grant_types": "authorization_code"},
        {"scope": 1},
        {"client_name": {}},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS, "jwks_uri": "https://x.example.org"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "file:///etc/passwd"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": []},
    ],
)
def test_bad_metadata_are_refused(house, told):
    reply = house.server.register({**APP, **told})
    assert (reply.status, reply.reason, reply.error) == (400, "registration-malformed", "invalid_client_metadata")


@pytest.mark.parametrize(
    "uris",
    [
        None,
        [],
        ["http://app.example.org/cb"],
        ["https://app.example.org/cb#x"],
        ["https://app.example.org/cb#"],
        ["https://someone@app.example.org/cb"],
        ["https://app.example.org\\@evil.example.com"],
        ["https://app.example.org/\r\nSet-Cookie: a=b"],
        ["https://app.example.org/ä"],
        ["https://[::1"],
        ["https://app.example.org:99999/"],
        ["javascript:alert(1)"],
        ["data:text/html,x"],
        ["https:///cb"],
        ["/cb"],
        ["https://app.example.org/cb"] * 21,
    ],
)
def test_bad_redirect_uris_are_refused(house, uris):
    told = {name: value for name, value in {**APP, "redirect_uris": uris}.items() if value is not None}
    reply = house.server.register(told)
    assert (reply.status, reply.reason, reply.error) == (400, "registration-redirect", "invalid_redirect_uri")


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_what_is_no_object_is_refused(house, body):
    assert house.server.register(body).reason == "registration-malformed"


def test_who_registered_itself_is_gone_when_the_site_starts_anew_and_others_stay(house):
    first = house.server.register(APP).client_id
    assert {one.client_id for one in house.server.clients} == {"app", "portal", first}
    house.server.clear()
    assert {one.client_id for one in house.server.clients} == {"app", "portal"}
    other = house.server.register({**APP, "client_name": "Another"})
    assert (other.status, other.client_id) == (201, first)


def test_a_registration_can_be_replaced_and_removed_like_any_other(house):
    from dataclasses import replace

    client = house.server.clients.get(house.server.register(APP).client_id)
    house.server.clients.replace(replace(client, active=False))
    assert house.refusal(client_id=client.client_id, redirect_uri=APP["redirect_uris"][0]) == "client-inactive"
    assert len(house.server.clients) == 3
    house.server.clients.remove(client.client_id)
    assert client.client_id not in house.server.clients
