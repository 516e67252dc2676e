"""openid-client (npm), a strict OpenID Connect client: every vendor's id_token, keys and discovery hold before it."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.auth.keys import read_bundled_key
from mockehr.testing.world import TestSite, World

VENDORS = ("generic", "epic", "oracle", "meditech")
"""Whose sites clients of others are tried on: apps and writes are offered there as those clients expect them."""


PROGRAM = "openid_client.mjs"
CALLBACK = "https://app.example.org/callback"
SCOPES = "openid fhirUser offline_access launch/patient patient/Patient.rs"


def agreed(mockehr: World, vendor: str, kind: str) -> tuple[TestSite, dict[str, Any]]:
    """A site whose clinician has agreed ahead, and what the program has to be told."""
    site = mockehr.site(vendor, patients=4)
    secret = "an app's secret" if kind == "secret" else ""
    site._control("app add", client_id="my-app", redirect_uris=[CALLBACK], secret=secret, keys=kind == "keys")
    patient = site.patient_ids()[0]
    site._control("approval add", client_id="my-app", user="clinician", patient=patient)
    where = site.site.addresses(site.fhir_url)
    return site, {
        "issuer": where.issuer,
        "tokenUrl": where.token,
        "clientId": "my-app",
        "secret": secret,
        "jwk": read_bundled_key("client-1-ES384") if kind == "keys" else None,
        "redirectUri": CALLBACK,
        "scope": SCOPES,
        "audience": site.fhir_url,
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["public", "secret", "keys"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_id_token_holds_before_a_strict_client(vendor: str, kind: str, mockehr: World, node: Any) -> None:
    site, told = agreed(mockehr, vendor, kind)
    saw = node.play(PROGRAM, "signs", told)
    claims = saw["claims"]
    assert saw["issuer"] == claims["iss"] == told["issuer"]
    clinician = site.site.auth.users.get("clinician")
    assert claims["fhirUser"] == f"{site.fhir_url}/{clinician.reference}"
    assert "patient/Patient.rs" in saw["granted"]
    if saw["userinfo"] is not None:
        assert saw["userinfo"]["sub"] == claims["sub"]
        assert saw["userinfo"]["fhirUser"] == claims["fhirUser"]
    assert saw["replayed"] == "invalid_grant"


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_tokens_are_renewed_looked_at_and_revoked_by_a_strict_client(vendor: str, mockehr: World, node: Any) -> None:
    site, told = agreed(mockehr, vendor, "keys")
    saw = node.play(PROGRAM, "renews", told)
    assert saw["changed"] is True
    where = site.site.addresses(site.fhir_url)
    if where.introspect:
        assert saw["before"]["active"] is True
        assert saw["before"]["client_id"] == "my-app"
    if where.introspect and where.revoke:
        assert saw["after"] == {"active": False}
