"""Codes: what is checked when an app fetches tokens for one, and what happens when it comes twice."""

from __future__ import annotations

import pytest
from tests.auth.house import CALLBACK, VERIFIER, challenge

from mockehr.auth.grants.authorization_code import challenge_of, check_verifier
from mockehr.auth.refusal import Refused

BASIC = "Basic cG9ydGFsOnMzY3JldA=="  # portal:s3cret


def refused(reply, reason, error="invalid_grant"):
    assert (reply.status, reply.reason, reply.error) == (400, reason, error)


def test_a_code_is_exchanged_for_what_was_granted(house):
    reply = house.tokens(house.code(scope="launch/patient openid fhirUser patient/Patient.rs"))
    assert reply.status == 200
    assert set(reply.document) == {
        *("access_token", "token_type", "expires_in", "scope", "patient", "id_token", "need_patient_banner"),
    }
    assert (reply.grant.grant_type, reply.grant.expires_at) == ("authorization_code", house.clock.now() + 300)
    assert house.works(reply.document["access_token"])


def test_a_confidential_client_proves_itself_besides(house):
    code = house.code(client_id="portal")
    refused(house.tokens(code, client_id="portal"), "authentication-missing", "invalid_client")
    reply = house.tokens(code, client_id=None, authorization=BASIC)
    assert reply.status == 200


def test_a_code_is_needed_and_must_be_known(house):
    refused(house.tokens(None), "code-missing", "invalid_request")
    refused(house.tokens("x"), "code-unknown")
    refused(house.tokens(house.code() + "x"), "code-unknown")


def test_a_code_is_over_after_its_time(make_house):
    house = make_house(code_lifetime=30.0)
    first, second = house.code(), house.code()
    house.clock.advance(29)
    assert house.tokens(first).status == 200
    house.clock.advance(1)
    refused(house.tokens(second), "code-unknown")


def test_a_code_of_another_client_is_refused_and_stays_good(house):
    house.register("other", public=True)
    code = house.code()
    refused(house.tokens(code, client_id="other"), "code-of-another")
    assert house.tokens(code).status == 200


@pytest.mark.parametrize("uri", [None, "", CALLBACK + "/", "https://evil.example.com"])
def test_the_redirect_uri_must_be_that_of_the_request(house, uri):
    refused(house.tokens(house.code(), redirect_uri=uri), "redirect-uri-mismatch")


def test_a_verifier_must_fit_and_a_wrong_one_leaves_the_code_good(house):
    code = house.code()
    refused(house.tokens(code, code_verifier=None), "verifier-missing")
    refused(house.tokens(code, code_verifier="w" * 43), "verifier-wrong")
    refused(house.tokens(code, code_verifier=challenge()), "verifier-wrong")  # nobody is taken who knows the request
    assert house.tokens(code).status == 200


@pytest.mark.parametrize("text", ["v" * 42, "v" * 129, "v" * 42 + "+", "v" * 42 + "é"])
def test_a_verifier_has_43_to_128_unreserved_characters(text):
    with pytest.raises(Refused) as caught:
        check_verifier(challenge_of(VERIFIER), text)
    assert caught.value.reason == "verifier-wrong"


def test_the_challenge_is_that_of_rfc_7636_appendix_b():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    check_verifier(challenge_of("v" * 128), "v" * 128)


def test_a_verifier_without_a_challenge_is_a_downgrade_and_refused(make_house):
    house = make_house(pkce="optional")
    code = house.code(code_challenge=None, code_challenge_method=None)
    refused(house.tokens(code), "verifier-unexpected")
    assert house.tokens(code, code_verifier=None).status == 200


def test_a_code_that_comes_twice_ends_all_that_it_gave(house):
    code = house.code(scope="launch/patient offline_access patient/Patient.rs")
    first = house.tokens(code).document
    renewed = house.refresh(first["refresh_token"]).document
    other = house.granted()
    refused(house.tokens(code), "code-used")
    assert not house.works(first["access_token"])
    assert not house.works(renewed["access_token"])
    assert house.refresh(renewed["refresh_token"]).reason == "refresh-token-unknown"
    assert house.works(other.document["access_token"])
    refused(house.tokens(code), "code-used")


def test_a_refused_exchange_is_nothing_that_gave_tokens(house):
    code = house.code()
    house.tokens(code, code_verifier="w" * 43)
    assert house.tokens(code).status == 200
