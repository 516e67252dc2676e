"""Refresh tokens: who gets one, when it changes, how long it lives, and what happens when an old one comes back."""

from __future__ import annotations

import base64
import json

import pytest

from mockehr.auth.refusal import Refused

OFFLINE = "launch/patient offline_access patient/Patient.rs"
ONLINE = "launch/patient online_access patient/Patient.rs"
PORTAL = {"client_id": "portal", "client_secret": "s3cret"}


def portal(house, scope=OFFLINE):
    return house.tokens(house.code(client_id="portal", scope=scope), **PORTAL).document


def test_a_refresh_token_comes_with_a_scope_that_asks_for_it(house):
    assert "refresh_token" not in house.granted(scope="patient/Patient.rs").document
    for scope in (OFFLINE, ONLINE):
        assert house.granted(scope=scope).document["refresh_token"]


def test_a_server_may_offer_one_kind_or_none_or_nothing_to_public_clients(make_house):
    online = make_house(refresh=("online",))
    assert "refresh_token" not in online.granted(scope=OFFLINE).document
    assert "refresh_token" in online.granted(scope=ONLINE).document
    assert "refresh_token" not in make_house(grants=("authorization_code",)).granted(scope=OFFLINE).document
    confidential = make_house(refresh_public=False)
    assert "refresh_token" not in confidential.granted(scope=OFFLINE).document
    assert "refresh_token" in portal(confidential)


def test_a_client_that_is_not_registered_for_refreshing_gets_none(house):
    house.register("once", public=True, grant_types=("authorization_code",))
    code = house.code(client_id="once", scope=OFFLINE)
    assert "refresh_token" not in house.tokens(code, client_id="once").document


@pytest.mark.parametrize(
    ("rotates", "of_public", "of_confidential"),
    [("always", True, True), ("public", True, False), ("never", False, False)],
)
def test_for_whom_a_refresh_token_changes_is_a_setting(make_house, rotates, of_public, of_confidential):
    house = make_house(refresh_rotates=rotates)
    first = house.granted(scope=OFFLINE).document["refresh_token"]
    assert ("refresh_token" in house.refresh(first).document) is of_public
    first = portal(house)["refresh_token"]
    assert ("refresh_token" in house.refresh(first, **PORTAL).document) is of_confidential
    assert (house.refresh(first, **PORTAL).status == 200) is not of_confidential


def test_an_old_refresh_token_ends_the_whole_family(house):
    first = house.granted(scope=OFFLINE).document
    second = house.refresh(first["refresh_token"]).document
    third = house.refresh(second["refresh_token"]).document
    reply = house.refresh(first["refresh_token"])
    assert (reply.reason, reply.error) == ("refresh-token-used", "invalid_grant")
    assert not any(house.works(one["access_token"]) for one in (first, second, third))
    assert house.refresh(third["refresh_token"]).reason == "refresh-token-unknown"


@pytest.mark.parametrize("slides", [True, False])
def test_a_refresh_token_lives_for_its_time_from_its_last_use_or_its_first(make_house, slides):
    house = make_house(refresh_lifetime=100.0, refresh_slides=slides, refresh_rotates="never")
    token = house.granted(scope=OFFLINE).document["refresh_token"]
    house.clock.advance(99)
    assert house.refresh(token).status == 200
    house.clock.advance(1)
    assert (house.refresh(token).status == 200) is slides
    house.clock.advance(100)
    assert house.refresh(token).reason == "refresh-token-unknown"


def test_online_access_ends_with_the_session_however_often_it_is_used(make_house):
    house = make_house(online_lifetime=100.0, refresh_slides=True)
    token = house.granted(scope=ONLINE).document["refresh_token"]
    house.clock.advance(99)
    token = house.refresh(token).document["refresh_token"]
    house.clock.advance(1)
    assert house.refresh(token).reason == "refresh-token-unknown"


def test_refreshing_too_often_may_be_refused(make_house):
    house = make_house(refresh_interval=60.0, refresh_rotates="never")
    token = house.granted(scope=OFFLINE).document["refresh_token"]
    assert house.refresh(token).status == 200
    reply = house.refresh(token)
    assert (reply.reason, reply.error) == ("refresh-too-soon", "invalid_request")
    house.clock.advance(60)
    assert house.refresh(token).status == 200


def test_the_scope_that_brought_it_is_told_or_not(make_house):
    assert "offline_access" in make_house().granted(scope=OFFLINE).document["scope"]
    silent = make_house(offline_echoed=False).granted(scope=OFFLINE).document
    assert silent["scope"] == "launch/patient patient/Patient.rs"
    assert silent["refresh_token"]


def test_a_refresh_token_may_be_json_in_base64(make_house):
    house = make_house(refresh_form="parts")
    told = [house.granted(user, scope=ONLINE).document["refresh_token"] for user in ("doctor", "patient")]
    staff, patient = (json.loads(base64.b64decode(text)) for text in told)
    assert set(staff) == {"id", "secret", "ver", "type", "profile", "persona"}
    assert (staff["ver"], staff["type"], staff["profile"]) == ("1.1", "online_access", "smart-v1")
    assert (staff["persona"], patient["persona"]) == ("provider", "patient")
    assert house.refresh(told[0]).status == 200


def test_all_may_be_ended_of_one_client_one_kind_or_one_user(house):
    def tokens():
        return [house.granted(scope=scope).document["refresh_token"] for scope in (OFFLINE, ONLINE)]

    now, renewals = house.clock.now(), house.server.renewals
    offline, online = tokens()
    assert renewals.end_all(now, "portal") == 0
    assert renewals.end_all(now, "app", kind="online") == 1
    assert house.refresh(online).reason == "refresh-token-unknown"
    assert renewals.end_all(now, username="patient") == 0
    assert renewals.end_all(now, username="doctor") == 1
    assert house.refresh(offline).reason == "refresh-token-unknown"
    tokens()
    assert renewals.end_all(now) == 2


def test_a_grant_for_both_kinds_lives_as_offline(make_house):
    house = make_house(online_lifetime=10.0)
    token = house.granted(scope=f"{ONLINE} offline_access").document["refresh_token"]
    house.server.end_sessions()
    house.clock.advance(11)
    assert house.refresh(token).status == 200


def test_of_two_processes_that_use_a_token_that_changes_only_one_gets_the_next(house):
    token = house.granted(scope=OFFLINE).document["refresh_token"]
    now, renewals = house.clock.now(), house.server.renewals
    held = renewals.find(token, house.app, now)  # both have found it before either follows
    assert renewals.follow(held, house.app, now)
    renewals.end(held.grant.family)
    with pytest.raises(Refused, match="refresh-token-used"):
        renewals.follow(held, house.app, now)
