from __future__ import annotations

from dataclasses import replace

import pytest
from tests.auth.conftest import ASSERTION_TYPE

from mockehr.auth.scopes import Scopes

GRANT = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}


@pytest.fixture
def shared(world):
    world.register("shared", secret="s3cret: ü+/")
    return world


def test_a_secret_in_the_form_gets_a_token(shared):
    reply = shared.post({**GRANT, "client_id": "shared", "client_secret": "s3cret: ü+/"})
    assert (reply.status, reply.client_id) == (200, "shared")


def test_a_secret_in_a_basic_header_gets_a_token_once_both_parts_are_form_encoded(shared):
    assert shared.post(GRANT, basic=("shared", "s3cret%3A+%C3%BC%2B%2F")).status == 200
    assert shared.post({**GRANT, "client_id": "shared"}, basic=("shared", "s3cret%3A+%C3%BC%2B%2F")).status == 200


def test_a_wrong_secret_is_refused_with_400_in_the_form_and_401_with_a_challenge_in_a_header(shared):
    form = shared.post({**GRANT, "client_id": "shared", "client_secret": "guess"})
    header = shared.post(GRANT, basic=("shared", "guess"))
    assert (form.reason, form.error, form.status) == ("secret-wrong", "invalid_client", 400)
    assert (header.reason, header.error, header.status) == ("secret-wrong", "invalid_client", 401)
    assert ("WWW-Authenticate", 'Basic realm="token"') in header.headers
    assert form.client_id == header.client_id == "shared"


def test_an_empty_secret_never_opens_a_client_without_one(world):
    world.server.clients.replace(replace(world.client, auth_methods=("client_secret_basic",)))
    assert world.post(GRANT, basic=("backend", "")).reason == "secret-wrong"


def test_settings_make_every_invalid_client_a_401(make_world):
    world = make_world(invalid_client_status=401)
    assert world.ask(world.assertion(aud="x")).status == 401
    assert world.ask(scope="system/Patient.cud").status == 400


@pytest.mark.parametrize("header", ["Basic !!!", "Basic", "Basic YQ==", "Bearer abc", "Basic /w=="])
def test_an_authorization_header_without_basic_credentials_is_refused(shared, header):
    reply = shared.post(GRANT, authorization=header)
    assert (reply.reason, reply.error, reply.status) == ("authorization-malformed", "invalid_client", 401)


def test_a_request_without_credentials_is_refused(world):
    reply = world.post({**GRANT, "client_id": "backend"})
    assert (reply.reason, reply.error, reply.client_id) == ("authentication-missing", "invalid_client", "backend")


def test_two_ways_at_once_are_refused(shared):
    both = shared.post({**GRANT, "client_id": "shared", "client_secret": "x"}, basic=("shared", "x"))
    mixed = shared.ask(client_secret="x")
    assert {both.reason, mixed.reason} == {"authentication-twice"}
    assert {both.error, mixed.error} == {"invalid_request"}


def test_a_form_that_names_another_client_than_the_header_is_refused(shared):
    reply = shared.post({**GRANT, "client_id": "backend"}, basic=("shared", "s3cret%3A+%C3%BC%2B%2F"))
    assert (reply.reason, reply.error) == ("client-id-mismatch", "invalid_client")


def test_a_method_that_the_server_does_not_offer_is_refused(make_world):
    world = make_world(auth_methods=("private_key_jwt",))
    world.register("shared", secret="s")
    assert world.ask().status == 200
    reply = world.post({**GRANT, "client_id": "shared", "client_secret": "s"})
    assert (reply.reason, reply.error) == ("method-not-offered", "invalid_client")


def test_a_method_that_the_client_did_not_register_is_refused(shared):
    reply = shared.post({**GRANT, "client_id": "backend", "client_secret": "x"})
    assert (reply.reason, reply.error) == ("method-not-registered", "invalid_client")
    reply = shared.ask(shared.assertion(iss="shared", sub="shared"))
    assert reply.reason == "method-not-registered"


def test_registered_methods_come_before_those_that_the_credentials_would_serve(shared):
    shared.register("basic-only", secret="s", auth_methods=("client_secret_basic",))
    assert shared.post(GRANT, basic=("basic-only", "s")).status == 200
    posted = shared.post({**GRANT, "client_id": "basic-only", "client_secret": "s"})
    assert posted.reason == "method-not-registered"


def test_an_unknown_client_is_refused_and_named(world):
    reply = world.ask(world.assertion(iss="nobody", sub="nobody"))
    assert (reply.reason, reply.error, reply.client_id) == ("client-unknown", "invalid_client", "nobody")


def test_an_inactive_client_is_refused_until_it_is_active_again(world):
    world.server.clients.replace(replace(world.client, active=False))
    reply = world.ask()
    assert (reply.reason, reply.error) == ("client-inactive", "invalid_client")
    world.server.clients.replace(world.client)
    assert world.ask().status == 200


@pytest.mark.parametrize("kind", ["urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt", None])
def test_another_assertion_type_is_refused(world, kind):
    reply = world.ask(client_assertion_type=kind)
    assert (reply.reason, reply.error) == ("assertion-type", "invalid_request")


def test_an_assertion_type_without_an_assertion_is_refused(world):
    reply = world.post({**GRANT, "client_assertion_type": ASSERTION_TYPE})
    assert (reply.reason, reply.error) == ("assertion-missing", "invalid_request")


def test_half_a_surrogate_pair_in_an_issuer_can_still_be_written_out(world):
    reply = world.ask(world.assertion(iss="\ud800", sub="\ud800"))
    assert reply.reason == "client-unknown"
    assert reply.client_id.encode("utf-8")
    assert reply.document["error_description"].isascii()


def test_a_client_of_one_site_is_unknown_at_another(make_world):
    north, south = make_world(), make_world()
    south.server.clients.remove("backend")
    assert north.ask().status == 200
    assert south.ask(north.assertion()).reason == "client-unknown"
    token = north.ask().grant.token
    assert south.server.look_up(token).kind == "unknown"


def test_scopes_are_those_of_the_client_that_asks(world):
    world.register("narrow", "system/Goal.rs", jwks=world.client.jwks)
    reply = world.ask(world.assertion(iss="narrow", sub="narrow"), scope="system/*.rs")
    assert reply.grant.scopes == Scopes.parse("system/Goal.rs")
    assert reply.client_id == "narrow"
