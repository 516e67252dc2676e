"""What the server says of itself: `.well-known/smart-configuration`, `.well-known/openid-configuration` and the
CapabilityStatement's security block."""

from __future__ import annotations

from typing import Any

from mockehr.auth.addresses import Addresses
from mockehr.auth.settings import AuthSettings

_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def capabilities(settings: AuthSettings) -> list[str]:
    """The `capabilities` that follow from the settings (SMART App Launch 2.2, "Capability Sets")."""
    users = "authorization_code" in settings.grants
    ehr = users and "ehr" in settings.launches
    standalone = users and "standalone" in settings.launches
    secret = any(method.startswith("client_secret") for method in settings.auth_methods)
    renewed = users and "refresh_token" in settings.grants
    told = {
        "launch-ehr": ehr,
        "launch-standalone": standalone,
        "authorize-post": users,
        "client-public": users and "none" in settings.auth_methods,
        "client-confidential-symmetric": secret,
        "client-confidential-asymmetric": "private_key_jwt" in settings.auth_methods,
        "sso-openid-connect": users and settings.openid,
        "context-banner": ehr,
        "context-style": ehr,
        "context-ehr-patient": ehr,
        "context-ehr-encounter": ehr,
        "context-standalone-patient": standalone,
        "context-standalone-encounter": standalone,
        "permission-offline": renewed and "offline" in settings.refresh,
        "permission-online": renewed and "online" in settings.refresh,
        "permission-patient": users,
        "permission-user": users,
        "permission-v1": "v1" in settings.scope_dialects,
        "permission-v2": "v2" in settings.scope_dialects,
    }
    return [name for name, offered in told.items() if offered]


def scopes_of_users(settings: AuthSettings) -> list[str]:
    """The scopes about users and launches that the settings have a meaning for, in alphabetical order."""
    if "authorization_code" not in settings.grants:
        return []
    told = {
        "fhirUser": settings.openid,
        "launch": "ehr" in settings.launches,
        "launch/encounter": "standalone" in settings.launches,
        "launch/patient": "standalone" in settings.launches,
        "offline_access": "refresh_token" in settings.grants and "offline" in settings.refresh,
        "online_access": "refresh_token" in settings.grants and "online" in settings.refresh,
        "openid": settings.openid,
        "profile": settings.openid,
    }
    return [name for name, offered in told.items() if offered]


def smart_configuration(settings: AuthSettings, where: Addresses, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
    """The document of SMART App Launch 2.2, "Metadata"; `issuer` and `jwks_uri` come with OpenID Connect."""
    users = "authorization_code" in settings.grants
    document: dict[str, Any] = {
        "issuer": where.issuer if users and settings.openid else "",
        "jwks_uri": where.jwks,
        "authorization_endpoint": where.authorize if users else "",
        "token_endpoint": where.token,
        "token_endpoint_auth_methods_supported": [method for method in settings.auth_methods if method != "none"],
        "token_endpoint_auth_signing_alg_values_supported": list(settings.assertion_algs),
        "grant_types_supported": list(settings.grants),
        "registration_endpoint": where.register if settings.registration != "off" else "",
        "scopes_supported": list(scopes),
        "response_types_supported": ["code"] if users else [],
        "introspection_endpoint": where.introspect,
        "revocation_endpoint": where.revoke,
        "management_endpoint": where.manage if users else "",
        # required even where there is no authorization endpoint
        "code_challenge_methods_supported": ["S256"],
        "capabilities": capabilities(settings),
        "authorization_response_iss_parameter_supported": users and settings.iss_told,  # RFC 9207 section 3
    }
    if "private_key_jwt" not in settings.auth_methods:
        del document["token_endpoint_auth_signing_alg_values_supported"]
    return {name: value for name, value in document.items() if value}


def openid_configuration(settings: AuthSettings, where: Addresses, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
    """The document of OpenID Connect Discovery 1.0 section 3."""
    document = smart_configuration(settings, where, scopes)
    document |= {
        "issuer": where.issuer,
        "userinfo_endpoint": where.userinfo,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [settings.id_token_alg],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "profile", "name"],
        "token_endpoint_auth_methods_supported": list(settings.auth_methods),
    }
    found = {name: value for name, value in document.items() if value and name != "capabilities"}
    # True where nothing is said (OpenID Connect Discovery 1.0 section 3).
    return found | {"request_uri_parameter_supported": False}


def capability_security(where: Addresses) -> dict[str, Any]:
    """`CapabilityStatement.rest.security` with the `oauth-uris` extension (SMART 1.0; still read by clients)."""
    uris = {
        "authorize": where.authorize,
        "token": where.token,
        "register": where.register,
        "manage": where.manage,
        "introspect": where.introspect,
        "revoke": where.revoke,
    }
    return {
        "extension": [
            {
                "url": _OAUTH_URIS,
                "extension": [{"url": name, "valueUri": uri} for name, uri in uris.items() if uri],
            }
        ],
        "cors": True,
        "service": [
            {"coding": [{"system": _SERVICE, "code": "SMART-on-FHIR"}], "text": "OAuth2 using SMART-on-FHIR"}
        ],
    }
