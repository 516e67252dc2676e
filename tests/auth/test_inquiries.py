"""What is asked about tokens: introspection, revocation, userinfo."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from tests.auth.conftest import FORM
from tests.auth.house import WHERE

SCOPE = "launch/patient openid fhirUser offline_access patient/Patient.rs"
PORTAL = {"client_id": "portal", "client_secret": "s3cret"}


@pytest.fixture
def ours(house):
    """Tokens of the confidential client."""
    return house.tokens(house.code(client_id="portal", scope=SCOPE), **PORTAL).document


def introspect(house, authorization: str = "", **form: str):
    headers = {"content-type": FORM} | ({"authorization": authorization} if authorization else {})
    return house.server.inquiries.answer_introspection(urlencode(form).encode(), headers, WHERE)


def revoke(house, authorization: str = "", **form: str):
    headers = {"content-type": FORM} | ({"authorization": authorization} if authorization else {})
    return house.server.inquiries.answer_revocation(urlencode(form).encode(), headers, WHERE)


def test_a_token_that_works_is_described_with_its_context(house, ours):
    reply = introspect(house, token=ours["access_token"], **PORTAL)
    now = int(house.clock.now())
    assert (reply.status, reply.client_id) == (200, "portal")
    assert reply.document == {
        "active": True,
        "scope": SCOPE,
        "client_id": "portal",
        "username": "doctor",
        "token_type": "bearer",
        "sub": "d1",
        "iat": now,
        "exp": now + 300,
        "patient": "p1",
        "need_patient_banner": True,
        "fhirUser": f"{WHERE.base}/Practitioner/d1",
    }
    assert ("Cache-Control", "no-store") in reply.headers


def test_a_jwt_is_described_with_its_issuer_and_number(make_house):
    house = make_house(token_format="jwt", issuer="urn:here")
    document = house.server.introspect(house.granted().document["access_token"])
    assert document["iss"] == "urn:here"
    assert len(document["jti"]) == 36
    assert not {"iss", "jti"} & set(make_house().server.introspect(make_house().granted().document["access_token"]))


def test_a_refresh_token_is_known_while_it_is_good(house, ours):
    document = introspect(house, token=ours["refresh_token"], **PORTAL).document
    assert (document["active"], document["sub"], document["username"]) == (True, "d1", "doctor")
    assert document["exp"] == int(house.clock.now() + 90 * 86400)


@pytest.mark.parametrize("token", ["x", "\0", "ä" * 99])
def test_of_a_token_that_does_not_work_nothing_is_told(house, ours, token):
    assert introspect(house, token=token, **PORTAL).document == {"active": False}
    house.clock.advance(300)
    assert introspect(house, token=ours["access_token"], **PORTAL).document == {"active": False}


def test_the_bearer_of_a_token_may_ask_too(house, ours):
    bearer = f"Bearer {house.granted().document['access_token']}"
    assert introspect(house, bearer, token=ours["access_token"]).document["active"] is True
    reply = introspect(house, "Bearer x", token=ours["access_token"])
    assert (reply.status, reply.reason, reply.error) == (401, "token-useless", "invalid_token")
    assert dict(reply.headers)["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_nobody_asks_unnamed_or_without_a_token(house, ours):
    assert introspect(house, token=ours["access_token"]).reason == "authentication-missing"
    assert introspect(house, token="x", client_id="portal", client_secret="no").reason == "secret-wrong"
    assert introspect(house, **PORTAL).reason == "token-missing"
    assert revoke(house, **PORTAL).reason == "token-missing"


def test_an_access_token_is_ended_alone(house, ours):
    assert revoke(house, token=ours["access_token"], **PORTAL).status == 200
    assert not house.works(ours["access_token"])
    assert house.works(ours["refresh_token"])


def test_a_refresh_token_ends_all_that_it_gave(house, ours):
    assert revoke(house, token=ours["refresh_token"], token_type_hint="refresh_token", **PORTAL).status == 200
    assert not house.works(ours["access_token"])
    assert house.refresh(ours["refresh_token"], **PORTAL).reason == "refresh-token-unknown"


def test_another_clients_token_is_not_ended_and_an_unknown_one_is_no_error(house, ours):
    for name in ("access_token", "refresh_token"):
        reply = revoke(house, token=ours[name], client_id="app")
        assert (reply.reason, reply.error) == ("token-of-another", "invalid_grant")
        assert house.works(ours[name])
    assert revoke(house, token="x", **PORTAL).status == 200
    assert revoke(house, token=ours["access_token"], **PORTAL).status == 200
    assert revoke(house, token=ours["access_token"], **PORTAL).status == 200


def test_whoever_bears_a_token_cannot_end_it_without_the_clients_proof(house, ours):
    reply = revoke(house, f"Bearer {ours['access_token']}", token=ours["access_token"])
    assert (reply.reason, reply.error) == ("authorization-malformed", "invalid_client")
    assert house.works(ours["access_token"])


def test_userinfo_is_for_tokens_with_openid(house, ours):
    assert house.server.inquiries.userinfo(f"Bearer {ours['access_token']}", WHERE)["sub"] == "d1"
    plain = house.granted(scope="patient/Patient.rs").document["access_token"]
    for authorization in ("", "Bearer x", f"Bearer {plain}", f"Basic {ours['access_token']}"):
        assert house.server.inquiries.userinfo(authorization, WHERE) is None


def test_a_public_client_is_told_of_its_own_tokens_only(house, ours):
    mine = house.granted(scope=SCOPE).document
    for token in (mine["access_token"], mine["refresh_token"]):
        assert introspect(house, token=token, client_id="app").document["client_id"] == "app"
    for token in (ours["access_token"], ours["refresh_token"]):
        assert introspect(house, token=token, client_id="app").document == {"active": False}
    assert introspect(house, token=mine["access_token"], **PORTAL).document["active"] is True
