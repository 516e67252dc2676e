from __future__ import annotations

from urllib.parse import urlencode

import pytest
from tests.auth.conftest import ASSERTION_TYPE, public

from mockehr.auth.keys import read_bundled_key
from mockehr.auth.server import AuthServer
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock

URL = "https://client.example.org/jwks"
OLD, NEW = read_bundled_key("client-1-ES384"), read_bundled_key("client-2-ES384")


@pytest.fixture
def remote(make_world):
    def make(**settings):
        world = make_world(**settings)
        world.server.clients.remove("backend")
        world.register("backend", jwks_uri=URL)
        world.served[URL] = {"keys": [public(OLD)]}
        return world

    return make


def test_a_key_set_is_fetched_once_and_kept_for_its_time_to_live(remote):
    world = remote(jwks_ttl=300.0)
    assert [world.ask().status for _ in range(3)] == [200] * 3
    assert world.fetched == [URL]
    world.clock.advance(299)
    world.ask()
    assert len(world.fetched) == 1
    world.clock.advance(1)
    world.ask()
    assert len(world.fetched) == 2


def test_a_new_key_is_found_by_fetching_again_once(remote):
    world = remote()
    world.ask()
    world.served[URL] = {"keys": [public(NEW), public(OLD)]}
    assert world.ask(world.assertion(NEW)).status == 200
    assert world.ask(world.assertion(OLD)).status == 200
    assert len(world.fetched) == 2


def test_a_new_key_under_the_old_kid_is_found_too(remote):
    world = remote()
    world.ask()
    renamed = {**NEW, "kid": OLD["kid"]}
    world.served[URL] = {"keys": [public(renamed)]}
    assert world.ask(world.assertion(renamed)).status == 200
    assert world.ask(world.assertion(OLD)).reason == "signature-wrong"


def test_an_assertion_that_cannot_be_verified_costs_one_fetch_at_most(remote):
    world = remote()
    assert world.ask(world.assertion(NEW)).reason == "key-unknown"
    assert len(world.fetched) == 1
    assert world.ask(world.assertion(NEW)).reason == "key-unknown"
    assert len(world.fetched) == 2


def test_a_server_that_does_not_fetch_again_knows_a_new_key_only_after_the_time_to_live(remote):
    world = remote(jwks_refetch=False, jwks_ttl=60.0)
    world.ask()
    world.served[URL] = {"keys": [public(NEW)]}
    assert world.ask(world.assertion(NEW)).reason == "key-unknown"
    assert world.ask(world.assertion(OLD)).status == 200
    world.clock.advance(60)
    assert world.ask(world.assertion(NEW)).status == 200
    assert world.ask(world.assertion(OLD)).reason == "key-unknown"


def test_a_key_set_can_be_forgotten(remote):
    world = remote()
    world.ask()
    world.server.client_keys.forget("https://elsewhere.example.org")
    world.ask()
    assert len(world.fetched) == 1
    world.server.client_keys.forget(URL)
    world.ask()
    assert len(world.fetched) == 2


def test_a_key_set_that_cannot_be_had_is_a_refusal_and_a_kept_copy_still_serves(remote):
    world = remote()
    served = world.served.pop(URL)
    reply = world.ask()
    assert (reply.reason, reply.error, reply.status) == ("jwks-unreachable", "invalid_client", 400)
    world.served[URL] = served
    assert world.ask().status == 200
    del world.served[URL]
    assert world.ask().status == 200
    assert world.ask(world.assertion(NEW)).reason == "jwks-unreachable"


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": ["x"]}, "<html>"])
def test_what_is_no_key_set_is_a_refusal(remote, document):
    world = remote()
    world.served[URL] = document
    assert world.ask().reason == "jwks-malformed"


def test_a_malformed_registered_key_set_is_a_refusal(world):
    world.register("odd", jwks={"keyz": []})
    assert world.ask(world.assertion(iss="odd", sub="odd")).reason == "jwks-malformed"


def test_a_registered_key_set_comes_before_a_url(world):
    world.register("both", jwks=world.client.jwks, jwks_uri=URL)
    assert world.ask(world.assertion(iss="both", sub="both")).status == 200
    assert world.ask(world.assertion(NEW, iss="both", sub="both")).reason == "key-unknown"
    assert world.fetched == []


def test_an_empty_key_set_is_refused_even_where_kid_is_not_required(make_world):
    world = make_world(require_kid=False)
    world.register("empty", jwks={"keys": []})
    assert world.ask(world.assertion(header={"kid": None}, iss="empty", sub="empty")).reason == "key-unknown"


