from __future__ import annotations

from dataclasses import replace

from mockehr.auth.addresses import Addresses

ROOT = "http://north.example.org"
WHERE = Addresses(base=f"{ROOT}/fhir", token=f"{ROOT}/token", jwks=f"{ROOT}/jwks")
ALL = replace(
    WHERE,
    authorize=f"{ROOT}/authorize",
    introspect=f"{ROOT}/introspect",
    revoke=f"{ROOT}/revoke",
    register=f"{ROOT}/register",
    userinfo=f"{ROOT}/userinfo",
    manage=f"{ROOT}/manage",
    style=f"{ROOT}/style.json",
    issuer=f"{ROOT}/fhir",
)
SYSTEMS = {"grants": ("client_credentials",)}


def test_a_server_for_systems_alone_says_nothing_of_users(make_world):
    document = make_world(**SYSTEMS).server.smart_configuration(WHERE)
    assert document == {
        "jwks_uri": WHERE.jwks,
        "token_endpoint": WHERE.token,
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": ["system/*.rs"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [
            "client-confidential-symmetric",
            "client-confidential-asymmetric",
            "permission-v1",
            "permission-v2",
        ],
    }


def test_smart_configuration_follows_the_settings(make_world):
    asymmetric = make_world(
        auth_methods=("private_key_jwt",), scope_dialects=("v2",), assertion_algs=("ES384",), **SYSTEMS
    )
    document = asymmetric.server.smart_configuration(WHERE)
    assert document["capabilities"] == ["client-confidential-asymmetric", "permission-v2"]
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["ES384"]
    symmetric = make_world(auth_methods=("client_secret_basic",)).server.smart_configuration(WHERE)
    assert "token_endpoint_auth_signing_alg_values_supported" not in symmetric
    assert "client-confidential-asymmetric" not in symmetric["capabilities"]


def test_scopes_supported_are_those_of_active_clients_each_once(world):
    world.register("second", "system/*.rs system/Goal.c")
    world.register("third", "system/Task.u")
    world.server.clients.replace(replace(world.server.clients.get("third"), active=False))
    found = world.server.smart_configuration(WHERE)["scopes_supported"]
    assert [scope for scope in found if scope.startswith("system/")] == ["system/*.rs", "system/Goal.c"]


def test_scopes_about_users_are_those_that_mean_something(make_world):
    every = make_world().server.smart_configuration(WHERE)["scopes_supported"]
    told = ["fhirUser", "launch", "launch/encounter", "launch/patient", "offline_access", "online_access", "openid"]
    assert [scope for scope in every if not scope.startswith("system/")] == [*told, "profile"]
    fewer = make_world(launches=("ehr",), refresh=("offline",), openid=False).server.smart_configuration(WHERE)
    plain = [scope for scope in fewer["scopes_supported"] if not scope.startswith("system/")]
    assert plain == ["launch", "offline_access"]


def test_a_server_for_users_tells_all_its_endpoints_and_capabilities(world):
    document = world.server.smart_configuration(ALL)
    assert document["issuer"] == ALL.issuer
    assert document["authorization_endpoint"] == ALL.authorize
    assert document["introspection_endpoint"] == ALL.introspect
    assert document["revocation_endpoint"] == ALL.revoke
    assert document["management_endpoint"] == ALL.manage
    assert document["response_types_supported"] == ["code"]
    assert document["grant_types_supported"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert document["token_endpoint_auth_methods_supported"] == [
        "private_key_jwt",
        "client_secret_basic",
        "client_secret_post",
    ]
    assert set(document["capabilities"]) == {
        *("launch-ehr", "launch-standalone", "authorize-post", "client-public"),
        *("client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect"),
        *("context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter"),
        *("context-standalone-patient", "context-standalone-encounter", "permission-offline", "permission-online"),
        *("permission-patient", "permission-user", "permission-v1", "permission-v2"),
    }


def test_registration_is_told_of_where_it_is_open(make_world):
    assert "registration_endpoint" not in make_world().server.smart_configuration(ALL)
    assert make_world(registration="open").server.smart_configuration(ALL)["registration_endpoint"] == ALL.register


def test_what_a_server_does_not_offer_is_not_among_its_capabilities(make_world):
    told = make_world(launches=("ehr",), refresh=("online",), openid=False, auth_methods=("private_key_jwt",))
    found = set(told.server.smart_configuration(ALL)["capabilities"])
    assert not found & {"launch-standalone", "context-standalone-patient", "permission-offline", "client-public"}
    assert not found & {"sso-openid-connect", "client-confidential-symmetric"}
    assert {"launch-ehr", "permission-online"} <= found


def test_openid_configuration_has_the_required_members(world):
    document = world.server.openid_configuration(ALL)
    required = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported")
    assert all(document[name] for name in (*required, "subject_types_supported"))
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    assert document["userinfo_endpoint"] == ALL.userinfo
    assert "none" in document["token_endpoint_auth_methods_supported"]
    assert "capabilities" not in document


def test_the_security_block_points_to_what_is_there(world):
    block = world.server.capability_security(WHERE)
    uris = block["extension"][0]
    assert uris["url"] == "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    assert uris["extension"] == [{"url": "token", "valueUri": WHERE.token}]
    assert block["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    told = [one["url"] for one in world.server.capability_security(ALL)["extension"][0]["extension"]]
    assert told == ["authorize", "token", "register", "manage", "introspect", "revoke"]


def test_who_tells_its_name_on_the_way_back_says_so(make_world):
    name = "authorization_response_iss_parameter_supported"  # RFC 9207 section 3
    assert make_world(iss_told=True).server.smart_configuration(WHERE)[name] is True
    assert make_world(iss_told=True).server.openid_configuration(WHERE)[name] is True
    assert name not in make_world().server.smart_configuration(WHERE)
