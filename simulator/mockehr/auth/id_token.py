"""The id_token: who signed in, told to the app and signed by the server.

Sources: OpenID Connect Core 1.0 sections 2 and 3.1.3.6 (`at_hash`), SMART App Launch 2.2 ("Scopes for requesting
identity data": `fhirUser`).
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from mockehr.auth.addresses import Addresses
from mockehr.auth.people import User
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant, subject_of


def claims_of(grant: Grant, user: User | None, where: Addresses, settings: AuthSettings) -> dict[str, Any]:
    """The claims about the user of a grant."""
    claims: dict[str, Any] = {
        "iss": where.issuer or where.base,
        "sub": subject_of(grant, settings),
        "aud": grant.client_id,
        "iat": int(grant.issued_at),
        "exp": int(grant.issued_at + settings.id_token_lifetime),
        "auth_time": int(grant.auth_time),
    }
    if grant.token:
        claims["at_hash"] = _left_half(grant.token, settings.id_token_alg)
    if grant.nonce:
        claims["nonce"] = grant.nonce
    return claims | person(grant, user, where)


def person(grant: Grant, user: User | None, where: Addresses) -> dict[str, Any]:
    """What an app may know of the user by its scopes: `fhirUser` (an absolute URL) and the name."""
    told: dict[str, Any] = {}
    if grant.user and ("fhirUser" in grant.scopes or "profile" in grant.scopes):
        told["fhirUser"] = f"{where.base}/{grant.user}"
    if "profile" in grant.scopes:
        told["profile"] = f"{where.base}/{grant.user}"
        told["preferred_username"] = grant.username
        if user is not None and user.name:
            told["name"] = user.name
        if user is not None and user.email:
            told["email"] = user.email
    return told


def _left_half(token: str, alg: str) -> str:
    """By the hash that the signature's algorithm is named after (OpenID Connect Core 1.0 section 3.1.3.6)."""
    digest = hashlib.new(f"sha{alg[2:]}", token.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
