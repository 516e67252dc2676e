from __future__ import annotations

from dataclasses import replace

BASE = "http://north.example.org/fhir"
URLS = {"base_url": BASE, "token_url": "http://north.example.org/token", "jwks_url": "http://north.example.org/jwks"}


def test_smart_configuration_has_the_required_members(world):
    document = world.server.smart_configuration(**URLS)
    assert document == {
        "jwks_uri": URLS["jwks_url"],
        "token_endpoint": URLS["token_url"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": ["system/*.rs"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [
            "client-confidential-asymmetric",
            "client-confidential-symmetric",
            "permission-v1",
            "permission-v2",
        ],
    }


def test_smart_configuration_follows_the_settings(make_world):
    asymmetric = make_world(auth_methods=("private_key_jwt",), scope_dialects=("v2",), assertion_algs=("ES384",))
    document = asymmetric.server.smart_configuration(**URLS)
    assert document["capabilities"] == ["client-confidential-asymmetric", "permission-v2"]
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["ES384"]
    symmetric = make_world(auth_methods=("client_secret_basic",)).server.smart_configuration(**URLS)
    assert "token_endpoint_auth_signing_alg_values_supported" not in symmetric
    assert "client-confidential-asymmetric" not in symmetric["capabilities"]


def test_scopes_supported_are_those_of_active_clients_each_once(world):
    world.register("second", "system/*.rs system/Goal.c")
    world.register("third", "system/Task.u")
    world.server.clients.replace(replace(world.server.clients.get("third"), active=False))
    assert world.server.smart_configuration(**URLS)["scopes_supported"] == ["system/*.rs", "system/Goal.c"]


def test_further_endpoints_are_named_where_they_are_served(world):
    document = world.server.smart_configuration(**URLS, introspection_url="http://i", revocation_url="http://r")
    assert (document["introspection_endpoint"], document["revocation_endpoint"]) == ("http://i", "http://r")


def test_the_security_block_points_to_the_token_endpoint(world):
    block = world.server.capability_security(token_url=URLS["token_url"])
    uris = block["extension"][0]
    assert uris["url"] == "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    assert uris["extension"] == [{"url": "token", "valueUri": URLS["token_url"]}]
    assert block["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
