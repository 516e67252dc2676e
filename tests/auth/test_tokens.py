from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.auth.conftest import TOKEN_URL, number

from mockehr.auth.tokens import TokenFault, bearer_of


def test_a_token_works_until_its_lifetime_is_over_and_not_a_moment_longer(world):
    grant = world.ask().grant
    world.clock.advance(299.999)
    assert world.server.look_up(grant.token) is grant
    world.clock.set(grant.expires_at)
    assert world.server.look_up(grant.token) == TokenFault("expired", grant)


def test_an_unknown_token_is_a_fault(world):
    assert world.server.look_up("nonsense") == TokenFault("unknown")
    assert world.server.look_up("") == TokenFault("unknown")


def test_a_token_may_start_to_work_later(world):
    grant = world.ask(amend=lambda g: replace(g, not_before=g.issued_at + 10)).grant
    assert world.server.look_up(grant.token).kind == "not-yet"
    world.clock.advance(10)
    assert world.server.look_up(grant.token) is grant


def test_a_revoked_token_stops_at_once_and_others_go_on(world):
    first, second = world.ask().grant, world.ask().grant
    assert world.server.revoke(first.token)
    assert world.server.look_up(first.token) == TokenFault("revoked", first)
    assert world.server.look_up(second.token) is second
    assert not world.server.revoke(first.token)
    assert not world.server.revoke("nonsense")


@pytest.fixture
def two_clients(world):
    world.register("other", jwks=world.client.jwks)
    mine = [world.ask().grant for _ in range(2)]
    return world, mine, world.ask(world.assertion(iss="other", sub="other")).grant


def test_all_tokens_of_one_client_can_be_revoked(two_clients):
    world, mine, theirs = two_clients
    assert world.server.tokens.revoke_all("backend") == 2
    assert {world.server.look_up(g.token).kind for g in mine} == {"revoked"}
    assert world.server.look_up(theirs.token) is theirs
    assert world.server.tokens.revoke_all() == 1


def test_all_tokens_of_one_client_can_be_made_to_expire(two_clients):
    world, mine, theirs = two_clients
    assert world.server.expire_all("backend") == 2
    assert {world.server.look_up(g.token).kind for g in mine} == {"expired"}
    assert world.server.look_up(theirs.token) is theirs


def test_expiry_can_be_set_ahead_and_never_lengthens_a_life(two_clients):
    world, mine, theirs = two_clients
    assert world.server.expire_all(after=30) == 3
    assert world.server.expire_all(after=60) == 0
    world.clock.advance(29)
    assert world.server.look_up(mine[0].token).expires_at == world.clock.now() + 1
    world.clock.advance(1)
    assert world.server.look_up(theirs.token).kind == "expired"
    assert world.server.expire_all() == 0


def test_introspection_tells_of_a_token_that_works_and_nothing_of_any_other(world):
    grant = world.ask(amend=lambda g: replace(g, patient="p1", user="Practitioner/x")).grant
    assert world.server.introspect(grant.token) == {
        "active": True,
        "scope": "system/Patient.rs",
        "client_id": "backend",
        "token_type": "bearer",
        "sub": "x",
        "iat": int(grant.issued_at),
        "exp": int(grant.issued_at) + 300,
        "patient": "p1",
    }
    world.server.revoke(grant.token)
    assert world.server.introspect(grant.token) == world.server.introspect("x") == {"active": False}


def test_the_challenge_names_the_fault():
    assert TokenFault("expired").challenge("north") == (
        'Bearer realm="north", error="invalid_token", error_description="The access token expired"'
    )
    assert len({TokenFault(kind).challenge() for kind in ("unknown", "expired", "revoked", "not-yet")}) == 4


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("Bearer", ""), ("", ""), ("Bearerabc", "")],
)
def test_the_bearer_token_is_read_off_its_header(header, token):
    assert bearer_of(header) == token


def test_the_oldest_dead_tokens_are_forgotten_and_working_ones_never(make_world):
    world = make_world(remembered_tokens=3)
    old = [world.ask().grant for _ in range(5)]
    assert all(world.server.look_up(g.token) is g for g in old)
    world.clock.advance(300)
    new = world.ask().grant
    assert [world.server.look_up(g.token).kind for g in old] == ["unknown"] * 3 + ["expired"] * 2
    assert world.server.look_up(new.token) is new


def test_the_oldest_revoked_tokens_are_forgotten(make_world):
    world = make_world(remembered_tokens=2)
    grants = [world.ask().grant for _ in range(4)]
    world.server.tokens.revoke_all()
    world.ask()
    assert [world.server.look_up(g.token).kind for g in grants] == ["unknown"] * 2 + ["revoked"] * 2


def claims_of(token):
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_a_jwt_token_verifies_with_the_published_key_by_an_independent_check(make_world, alg):
    world = make_world(token_format="jwt", signing_alg=alg)
    grant = world.ask().grant
    header, claims = claims_of(grant.token)
    jwk = next(key for key in world.server.jwks()["keys"] if key["kid"] == header["kid"])
    signed, _, text = grant.token.rpartition(".")
    raw = base64.urlsafe_b64decode(text + "==")
    if alg == "ES384":
        key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP384R1()).public_key()
        der = encode_dss_signature(int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big"))
        key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA384()))
    else:
        rsa_key = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        rsa_key.verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA384())
    now = int(grant.issued_at)
    assert header == {"alg": alg, "kid": jwk["kid"], "typ": "at+jwt"}
    assert claims == {
        "iss": TOKEN_URL,
        "aud": TOKEN_URL,
        "sub": "backend",
        "client_id": "backend",
        "scope": "system/Patient.rs",
        "jti": claims["jti"],
        "iat": now,
        "nbf": now,
        "exp": now + 300,
    }
    assert world.server.look_up(grant.token) is grant


def test_a_jwt_token_tells_what_the_seam_made_of_the_grant(make_world):
    world = make_world(token_format="jwt", issuer="https://issuer.example.org")
    grant = world.ask(amend=lambda g: replace(g, expires_at=g.issued_at + 30, patient="p1")).grant
    claims = claims_of(grant.token)[1]
    assert (claims["exp"] - claims["iat"], claims["patient"]) == (30, "p1")
    assert claims["iss"] == "https://issuer.example.org"


def test_a_jwt_that_was_not_issued_here_is_unknown_however_well_signed(make_world):
    north, south = make_world(token_format="jwt"), make_world(token_format="jwt", seed=8)
    assert south.server.look_up(north.ask().grant.token).kind == "unknown"
