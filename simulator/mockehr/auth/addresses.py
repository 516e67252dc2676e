"""Where one authorization server is, as a client addressed it: absolute URLs, empty for what is not offered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Addresses:
    """Absolute URLs of a site's endpoints (SMART App Launch 2.2, "Metadata"; RFC 8414 section 2)."""

    base: str = ""
    """The FHIR base, without a trailing slash: what `aud` of an authorization request must name."""
    token: str = ""
    authorize: str = ""
    jwks: str = ""
    introspect: str = ""
    revoke: str = ""
    register: str = ""
    userinfo: str = ""
    manage: str = ""
    style: str = ""
    """The document that `smart_style_url` points to."""
    issuer: str = ""
    """`iss` of id_tokens; the FHIR base unless the vendor has it elsewhere."""
