"""What the server says of itself: `.well-known/smart-configuration` and the CapabilityStatement's security block."""

from __future__ import annotations

from typing import Any

from mockehr.auth.settings import AuthSettings

_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def capabilities(settings: AuthSettings) -> list[str]:
    """The `capabilities` that follow from the settings (SMART App Launch 2.2, "Capability Sets")."""
    found = []
    if "private_key_jwt" in settings.auth_methods:
        found.append("client-confidential-asymmetric")
    if any(method != "private_key_jwt" for method in settings.auth_methods):
        found.append("client-confidential-symmetric")
    return found + [f"permission-{dialect}" for dialect in ("v1", "v2") if dialect in settings.scope_dialects]


def smart_configuration(
    settings: AuthSettings,
    *,
    token_url: str,
    jwks_url: str,
    scopes: tuple[str, ...] = (),
    introspection_url: str = "",
    revocation_url: str = "",
) -> dict[str, Any]:
    """The document of SMART App Launch 2.2, "Response"; `issuer` is left out while there is no OpenID Connect."""
    document: dict[str, Any] = {
        "jwks_uri": jwks_url,
        "token_endpoint": token_url,
        "token_endpoint_auth_methods_supported": list(settings.auth_methods),
        "token_endpoint_auth_signing_alg_values_supported": list(settings.assertion_algs),
        "grant_types_supported": list(settings.grants),
        "scopes_supported": list(scopes),
        "introspection_endpoint": introspection_url,
        "revocation_endpoint": revocation_url,
        # required even where there is no authorization endpoint
        "code_challenge_methods_supported": ["S256"],
        "capabilities": capabilities(settings),
    }
    if "private_key_jwt" not in settings.auth_methods:
        del document["token_endpoint_auth_signing_alg_values_supported"]
    return {name: value for name, value in document.items() if value}


def capability_security(*, token_url: str, introspection_url: str = "", revocation_url: str = "") -> dict[str, Any]:
    """`CapabilityStatement.rest.security` with the `oauth-uris` extension (SMART 1.0; still read by clients)."""
    uris = {"token": token_url, "introspect": introspection_url, "revoke": revocation_url}
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
