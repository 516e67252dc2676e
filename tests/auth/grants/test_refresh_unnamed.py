"""Refresh requests that name no client, as SMART's fhirclient for JavaScript sends them for public apps."""

from __future__ import annotations

SCOPE = "launch/patient offline_access patient/Patient.rs"
SECRET = {"client_id": "portal", "client_secret": "s3cret"}


def test_a_public_client_renews_without_saying_who_it_is(house):
    first = house.granted(scope=SCOPE).document
    renewed = house.refresh(first["refresh_token"], client_id=None)
    assert renewed.status == 200
    assert renewed.client_id == "app"
    assert renewed.document["access_token"] != first["access_token"]


def test_a_confidential_client_has_to_prove_itself_still(house):
    code = house.code(client_id="portal", scope=SCOPE)
    token = house.tokens(code, **SECRET).document["refresh_token"]
    assert house.refresh(token, client_id=None).reason == "authentication-missing"
    assert house.refresh(token, **SECRET).status == 200


def test_a_token_that_was_used_before_ends_its_family_however_it_comes(house):
    used = house.granted(scope=SCOPE).document["refresh_token"]
    later = house.refresh(used, client_id=None).document["refresh_token"]
    assert house.refresh(used, client_id=None).reason == "refresh-token-used"
    assert house.refresh(later).reason == "refresh-token-unknown"


def test_a_token_that_is_not_known_is_what_is_wrong_then(house):
    assert house.refresh("made-up", client_id=None).error == "invalid_grant"
    assert house.refresh("", client_id=None).reason == "authentication-missing"


def test_a_code_is_given_to_nobody_who_does_not_say_who_they_are(house):
    assert house.tokens(house.code(), client_id=None).reason == "authentication-missing"
