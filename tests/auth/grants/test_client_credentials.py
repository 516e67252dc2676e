from __future__ import annotations

import pytest

REGISTERED = "system/Patient.rs system/Observation.rs?category=laboratory patient/*.rs offline_access special"


@pytest.fixture
def registered(make_world):
    def make(**settings):
        world = make_world(**settings)
        world.server.clients.remove("backend")
        world.register("backend", REGISTERED, jwks=world.client.jwks)
        return world

    return make


def refused(reply, reason):
    assert (reply.reason, reply.error, reply.status) == (reason, "invalid_scope", 400)
    return True


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("system/Patient.rs", "system/Patient.rs"),
        ("system/Patient.read special", "system/Patient.read special"),
        ("system/*.cruds", "system/Patient.rs system/Observation.rs?category=laboratory"),
        ("system/Patient.rs system/Goal.rs", "system/Patient.rs"),
        ("system/Patient.rs patient/Patient.rs openid offline_access", "system/Patient.rs"),
    ],
)
def test_what_is_registered_of_the_scopes_asked_for_is_granted_and_told(registered, asked, granted):
    reply = registered().ask(scope=asked)
    assert reply.document["scope"] == reply.grant.scopes.text == granted


def test_nothing_registered_of_what_is_asked_for_is_refused(registered):
    assert refused(registered().ask(scope="system/Goal.rs"), "scope-not-registered")
    assert refused(registered().ask(scope="nonsense"), "scope-not-registered")


def test_scopes_of_a_person_are_refused_even_where_they_are_registered(registered):
    assert refused(registered().ask(scope="patient/Patient.rs"), "scope-context")
    assert refused(registered().ask(scope="offline_access"), "scope-context")


@pytest.mark.parametrize("scope", [None, "", "  "])
def test_a_request_without_scope_is_refused_or_given_all_that_is_registered(registered, scope):
    assert refused(registered().ask(scope=scope), "scope-missing")
    reply = registered(scope_absent="registered").ask(scope=scope)
    assert reply.document["scope"] == "system/Patient.rs system/Observation.rs?category=laboratory special"


def test_a_request_without_scope_by_a_client_without_system_scopes_is_refused(registered):
    world = registered(scope_absent="registered")
    world.register("person", "patient/*.rs", jwks=world.client.jwks)
    assert refused(world.ask(world.assertion(iss="person", sub="person"), scope=None), "scope-not-registered")


def test_a_strict_server_refuses_a_request_of_which_anything_is_not_registered(registered):
    world = registered(scope_uncovered="refuse")
    assert world.ask(scope="special system/Patient.rs").status == 200
    assert refused(world.ask(scope="system/Patient.rs system/Goal.rs"), "scope-not-registered")
    assert refused(world.ask(scope="system/Patient.rs user/Patient.rs"), "scope-context")
    assert refused(world.ask(scope="system/Patient.cruds"), "scope-not-registered")


def test_a_dialect_that_the_server_does_not_understand_is_left_out_or_refused(registered):
    world = registered(scope_dialects=("v2",))
    assert world.ask(scope="system/Patient.rs system/Patient.read").document["scope"] == "system/Patient.rs"
    assert refused(world.ask(scope="system/Patient.read"), "scope-dialect")
    strict = registered(scope_dialects=("v2",), scope_uncovered="refuse")
    assert refused(strict.ask(scope="system/Patient.rs system/Patient.read"), "scope-dialect")


def test_a_scope_for_a_type_that_there_is_not_is_left_out_or_refused(registered):
    types = ("Patient", "Goal")
    world = registered(resource_types=types)
    world.register("wide", "system/*.rs", secret="s")
    asked = {"client_assertion": None, "client_assertion_type": None, "client_id": "wide", "client_secret": "s"}
    assert world.ask(scope="system/Patient.rs system/Patien.rs", **asked).document["scope"] == "system/Patient.rs"
    reply = world.ask(scope="system/Patien.rs", **asked)
    assert refused(reply, "scope-type-unknown")
    assert reply.document["error_description"].endswith("did you mean Patient?")
    assert world.ask(scope="system/*.rs", **asked).document["scope"] == "system/*.rs"


def test_the_lifetime_is_the_settings_own_and_told_truly(registered):
    world = registered(token_lifetime=570)
    grant = world.ask().grant
    assert (grant.announced, grant.expires_at - grant.issued_at) == (570, 570)
    assert grant.issued_at == world.clock.now()
    assert grant.grant_type == "client_credentials"


def test_scopes_beyond_all_measure_are_refused_before_they_are_read(house):
    house.register("sys", "system/*.rs", secret="s", grant_types=("client_credentials",))
    many = " ".join(f"system/Patient.rs?_id={number}" for number in range(1000))
    told = {"client_id": "sys", "client_secret": "s"}
    assert house.ask("client_credentials", scope=many, **told).reason == "parameter-too-long"
    assert house.ask("client_credentials", scope=many[:8000].rpartition(" ")[0], **told).status == 200
    renewal = house.granted(scope="offline_access patient/Patient.rs").document["refresh_token"]
    assert house.refresh(renewal, scope=many).reason == "parameter-too-long"
    assert house.refresh(renewal).status == 200
