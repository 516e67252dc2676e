"""The ready-made client of every served site, so that a first call needs no registration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from mockehr.auth.clients import Client
from mockehr.auth.keys import load_key, public_jwks, read_bundled_key
from mockehr.auth.scopes import Scopes
from mockehr.core.errors import UsageError
from mockehr.sites.site import Site

CLIENT_ID = "demo"
SCOPES = "system/*.cruds"
APP_SCOPES = (
    "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access"
    " patient/*.cruds user/*.cruds patient/*.* user/*.*"
)
"""All that an app may be given."""


def fitting_key(algorithms: Sequence[str]) -> dict[str, str]:
    """The private JWK of a public test key for one of these algorithms: not every vendor takes ES384."""
    return read_bundled_key("client-1-ES384" if "ES384" in algorithms else "client-1-RS384")


def register_app(
    site: Site,
    client_id: str,
    redirect_uris: Sequence[str],
    scopes: str = APP_SCOPES,
    *,
    secret: str = "",
    keys: bool = False,
    name: str = "",
) -> Client:
    """Register a SMART app: public, or confidential by a secret or (with `keys`) by the bundled public test keys.

    Raises UsageError for a redirect URI that is no address.
    """
    for uri in redirect_uris:
        if not urlsplit(uri).scheme:
            raise UsageError(f"{uri!r} is no address to come back to.", remedy="Write it like http://host/callback.")
    found = [load_key(read_bundled_key(f"client-1-{alg}")) for alg in ("ES384", "RS384")] if keys else []
    client = Client(
        client_id,
        Scopes.parse(scopes),
        jwks=public_jwks(*found) if keys else None,
        secret=secret,
        public=not (keys or secret),
        redirect_uris=tuple(redirect_uris),
        grant_types=("authorization_code", "refresh_token"),
        name=name,
    )
    site.auth.clients.add(client)
    return client


def register_demo_client(
    site: Site,
    client_id: str = CLIENT_ID,
    scopes: str = SCOPES,
    *,
    jwks: Mapping[str, Any] | None = None,
    jwks_uri: str = "",
    secret: str = "",
) -> Client:
    """Register `client_id`, for all system scopes unless told, by keys (a JWK Set, or the URL of one) or a secret.

    With none of them it gets the bundled public test keys (`corpora/keys`). Raises UsageError if the URL is none.
    """
    if jwks is None and not jwks_uri and not secret:
        keys = [load_key(read_bundled_key(f"client-1-{alg}")) for alg in ("ES384", "RS384")]
        jwks = public_jwks(*keys)
    if jwks_uri and not jwks_uri.startswith(("http://", "https://")):
        raise UsageError(f"{jwks_uri!r} is no address of a key set.", remedy="Write it like https://host/jwks.json.")
    client = Client(client_id, Scopes.parse(scopes), jwks=jwks, jwks_uri=jwks_uri, secret=secret)
    site.auth.clients.add(client)
    return client
