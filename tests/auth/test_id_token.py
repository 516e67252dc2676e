"""What an id_token says, and that it is signed by a published key."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.auth.conftest import number
from tests.auth.house import WHERE, claims

SCOPE = "launch/patient openid fhirUser profile patient/Patient.rs"


def test_the_claims_are_those_of_openid_connect_and_smart(house):
    start = int(house.clock.now())
    step = house.begin(scope=SCOPE, nonce="n-0S6")
    house.clock.advance(5)
    house.answered(step)
    reply = house.granted(scope=SCOPE, nonce="n-0S6")
    token, told = reply.document["access_token"], claims(reply.document["id_token"])
    digest = hashlib.sha256(token.encode()).digest()[:16]
    assert told == {
        "iss": WHERE.issuer,
        "sub": "d1",
        "aud": "app",
        "iat": start + 5,
        "exp": start + 305,
        "auth_time": start + 5,
        "at_hash": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "nonce": "n-0S6",
        "fhirUser": f"{WHERE.base}/Practitioner/d1",
        "profile": f"{WHERE.base}/Practitioner/d1",
        "preferred_username": "doctor",
        "name": "Dr. Ada Doe",
        "email": "doctor@example.org",
    }


def test_it_comes_with_openid_and_tells_the_user_with_fhir_user(make_house):
    house = make_house()
    assert "id_token" not in house.granted(scope="fhirUser patient/Patient.rs").document
    told = claims(house.granted(scope="openid patient/Patient.rs").document["id_token"])
    assert not {"fhirUser", "profile", "name", "email", "nonce"} & set(told)
    assert "id_token" not in make_house(openid=False).granted(scope=SCOPE).document


def test_its_life_and_its_subject_are_settings(make_house):
    house = make_house(id_token_lifetime=600.0, subject="username")
    reply = house.granted(scope=SCOPE)
    told = claims(reply.document["id_token"])
    assert (told["exp"] - told["iat"], told["sub"]) == (600, "doctor")
    assert house.server.introspect(reply.document["access_token"])["sub"] == "doctor"


def test_the_subject_is_the_same_in_introspection_and_userinfo(house):
    reply = house.granted(scope=SCOPE)
    told, token = claims(reply.document["id_token"]), reply.document["access_token"]
    assert house.server.introspect(token, WHERE)["sub"] == told["sub"]
    found = house.server.inquiries.userinfo(f"Bearer {token}", WHERE)
    assert found == {name: told[name] for name in found}
    assert set(found) == {"sub", "fhirUser", "profile", "preferred_username", "name", "email"}


def test_its_signature_is_by_a_key_that_the_server_publishes(house):
    text = house.granted(scope=SCOPE).document["id_token"]
    signed, _, signature = text.rpartition(".")
    head = claims(f".{text.split('.')[0]}")
    [key] = [key for key in house.server.jwks()["keys"] if key["kid"] == head["kid"]]
    assert (head["alg"], key["kty"]) == ("RS256", "RSA")
    public = rsa.RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
    octets = base64.urlsafe_b64decode(signature + "==")
    public.verify(octets, signed.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(("alg", "size"), [("ES256", 16), ("RS384", 24), ("ES384", 24)])
def test_the_hash_of_the_token_is_that_of_the_signature(make_house, alg, size):
    reply = make_house(id_token_alg=alg).granted(scope=SCOPE)
    digest = hashlib.new(f"sha{alg[2:]}", reply.document["access_token"].encode()).digest()[:size]
    assert claims(reply.document["id_token"])["at_hash"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
