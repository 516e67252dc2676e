"""An app on a user's device registers itself there, and asks for its user afterwards."""

from __future__ import annotations

import json

import pytest
from tests.auth.conftest import b64, public, signature
from tests.auth.house import WHERE

from mockehr.auth.grants.jwt_bearer import NAME
from mockehr.auth.keys import read_bundled_key

KEY = read_bundled_key("client-1-ES384")


@pytest.fixture
def house(make_house):
    return make_house(grants=("authorization_code", "refresh_token", NAME), registration="token")


def register(house, token: str, **told):
    document = {"software_id": "app", "jwks": {"keys": [public(KEY)]}, **told}
    return house.server.register(document, f"Bearer {token}")


def asserted(house, client: str, **told) -> str:
    now = int(house.clock.now())
    said = {"iss": client, "sub": client, "aud": WHERE.token, "exp": now + 240, "jti": str(now), **told}
    head = {"alg": KEY["alg"], "kid": KEY["kid"], "typ": "JWT"}
    text = ".".join(b64(json.dumps(part).encode()) for part in (head, said))
    return f"{text}.{b64(signature(KEY, KEY['alg'], text.encode()))}"


def test_a_device_is_registered_with_the_users_token_once(house):
    token = house.granted(scope="launch/patient patient/Patient.rs").document["access_token"]
    reply = register(house, token)
    assert reply.status == 201
    assert reply.document == {
        "client_id": reply.client_id,
        "grant_types": [NAME],
        "token_endpoint_auth_method": "none",
    }
    assert not house.works(token)
    assert (register(house, token).reason, register(house, token).status) == ("token-useless", 401)


def test_the_device_asks_for_its_user_by_an_assertion(house):
    first = house.granted(scope="launch/patient patient/Patient.rs")
    client = register(house, first.document["access_token"]).client_id
    reply = house.ask(NAME, assertion=asserted(house, client))
    assert (reply.status, reply.client_id) == (200, client)
    assert (reply.document["patient"], reply.document["scope"]) == ("p1", "launch/patient patient/Patient.rs")
    assert "refresh_token" not in reply.document
    assert house.server.look_up(reply.document["access_token"]).user == "Practitioner/d1"
    house.clock.advance(400)
    assert house.ask(NAME, assertion=asserted(house, client), client_id=client).status == 200


def test_a_bad_assertion_is_an_invalid_grant(house):
    client = register(house, house.granted().document["access_token"]).client_id
    good = asserted(house, client)
    replies = {
        "audience-wrong": house.ask(NAME, assertion=asserted(house, client, aud="x")),
        "signature-wrong": house.ask(NAME, assertion=good[:-8] + "AAAAAAAA"),
        "assertion-malformed": house.ask(NAME, assertion="x", client_id=client),
    }
    assert {name: reply.reason for name, reply in replies.items()} == {name: name for name in replies}
    assert {reply.error for reply in replies.values()} == {"invalid_grant"}
    assert house.ask(NAME, assertion=good).status == 200
    assert house.ask(NAME, assertion=good).reason == "jti-replayed"
    assert house.ask(NAME, client_id=client).reason == "assertion-missing"


def test_whoever_is_no_device_is_refused(house):
    assert house.ask(NAME, assertion="x").reason == "authentication-missing"
    assert house.ask(NAME, assertion=asserted(house, "nobody")).reason == "client-unknown"
    assert house.ask(NAME, assertion=asserted(house, "app")).reason == "grant-type-not-registered"
    house.register("half", public=True, grant_types=(NAME,), redirect_uris=())
    assert house.ask(NAME, assertion=asserted(house, "half")).reason == "grant-unknown"


def test_registering_needs_the_apps_own_token_and_a_key(house):
    token = house.granted().document["access_token"]
    assert register(house, "x").reason == "token-useless"
    assert register(house, token, software_id="portal").reason == "registration-malformed"
    assert register(house, token, jwks=None).reason == "registration-malformed"
    assert register(house, token, jwks={"keys": 1}).reason == "registration-malformed"
    assert register(house, token).status == 201  # a request that was refused did not use it up


def test_a_code_that_comes_twice_ends_the_devices_tokens_too(house):
    code = house.code()
    client = register(house, house.tokens(code).document["access_token"]).client_id
    token = house.ask(NAME, assertion=asserted(house, client)).document["access_token"]
    assert house.works(token)
    assert house.tokens(code).reason == "code-used"
    assert not house.works(token)


def test_a_server_without_that_grant_registers_no_device(make_house):
    house = make_house(registration="token")
    assert register(house, house.granted().document["access_token"]).reason == "registration-malformed"


def test_devices_are_gone_when_the_site_starts_anew(house):
    client = register(house, house.granted().document["access_token"]).client_id
    house.server.clear()
    assert client not in house.server.clients
    assert register(house, house.granted().document["access_token"]).client_id == client


def test_who_let_a_device_in_can_take_it_back_when_its_token_is_over(house):
    client = register(house, house.granted().document["access_token"]).client_id
    house.clock.advance(4000)
    (listed,) = house.server.management.authorizations("doctor")
    assert not house.server.management.withdraw("patient", listed.family)
    assert house.ask(NAME, assertion=asserted(house, client)).status == 200
    assert house.server.management.withdraw("doctor", listed.family)
    house.clock.advance(1)
    assert house.ask(NAME, assertion=asserted(house, client)).reason == "grant-unknown"
    assert house.server.management.authorizations("doctor") == []


def test_a_code_that_comes_twice_ends_the_device_for_good(house):
    code = house.code()
    client = register(house, house.tokens(code).document["access_token"]).client_id
    assert house.tokens(code).reason == "code-used"
    assert house.ask(NAME, assertion=asserted(house, client)).reason == "grant-unknown"
