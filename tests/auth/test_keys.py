from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk, jwt
from ruamel.yaml import YAML

from mockehr.auth.keys import (
    SigningKeys,
    bundled_key_names,
    derive_key,
    load_key,
    private_jwk,
    public_jwks,
    read_bundled_key,
    sign,
)
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock
from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName, UsageError


def test_every_bundled_pair_is_marked_as_a_public_test_key_and_listed_in_the_manifest():
    folder = data_root("corpora") / "keys"
    manifest = YAML(typ="safe").load((folder / "manifest.yaml").read_text("utf-8"))
    assert {f"{name}.json" for name in bundled_key_names()} == set(manifest["files"])
    for name in bundled_key_names():
        assert "PUBLIC TEST KEY" in (folder / f"{name}.json").read_text("utf-8")
        pair = read_bundled_key(name)
        assert "note" not in pair
        assert pair["kid"] == manifest["files"][f"{name}.json"]["kid"] == f"mockehr-test-{name.lower()}"


@pytest.mark.parametrize("name", ["client-1-ES384", "client-2-RS384", "server-1-RS384"])
def test_a_bundled_pair_loads_and_publishes_its_public_part_only(name):
    published = public_jwks(load_key(read_bundled_key(name)))["keys"][0]
    assert not set(published) & {"d", "p", "q", "dp", "dq", "qi"}
    private = read_bundled_key(name)
    assert all(published[member] == private[member] for member in published)
    assert {"kty", "kid", "use", "alg"} <= set(published)


def test_an_unknown_pair_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownName, match="client-1-ES384"):
        read_bundled_key("client-1-es384")
    with pytest.raises(UnknownName):
        read_bundled_key("../pools/manifest")


def test_a_derived_key_depends_on_seed_and_names_only():
    first = private_jwk(derive_key(Chance(7), "client", "a"))
    assert first == private_jwk(derive_key(Chance(7), "client", "a"))
    others = [derive_key(Chance(8), "client", "a"), derive_key(Chance(7), "client", "b")]
    assert len({first["kid"], *(key.kid for key in others)}) == 3
    assert (first["kty"], first["crv"], first["alg"]) == ("EC", "P-384", "ES384")
    short = private_jwk(derive_key(Chance(7), "client", "a", alg="ES256"))
    assert (short["kty"], short["crv"], short["alg"]) == ("EC", "P-256", "ES256")


@pytest.mark.parametrize("alg", ["ES256", "ES384", "RS256", "RS384"])
def test_rotation_signs_with_new_keys_and_publishes_the_old_ones_beside_them(alg):
    keys = keys_of(signing_alg=alg)
    first = keys.public()["keys"]
    keys.rotate()
    second = keys.public()["keys"]
    assert [kid["kid"] for kid in first if kid.get("alg", alg) == alg] == [first[0]["kid"]]
    assert second[len(first) :] == first
    assert keys.current().kid == second[0]["kid"] != first[0]["kid"]
    keys.rotate()
    assert keys.public()["keys"][len(first) :] == second[: len(first)]
    keys.rotate(keep_previous=False)
    assert len(keys.public()["keys"]) == len(first)
    keys.rotate()
    assert len(keys.public()["keys"]) == 2 * len(first)


def test_a_server_without_settings_publishes_what_signs_tokens_and_id_tokens(make_world):
    listed = make_world().server.jwks()["keys"]
    assert [(key["kty"], key["alg"], key["use"]) for key in listed] == [
        ("EC", "ES384", "sig"),
        ("RSA", "RS256", "sig"),
    ]
    for key in listed:
        assert key["kid"] == jwk.import_key(key).thumbprint()
        assert not set(key) & {"d", "p", "q", "dp", "dq", "qi"}


def test_a_key_for_two_algorithms_is_published_once_and_names_neither():
    keys = keys_of(signing_alg="RS384", id_token_alg="RS256")
    (only,) = keys.public()["keys"]
    assert "alg" not in only
    assert only["kid"] == keys.current("RS384").kid == keys.current("RS256").kid
    assert [keys.current(alg).alg for alg in ("", "RS256")] == ["RS384", "RS256"]
    (alone,) = keys_of(signing_alg="RS256", id_token_alg="RS256").public()["keys"]
    assert alone["alg"] == "RS256"


def test_ids_may_be_hashes_as_epics_look():
    keys = keys_of(signing_alg="RS256", key_ids="sha256")
    for one in (keys.current("RS256"), keys.current("ES384")):
        octets = one.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert base64.b64decode(one.kid) == hashlib.sha256(octets).digest()
    assert keys.public()["keys"][0]["kid"] == keys.current().kid


