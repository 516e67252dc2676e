from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from mockehr.auth.keys import bundled_key_names, derive_key, load_key, private_jwk, public_jwks, read_bundled_key
from mockehr.core.chance import Chance
from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName


def test_every_bundled_pair_is_marked_as_a_public_test_key_and_listed_in_the_manifest():
    folder = data_root("corpora") / "keys"
    manifest = YAML(typ="safe").load((folder / "manifest.yaml").read_text("utf-8"))
    assert {f"{name}.json" for name in bundled_key_names()} == set(manifest["files"])
    for name in bundled_key_names():
        assert "PUBLIC TEST KEY" in (folder / f"{name}.json").read_text("utf-8")
        jwk = read_bundled_key(name)
        assert "note" not in jwk
        assert jwk["kid"] == manifest["files"][f"{name}.json"]["kid"] == f"mockehr-test-{name.lower()}"


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


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_rotation_signs_with_a_new_key_and_publishes_the_old_one_beside_it(make_world, alg):
    server = make_world(signing_alg=alg).server
    first = server.jwks()["keys"]
    server.signing_keys.rotate()
    second = server.jwks()["keys"]
    assert [key["alg"] for key in second] == [alg, alg]
    assert second[1:] == first
    assert second[0]["kid"] != first[0]["kid"] == second[1]["kid"]
    server.signing_keys.rotate(keep_previous=False)
    assert len(server.jwks()["keys"]) == 1


def test_sites_of_different_seeds_sign_with_different_keys(make_world):
    assert make_world(seed=1).server.jwks() != make_world(seed=2).server.jwks()
    assert make_world(seed=1).server.jwks() == make_world(seed=1).server.jwks()