def test_a_server_without_a_fetch_refuses_clients_with_a_url(world):
    bare = AuthServer(clock=Clock(stepped=True), chance=Chance(1))
    world.register("remote", jwks_uri=URL)
    bare.clients.add(world.server.clients.get("remote"))
    world.server = bare
    assert world.ask(world.assertion(iss="remote", sub="remote")).reason == "jwks-unreachable"


# handed in by an edge, in place of fetched


@pytest.fixture
def fed(remote):
    """Makes a world whose server has no way to fetch, and a question that is prepared as an edge does it."""

    def make(**settings):
        world = remote(**settings)
        client = world.server.clients.get("backend")
        world.server = AuthServer(clock=world.clock, chance=Chance(7), settings=world.settings)
        world.server.clients.add(client)
        return world

    return make


def body(assertion: str, **form: str) -> bytes:
    fields = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    return urlencode({**fields, "client_assertion": assertion, **form}).encode()


def wanted(world, key=OLD, **claims) -> str:
    return world.server.wanted_key_set(body(world.assertion(key, **claims)))


def test_a_key_set_is_wanted_until_it_is_kept_and_again_after_its_time(fed):
    world = fed(jwks_ttl=300.0)
    assert wanted(world) == URL
    world.server.keep_key_set(URL, {"keys": [public(OLD)]})
    assert world.ask().status == 200
    world.clock.advance(299)
    assert wanted(world) == ""
    world.clock.advance(1)
    assert wanted(world) == URL


@pytest.mark.parametrize(("refetch", "url"), [(True, URL), (False, "")])
def test_a_key_that_the_kept_copy_lacks_is_wanted_if_the_site_fetches_again(fed, refetch, url):
    world = fed(jwks_refetch=refetch)
    world.server.keep_key_set(URL, {"keys": [public(OLD)]})
    assert wanted(world, NEW) == url
    assert wanted(world, OLD) == ""
    renamed = {**NEW, "kid": OLD["kid"]}
    assert wanted(world, renamed) == url


def test_nothing_is_wanted_for_a_request_that_needs_no_fetched_keys(fed):
    world = fed()
    world.register("here", jwks={"keys": [public(OLD)]})
    world.register("asleep", jwks_uri=URL, active=False)
    world.register("secret", secret="s")
    for client in ("here", "asleep", "secret", "nobody"):
        assert wanted(world, iss=client, sub=client) == ""
    assert wanted(world, iss=None) == ""
    unsigned = world.assertion(OLD, header={"alg": "none"})
    for sent in (b"", b"\xff", b"a=1&a=2", body("x.y.z"), body(unsigned), body(world.assertion(), grant_type="x")):
        assert world.server.wanted_key_set(sent) == ""
    assert world.server.wanted_key_set(body(world.assertion(), client_secret="s")) == ""
    assert wanted(fed(auth_methods=("client_secret_post",))) == ""


def test_a_question_is_answered_from_what_was_handed_in_whatever_the_time(fed):
    world = fed(jwks_ttl=0.0)
    for _ in range(2):
        assert wanted(world) == URL
        world.server.keep_key_set(URL, {"keys": [public(OLD)]})
        world.clock.advance(1)
        assert world.ask().status == 200
    assert world.ask().reason == "jwks-unreachable"


def test_a_copy_whose_time_ends_between_the_two_questions_still_serves(fed):
    world = fed(jwks_ttl=60.0)
    world.server.keep_key_set(URL, {"keys": [public(OLD)]})
    world.ask()
    world.clock.advance(59.5)
    assert wanted(world) == ""
    world.clock.advance(1)
    assert world.ask().status == 200
    assert world.ask().reason == "jwks-unreachable"


def test_a_failure_handed_in_refuses_one_question_and_leaves_the_kept_copy(fed):
    world = fed()
    world.server.keep_key_set(URL, OSError("no route"))
    reply = world.ask()
    assert reply.reason == "jwks-unreachable"
    assert reply.document["error_description"] == f"The key set at {URL} cannot be fetched: no route."
    world.server.keep_key_set(URL, {"keys": [public(OLD)]})
    assert world.ask().status == 200
    world.server.keep_key_set(URL, "<html>")
    assert world.ask(world.assertion(NEW)).reason == "jwks-malformed"
    assert world.ask().status == 200


def test_what_was_handed_in_and_not_used_is_forgotten_at_the_next_question(fed):
    world = fed(jwks_ttl=0.0)
    for outcome in ({"keys": [public(OLD)]}, OSError("gone")):
        world.server.keep_key_set(URL, outcome)
        assert wanted(world) == URL
        assert world.ask().document["error_description"].endswith("nothing was handed in.")


def test_clearing_a_server_forgets_what_was_handed_in(fed):
    world = fed()
    world.server.keep_key_set(URL, {"keys": [public(OLD)]})
    world.server.clear()
    assert world.ask().reason == "jwks-unreachable"
