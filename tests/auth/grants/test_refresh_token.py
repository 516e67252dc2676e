"""Refreshing: what comes back, and for whom."""

from __future__ import annotations

import pytest
from tests.auth.house import claims

OFFLINE = "launch/patient openid offline_access patient/Patient.rs patient/Observation.rs"


@pytest.fixture
def first(house):
    return house.granted(scope=OFFLINE).document


def test_a_refresh_gives_what_was_granted_first_and_the_context_again(house, first):
    house.clock.advance(200)
    again = house.refresh(first["refresh_token"])
    assert (again.document["scope"], again.document["patient"]) == (first["scope"], "p1")
    assert again.document["access_token"] != first["access_token"]
    assert again.grant.expires_at == house.clock.now() + 300
    assert house.works(first["access_token"])


def test_an_id_token_of_a_refresh_tells_the_same_sign_in_without_the_nonce(house):
    first = house.granted(scope=OFFLINE, nonce="n").document
    house.clock.advance(50)
    before, after = claims(first["id_token"]), claims(house.refresh(first["refresh_token"]).document["id_token"])
    assert (before["nonce"], "nonce" in after) == ("n", False)
    assert (after["sub"], after["auth_time"], after["iat"] - before["iat"]) == (
        before["sub"],
        before["auth_time"],
        50,
    )


def test_less_may_be_asked_for_and_more_not(house, first):
    part = house.refresh(first["refresh_token"], scope="patient/Patient.r openid")
    assert part.document["scope"] == "patient/Patient.r openid"
    token = part.document["refresh_token"]
    more = house.refresh(token, scope="patient/Patient.cruds")
    assert (more.reason, more.error) == ("scope-beyond-grant", "invalid_scope")
    assert house.refresh(token).document["scope"] == first["scope"]  # what was granted stays granted


def test_a_token_is_needed_known_and_ones_own(house, first):
    house.register("other", public=True)
    assert house.refresh(None).reason == "refresh-token-missing"
    assert house.refresh("x").reason == "refresh-token-unknown"
    reply = house.refresh(first["refresh_token"], client_id="other")
    assert (reply.reason, reply.error) == ("refresh-token-of-another", "invalid_grant")
    assert house.refresh(first["refresh_token"]).status == 200


def test_an_access_token_refreshes_nothing(house, first):
    assert house.refresh(first["access_token"]).reason == "refresh-token-unknown"