ORACLE = {"signing_alg": "ES256", "key_ids": "dated", "keys_rotate_every": 172_800.0, "keys_kept": 2}


def test_dated_keys_are_published_in_three_generations_of_three_kinds_newest_first():
    clock = Clock(stepped=True)
    listed = keys_of(clock=clock, **ORACLE).public()["keys"]
    dates = [
        re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\.(ec\.es256|ec\.es384|rsa)", key["kid"])
        for key in listed
    ]
    assert [found[2] for found in dates] == ["ec.es256", "rsa", "ec.es384"] * 3
    assert [key["alg"] for key in listed] == ["ES256", "RS256", "ES384"] * 3
    begun = [datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp() for found in dates[::3]]
    assert 0 <= clock.now() - begun[0] < 172_801
    assert all(abs(newer - older - 172_800) <= 1 for newer, older in pairwise(begun))
    assert len({key.get("x", key.get("n")) for key in listed}) == 9


def test_time_rotates_and_forgets_keys_the_same_in_every_process():
    clock = Clock(stepped=True)
    early, late = keys_of(clock=clock, **ORACLE), keys_of(clock=clock, **ORACLE)
    seen = []
    for _ in range(8):
        seen.append(early.public()["keys"])
        clock.advance(86_400)
    assert late.public() == early.public()
    kids = [[key["kid"] for key in listed] for listed in seen]
    assert len({listed[0] for listed in kids}) == 4
    for before, after in zip(kids[::2], kids[2::2], strict=False):
        assert after[3:] == before[:6]


def test_keys_rotate_to_the_second():
    clock = Clock(stepped=True)
    keys = keys_of(clock=clock, keys_rotate_every=600.0)
    changed, kid = [], keys.current().kid
    for second in range(1, 1801):
        clock.advance(1)
        if keys.current().kid != kid:
            changed.append(second)
            assert keys.public()["keys"][2]["kid"] == kid
            kid = keys.current().kid
    assert changed == [changed[0], changed[0] + 600, changed[0] + 1200]


def test_rotation_by_hand_counts_beside_rotation_by_time():
    clock = Clock(stepped=True)
    keys = keys_of(clock=clock, **ORACLE)
    started = keys.public()["keys"]
    clock.advance(60)
    keys.rotate()
    keys.rotate()
    by_hand = keys.public()["keys"]
    assert by_hand[6:] == started[:3]
    assert len({key["kid"] for key in by_hand}) == 9
    clock.advance(172_800)
    after = keys.public()["keys"]
    assert after[3:] == by_hand[:6]
    assert after[0]["kid"][:19] > by_hand[0]["kid"][:19]
    keys.rotate(keep_previous=False)
    assert len(keys.public()["keys"]) == 3
    clock.advance(172_800)
    assert len(keys.public()["keys"]) == 6


def test_nothing_before_is_published_where_nothing_is_kept():
    keys = keys_of(keys_kept=0, keys_rotate_every=3600.0)
    keys.rotate()
    listed = keys.public()["keys"]
    assert [key["alg"] for key in listed] == ["ES384", "RS256"]
    assert listed[0]["kid"] == keys.current().kid


@pytest.mark.parametrize(
    "settings",
    [{"signing_alg": "HS256"}, {"id_token_alg": "none"}, {"key_ids": "date"}, {"keys_rotate_every": -1.0},
     {"keys_rotate_every": float("nan")}, {"keys_kept": -1}],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(UsageError):
        keys_of(**settings)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "RS256", "RS384"])
def test_what_is_signed_verifies_with_joserfc_and_is_the_same_every_time(alg):
    key = keys_of().current(alg)
    texts = {sign(key, {"iss": "é", "n": 1}) for _ in range(3)}
    assert len(texts) == 1
    read = jwt.decode(texts.pop(), key, algorithms=[alg])
    assert read.claims == {"iss": "é", "n": 1}
    assert read.header == {"alg": alg, "kid": key.kid, "typ": "JWT"}


def keys_of(*, clock=None, seed=7, **settings):
    return SigningKeys(Chance(seed), AuthSettings(**settings), clock or Clock(stepped=True))


def test_sites_of_different_seeds_sign_with_different_keys(make_world):
    assert make_world(seed=1).server.jwks() != make_world(seed=2).server.jwks()
    assert make_world(seed=1).server.jwks() == make_world(seed=1).server.jwks()
