from __future__ import annotations

from dataclasses import replace

import pytest
from tests.auth.conftest import FORM, TOKEN_URL

from mockehr.auth.refusal import REASONS, Refused
from mockehr.auth.scopes import Scopes
from mockehr.auth.server import AuthServer
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock
from mockehr.core.errors import UnknownName


def test_a_token_response_has_the_members_of_the_standard_and_is_never_stored(world):
    reply = world.ask(scope="system/Patient.rs")
    assert reply.document == {
        "access_token": reply.grant.token,
        "token_type": "bearer",
        "expires_in": 300,
        "scope": "system/Patient.rs",
    }
    assert reply.headers == (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
    assert (reply.status, reply.error, reply.reason, reply.grant_type) == (200, "", "", "client_credentials")
    assert world.server.look_up(reply.document["access_token"]) is reply.grant


def test_an_error_response_has_code_and_sentence_and_is_never_stored(world):
    reply = world.ask(grant_type="password")
    assert set(reply.document) == {"error", "error_description"}
    assert ("Cache-Control", "no-store") in reply.headers
    assert (reply.client_id, reply.grant_type) == ("backend", "password")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", ""])
def test_another_media_type_is_refused(world, kind):
    reply = world.post({"grant_type": "client_credentials"}, content_type=kind)
    assert (reply.reason, reply.error, reply.status) == ("content-type", "invalid_request", 400)


def test_a_charset_beside_the_media_type_is_fine(world):
    form = {"grant_type": "client_credentials"}
    assert world.post(form, content_type=FORM.upper() + "; charset=UTF-8").reason == "authentication-missing"


@pytest.mark.parametrize("body", [b"grant_type=\xff", b"grant_type=%FF", b"&".join([b"a=1"] * 200)])
def test_an_unreadable_body_is_refused(world, body):
    reply = world.post(body)
    assert (reply.reason, reply.error) == ("body-unreadable", "invalid_request")


@pytest.mark.parametrize("body", [b"scope=a&scope=b", b"grant_type=client_credentials&grant_type=", b"x=1&x=1"])
def test_a_repeated_parameter_is_refused(world, body):
    reply = world.post(body)
    assert (reply.reason, reply.error) == ("parameter-repeated", "invalid_request")


def test_unknown_parameters_are_passed_over(world):
    assert world.ask(resource="x").status == 200


@pytest.mark.parametrize("name", [None, ""])
def test_a_request_without_grant_type_is_refused(world, name):
    reply = world.ask(grant_type=name)
    assert (reply.reason, reply.error) == ("grant-type-missing", "invalid_request")


@pytest.mark.parametrize("name", ["password", "implicit", "Client_Credentials"])
def test_another_grant_type_is_refused(world, name):
    reply = world.ask(grant_type=name)
    assert (reply.reason, reply.error) == ("grant-type-unsupported", "unsupported_grant_type")


def test_a_grant_type_that_the_client_did_not_register_is_refused(world):
    world.server.clients.replace(replace(world.client, grant_types=("authorization_code",)))
    reply = world.ask()
    assert (reply.reason, reply.error, reply.status) == ("grant-type-not-registered", "unauthorized_client", 400)


@pytest.mark.parametrize("name", ["authorization_code", "refresh_token"])
def test_a_backend_client_is_not_registered_for_what_users_give(world, name):
    assert world.ask(grant_type=name).reason == "grant-type-not-registered"


def test_a_server_that_offers_no_grant_type_supports_none(make_world):
    assert make_world(grants=()).ask().reason == "grant-type-unsupported"


def test_settings_that_name_an_unknown_grant_type_are_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="nearest: client_credentials"):
        AuthServer(clock=Clock(stepped=True), chance=Chance(1), settings=AuthSettings(grants=("client_credential",)))


def test_the_seam_amends_the_grant_before_it_is_issued(world):
    seen = []

    def amend(grant):
        seen.append(grant)
        scopes = Scopes.parse("system/Patient.r")
        return replace(grant, scopes=scopes, expires_at=grant.issued_at + 30, extras={"tenant": "t1"}, patient="p1")

    reply = world.ask(amend=amend)
    assert seen[0].token == ""
    assert seen[0].scopes.text == "system/Patient.rs"
    assert reply.document["scope"] == "system/Patient.r"
    assert (reply.document["tenant"], reply.document["patient"]) == ("t1", "p1")
    assert reply.document["expires_in"] == 300  # the client is not warned
    world.clock.advance(30)
    assert world.server.look_up(reply.grant.token).kind == "expired"


def test_the_seam_may_decide_the_text_of_the_token_and_may_refuse(world):
    reply = world.ask(amend=lambda grant: replace(grant, token="chosen"))
    assert reply.document["access_token"] == "chosen"
    assert world.server.look_up("chosen") is reply.grant

    def refuse(grant):
        raise Refused("client-inactive", "not today")

    assert world.ask(amend=refuse).reason == "client-inactive"


def test_the_seam_is_not_asked_about_a_refused_request(world):
    asked = []
    world.ask(world.assertion(aud="x"), amend=asked.append)
    assert asked == []


def test_the_same_seed_and_requests_give_the_same_tokens(make_world):
    for form in ("opaque", "jwt", "encrypted"):
        runs = []
        for seed in (7, 7, 8):
            world = make_world(seed=seed, token_format=form)
            runs.append([world.ask().document["access_token"] for _ in range(3)])
        assert runs[0] == runs[1]
        assert not set(runs[0]) & set(runs[2])
        assert len(set(runs[0])) == 3


def test_one_clients_tokens_do_not_depend_on_what_others_ask(make_world):
    alone, shared = make_world(), make_world()
    shared.register("other", jwks=shared.client.jwks)
    shared.ask(shared.assertion(iss="other", sub="other"))
    assert alone.ask().grant.token == shared.ask().grant.token


def test_clear_forgets_tokens_and_replays_and_starts_anew(world):
    assertion = world.assertion()
    first = world.ask(assertion)
    world.server.clear()
    assert world.server.look_up(first.grant.token).kind == "unknown"
    assert world.ask(assertion).document == first.document


def test_error_descriptions_keep_to_the_characters_of_the_standard(world):
    reply = world.ask(world.assertion(iss='é"\\\n', sub="x"))
    text = reply.document["error_description"]
    assert all(" " <= letter <= "~" and letter not in '"\\' for letter in text)


def test_a_server_that_is_not_ready_says_so(world):
    def wait(grant):
        raise Refused("not-ready", "Come again.")

    assert world.ask(amend=wait).error == "temporarily_unavailable"


def test_every_reason_is_exercised_by_these_tests(request):
    folder = request.path.parent
    text = "".join(path.read_text("utf-8") for path in folder.rglob("test_*.py"))
    assert [reason for reason in REASONS if f'"{reason}"' not in text] == []


def test_the_token_url_is_given_with_each_request_so_one_server_serves_under_any_address(world):
    other = "http://127.0.0.1:8080/oauth2/token"
    body = b"grant_type=client_credentials&scope=system/Patient.rs&client_id=s&client_secret=x"
    world.register("s", secret="x")
    for url in (other, TOKEN_URL):
        assert world.server.token(body, {"content-type": FORM}, token_url=url).status == 200
