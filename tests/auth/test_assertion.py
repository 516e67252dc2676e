"""Every rule on assertions, with a case that passes and a case that is refused, signed by cryptography alone."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.auth.conftest import TOKEN_URL, b64, public

from mockehr.auth.assertion import ReplayMemory, client_assertion, read_assertion
from mockehr.auth.keys import derive_key, private_jwk, public_jwks, read_bundled_key
from mockehr.auth.refusal import Refused
from mockehr.core.chance import Chance

RSA_1 = read_bundled_key("client-1-RS384")
EC_2 = read_bundled_key("client-2-ES384")
OTHER_JKU = "https://elsewhere.example.org/jwks"


def refused(reply, reason):
    assert (reply.reason, reply.error, reply.status) == (reason, "invalid_client", 400)
    assert reply.document["error"] == "invalid_client"
    assert reply.grant is None
    assert "access_token" not in reply.document
    return True


def test_an_es384_assertion_gets_a_token(world):
    reply = world.ask()
    assert (reply.status, reply.reason, reply.client_id) == (200, "", "backend")


def test_an_rs384_assertion_gets_a_token(world):
    world.register("rsa", jwks={"keys": [public(RSA_1)]})
    assert world.ask(world.assertion(RSA_1, iss="rsa", sub="rsa")).status == 200


@pytest.mark.parametrize("alg", ["none", "HS384", "ES256", "RS384", None, 7, ["ES384"]])
def test_another_algorithm_than_the_accepted_is_refused(make_world, alg):
    world = make_world(assertion_algs=("ES384",))
    attack = world.assertion(header={"alg": alg}, sign_as=alg if alg in ("none", "HS384") else "")
    if alg == "none":  # an empty signature is no compact JWS at all
        assert refused(world.ask(attack), "assertion-malformed")
        attack += "AA"
    assert refused(world.ask(attack), "algorithm-refused")


def test_settings_widen_the_algorithms(make_world):
    wide = make_world(assertion_algs=("RS256", "RS384"))
    jwk = {**RSA_1, "alg": "RS256"}
    wide.register("rsa", jwks={"keys": [public(jwk)]})
    assert wide.ask(wide.assertion(jwk, iss="rsa", sub="rsa")).status == 200


def test_an_rsa_public_key_is_never_used_as_a_secret(make_world):
    world = make_world(assertion_algs=("RS384", "HS384"))
    world.register("rsa", jwks={"keys": [public(RSA_1)]})
    forged = world.assertion(RSA_1, header={"alg": "HS384"}, sign_as="HS384", iss="rsa", sub="rsa")
    assert refused(world.ask(forged), "key-unfit")


@pytest.mark.parametrize("typ", [None, "at+jwt", "JOSE", 1])
def test_a_missing_or_wrong_typ_is_refused(world, typ):
    assert refused(world.ask(world.assertion(header={"typ": typ})), "typ-wrong")


def test_a_missing_typ_passes_where_it_is_not_required_but_a_wrong_one_never(make_world):
    world = make_world(require_typ=False)
    assert world.ask(world.assertion(header={"typ": None})).status == 200
    assert refused(world.ask(world.assertion(header={"typ": "at+jwt"})), "typ-wrong")


@pytest.mark.parametrize("kid", [None, "", 7])
def test_a_missing_kid_is_refused(world, kid):
    assert refused(world.ask(world.assertion(header={"kid": kid})), "kid-missing")


def test_without_kid_every_key_is_tried_where_kid_is_not_required(make_world):
    world = make_world(require_kid=False)
    world.server.clients.remove("backend")
    world.register("backend", jwks={"keys": [public(EC_2), public(world.key)]})
    assert world.ask(world.assertion(header={"kid": None})).status == 200
    assert refused(world.ask(world.assertion(RSA_1, header={"kid": None})), "key-unfit")


def test_an_unknown_kid_is_refused(world):
    assert refused(world.ask(world.assertion(header={"kid": "another"})), "key-unknown")


def test_a_signature_by_another_key_under_a_known_kid_is_refused(world):
    assert refused(world.ask(world.assertion(EC_2, header={"kid": world.key["kid"]})), "signature-wrong")


def test_claims_changed_after_signing_are_refused(world):
    head, _, signature = world.assertion().split(".")
    other = world.assertion(jti="changed").split(".")[1]
    assert refused(world.ask(f"{head}.{other}.{signature}"), "signature-wrong")


@pytest.mark.parametrize(
    "change",
    [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": 5}, {"alg": "ES256"}, {"kty": "RSA"}, {"crv": "P-256"}],
)
def test_a_key_that_is_not_for_this_algorithm_is_refused(world, change):
    world.register("odd", jwks={"keys": [{**public(world.key), **change}]})
    assert refused(world.ask(world.assertion(iss="odd", sub="odd")), "key-unfit")


def test_an_rsa_key_of_less_than_2048_bits_is_refused(world):
    small = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    jwk = {**public(RSA_1), "n": b64(small.n.to_bytes(128, "big"))}
    world.register("small", jwks={"keys": [jwk]})
    assert refused(world.ask(world.assertion(RSA_1, iss="small", sub="small")), "key-unfit")


@pytest.mark.parametrize("change", [{"x": "AAAA"}, {"x": "!"}, {"x": 5}, {"y": None}])
def test_a_broken_registered_key_refuses_and_never_crashes(world, change):
    world.register("broken", jwks={"keys": [{**public(world.key), **change}]})
    assert refused(world.ask(world.assertion(iss="broken", sub="broken")), "signature-wrong")


def test_jku_must_be_the_registered_url(world):
    world.register("remote", jwks_uri="https://client.example.org/jwks")
    world.served["https://client.example.org/jwks"] = {"keys": [public(world.key)]}
    right = world.assertion(header={"jku": "https://client.example.org/jwks"}, iss="remote", sub="remote")
    wrong = world.assertion(header={"jku": OTHER_JKU}, iss="remote", sub="remote")
    assert world.ask(right).status == 200
    assert refused(world.ask(wrong), "jku-mismatch")
    assert refused(world.ask(world.assertion(header={"jku": OTHER_JKU})), "jku-mismatch")
    assert OTHER_JKU not in world.fetched


@pytest.mark.parametrize(
    "text",
    ["x", "a.b", "a.b.c.d", "....", "!!!.e30.AA", f"{b64(b'[]')}.{b64(b'{}')}.AA", f"{b64(b'{}')}.{b64(b'7')}.AA"],
)
def test_what_is_no_jwt_is_refused(world, text):
    assert refused(world.ask(text), "assertion-malformed")


def test_an_oversized_assertion_is_refused(world):
    assert world.ask(world.assertion(padding="x" * 4_000)).status == 200
    assert refused(world.ask(world.assertion(padding="x" * 20_000)), "assertion-malformed")


def test_deeply_nested_claims_are_refused_and_never_crash(world):
    deep = b64(b'{"alg":"ES384"}') + "." + b64(b"[" * 12_000) + ".AA"
    assert refused(world.ask(deep), "assertion-malformed")


@pytest.mark.parametrize("issuer", [None, "", 7])
def test_a_missing_issuer_is_refused(world, issuer):
    assert refused(world.ask(world.assertion(iss=issuer)), "issuer-missing")


@pytest.mark.parametrize("subject", [None, "somebody", 7])
def test_a_subject_that_is_not_the_issuer_is_refused(world, subject):
    assert refused(world.ask(world.assertion(sub=subject)), "subject-mismatch")


def test_the_client_id_of_the_form_may_repeat_the_issuer_and_nothing_else(world):
    assert world.ask(client_id="backend").status == 200
    assert refused(world.ask(client_id="other"), "client-id-mismatch")


@pytest.mark.parametrize("audience", [TOKEN_URL, [TOKEN_URL], ["https://a.example.org", TOKEN_URL]])
def test_the_token_url_is_the_audience(world, audience):
    assert world.ask(world.assertion(aud=audience)).status == 200


@pytest.mark.parametrize(
    "audience",
    [TOKEN_URL + "/", TOKEN_URL.replace("http", "https"), TOKEN_URL.upper(), ["https://a.example.org"], {"a": 1}, 7],
)
def test_any_other_audience_is_refused(world, audience):
    assert refused(world.ask(world.assertion(aud=audience)), "audience-wrong")


@pytest.mark.parametrize("audience", [None, "", []])
def test_a_missing_audience_is_refused(world, audience):
    assert refused(world.ask(world.assertion(aud=audience)), "audience-missing")


def test_settings_add_audiences(make_world):
    world = make_world(audiences=("https://issuer.example.org",))
    assert world.ask(world.assertion(aud="https://issuer.example.org")).status == 200


def test_a_missing_expiry_is_refused(world):
    assert refused(world.ask(world.assertion(exp=None)), "exp-missing")


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1767614400", True, -1, 1e300, float("nan"), float("inf"), [1]])
def test_a_time_that_is_no_number_of_seconds_is_refused(world, name, value):
    assert refused(world.ask(world.assertion(**{name: value})), "time-malformed")


@pytest.mark.parametrize(
    ("ahead", "reason"),
    [(300, ""), (305, ""), (306, "exp-too-far"), (1, ""), (-4, ""), (-5, "expired"), (-600, "expired")],
)
def test_expiry_lies_ahead_by_five_minutes_at_most_give_or_take_the_skew(world, ahead, reason):
    reply = world.ask(world.assertion(exp=world.clock.now() + ahead))
    assert reply.reason == reason
    assert reply.status == (400 if reason else 200)


def test_without_skew_the_limits_are_exact(make_world):
    world = make_world(skew=0.0)
    assert world.ask(world.assertion(exp=world.clock.now() + 300)).status == 200
    assert refused(world.ask(world.assertion(exp=world.clock.now() + 301)), "exp-too-far")
    assert refused(world.ask(world.assertion(exp=world.clock.now())), "expired")


def test_an_assertion_expires_as_the_site_clock_advances(world):
    early, late = world.assertion(), world.assertion()
    world.clock.advance(200)
    assert world.ask(early).status == 200
    world.clock.advance(100)
    assert refused(world.ask(late), "expired")


@pytest.mark.parametrize(("name", "reason"), [("nbf", "not-yet-valid"), ("iat", "issued-in-future")])
def test_validity_and_issue_do_not_lie_ahead(world, name, reason):
    assert world.ask(world.assertion(**{name: world.clock.now() + 5})).status == 200
    assert refused(world.ask(world.assertion(**{name: world.clock.now() + 6})), reason)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_the_whole_lifetime_is_bounded_only_where_settings_say_so(make_world, name):
    strict, lax = make_world(bound_whole_lifetime=True), make_world()
    for world, reason in ((strict, "lifetime-too-long"), (lax, "")):
        now = world.clock.now()
        assert world.ask(world.assertion(**{name: now - 100, "exp": now + 201})).reason == reason
        assert world.ask(world.assertion(**{name: now - 100, "exp": now + 200})).reason == ""


def test_times_can_be_left_unchecked_but_replays_never(make_world):
    world = make_world(check_times=False)
    old = world.assertion(exp=1, iat=2_000_000_000)
    assert world.ask(old).status == 200
    assert refused(world.ask(old), "jti-replayed")
    assert refused(world.ask(world.assertion(exp=None)), "exp-missing")


@pytest.mark.parametrize("jti", [None, "", 7])
def test_a_missing_jti_is_refused(world, jti):
    assert refused(world.ask(world.assertion(jti=jti)), "jti-missing")


def test_a_jti_is_bounded_only_where_settings_say_so(make_world):
    bounded = make_world(max_jti_length=151)
    assert bounded.ask(bounded.assertion(jti="j" * 151)).status == 200
    assert refused(bounded.ask(bounded.assertion(jti="j" * 152)), "jti-too-long")
    free = make_world()
    assert free.ask(free.assertion(jti="j" * 152)).status == 200


def test_a_jti_is_accepted_once(world):
    assertion = world.assertion()
    assert world.ask(assertion).status == 200
    assert refused(world.ask(assertion), "jti-replayed")
    assert refused(world.ask(world.assertion(jti=f"jti-{world.jti}")), "jti-replayed")


def test_a_jti_may_return_after_its_assertion_expired(world):
    assert world.ask(world.assertion(jti="again", exp=world.clock.now() + 60)).status == 200
    world.clock.advance(64)
    assert refused(world.ask(world.assertion(jti="again")), "jti-replayed")
    world.clock.advance(1)
    assert world.ask(world.assertion(jti="again")).status == 200


def test_two_clients_may_use_the_same_jti(world):
    world.register("second", jwks={"keys": [public(world.key)]})
    assert world.ask(world.assertion(jti="same")).status == 200
    assert world.ask(world.assertion(jti="same", iss="second", sub="second")).status == 200


def test_a_refused_assertion_does_not_use_up_its_jti(world):
    assert refused(world.ask(world.assertion(EC_2, header={"kid": world.key["kid"]}, jti="mine")), "signature-wrong")
    assert world.ask(world.assertion(jti="mine")).status == 200


def test_an_assertion_is_used_up_even_where_its_scopes_are_refused(world):
    assertion = world.assertion()
    assert world.ask(assertion, scope="system/Patient.cud").reason == "scope-not-registered"
    assert refused(world.ask(assertion), "jti-replayed")


def test_the_replay_memory_forgets_what_is_over():
    memory = ReplayMemory()
    for number in range(1000):
        memory.remember("client", f"j{number}", until=number + 10, now=number)
    assert len(memory) == 10
    assert memory.seen("client", "j999", now=1000)
    assert not memory.seen("client", "j999", now=1009)
    assert not memory.seen("other", "j999", now=1000)


def test_the_replay_memory_keeps_a_jti_that_came_again_after_it_was_over():
    memory = ReplayMemory()
    memory.remember("client", "long", until=100, now=0)
    memory.remember("client", "j", until=10, now=0)
    memory.remember("client", "j", until=200, now=20)
    memory.remember("client", "other", until=200, now=110)
    assert memory.seen("client", "j", now=150)


def test_our_own_helper_writes_assertions_that_pass(world):
    for jti, key in (("a", world.key), ("b", read_bundled_key("client-1-RS384"))):
        world.server.clients.replace(type(world.client)("backend", world.client.scopes, jwks={"keys": [public(key)]}))
        text = client_assertion("backend", TOKEN_URL, key, now=world.clock.now(), jti=jti)
        assert world.ask(text).status == 200


def test_our_own_helper_writes_the_same_bytes_for_the_same_input():
    key = derive_key(Chance(7), "client", "backend")
    texts = {client_assertion("backend", TOKEN_URL, key, now=1e9, jti="a") for _ in range(3)}
    texts.add(client_assertion("backend", TOKEN_URL, private_jwk(key), now=1e9, jti="a"))
    assert len(texts) == 1


def test_our_own_helper_writes_wrong_assertions_on_request(world):
    world.register("derived", jwks=public_jwks(derive_key(Chance(7), "client")))
    key = derive_key(Chance(7), "client")
    text = client_assertion(
        "derived",
        TOKEN_URL,
        key,
        now=world.clock.now(),
        jti="a",
        header={"typ": None},
        claims={"aud": "x", "iat": None},
    )
    read = read_assertion(text)
    assert "typ" not in read.header
    assert "iat" not in read.claims
    assert read.claims["aud"] == "x"


def test_reading_an_assertion_takes_nothing_but_base64url():
    head = b64(json.dumps({"alg": "ES384"}).encode())
    with pytest.raises(Refused, match="assertion-malformed"):
        read_assertion(f"{head}.{b64(b'{}')}.++//")
