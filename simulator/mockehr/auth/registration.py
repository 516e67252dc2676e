"""Dynamic client registration (RFC 7591), as far as a SMART app needs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast, get_args
from urllib.parse import SplitResult, urlsplit

from mockehr.auth.clients import Client
from mockehr.auth.grants import jwt_bearer
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings, Method
from mockehr.auth.tokens import Grant
from mockehr.core.chance import Chance

MOST_URIS: Final = 20
_ADDRESS: Final = re.compile(r"[!#-;=?-\[\]_a-z~%]+")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def client_from(metadata: Mapping[str, Any], settings: AuthSettings, chance: Chance, number: int) -> Client:
    """The registration that a metadata document asks for, with an id and, where one is wanted, a secret.

    Raises Refused `registration-…` (RFC 7591 section 3.2.2).
    """
    stream = chance.stream("registration", number)
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in get_args(Method) or method not in settings.auth_methods:
        raise Refused("registration-malformed", f"token_endpoint_auth_method {method!r} is not offered.")
    kinds = _texts(metadata, "grant_types", ["authorization_code"])
    strange = [kind for kind in kinds if kind not in settings.grants]
    if strange:
        raise Refused("registration-malformed", f"grant_types: {strange[0]!r} is not offered.")
    client = Client(
        stream.uuid(),
        Scopes.parse(_text(metadata, "scope")),
        grant_types=tuple(kinds),
        auth_methods=(cast("Method", method),),
        name=_text(metadata, "client_name"),
        redirect_uris=_redirect_uris(metadata, "authorization_code" in kinds),
        public=method == "none",
    )
    if method.startswith("client_secret"):
        return replace(client, secret=stream.token(24).hex())
    return replace(client, **_keys(metadata)) if method == "private_key_jwt" else client


def device_client(
    metadata: Mapping[str, Any], found: Grant, settings: AuthSettings, chance: Chance, number: int
) -> Client:
    """The client of an app on one user's device, registered with a token of that app (Epic's dynamic clients).

    `software_id` must be the app's client id, and `jwks` the device's own key. Raises Refused.
    """
    if jwt_bearer.NAME not in settings.grants:
        raise Refused("registration-malformed", "This server registers no devices.")
    if _text(metadata, "software_id") != found.client_id:
        raise Refused("registration-malformed", "software_id must be the client that the token was issued to.")
    keys = _keys({"jwks": metadata.get("jwks")})
    return Client(
        chance.stream("registration", number).uuid(),
        found.scopes,
        grant_types=(jwt_bearer.NAME,),
        auth_methods=("none",),
        public=True,
        name=found.client_id,
        **keys,
    )


def document_of(client: Client, now: float) -> dict[str, Any]:
    """The client information response of RFC 7591 section 3.2.1."""
    document: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(now),
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(client.grant_types),
        "response_types": ["code"] if client.redirect_uris else [],
        "token_endpoint_auth_method": client.methods()[0],
        "scope": client.scopes.text,
        "jwks_uri": client.jwks_uri,
        "jwks": client.jwks,
    }
    if client.secret:
        document |= {"client_secret": client.secret, "client_secret_expires_at": 0}
    return {name: value for name, value in document.items() if value or value == 0}


def _redirect_uris(metadata: Mapping[str, Any], needed: bool) -> tuple[str, ...]:
    uris = _texts(metadata, "redirect_uris", [])
    if needed and not uris:
        raise Refused("registration-redirect", "redirect_uris is required for authorization_code.")
    if len(uris) > MOST_URIS:
        raise Refused("registration-redirect", f"There may be {MOST_URIS} redirect_uris.")
    for uri in uris:
        if not _ADDRESS.fullmatch(uri):
            raise Refused("registration-redirect", f"{uri!r} has characters that no address has.")
        parts = _split(uri)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        own = "." in parts.scheme  # RFC 8252 section 7.1: a scheme of the app's own is a reversed domain name
        strange = "#" in uri or "@" in parts.netloc
        if strange or not (own or (secure and parts.netloc)):
            raise Refused("registration-redirect", f"{uri!r} must be https, on loopback, or of the app's own scheme.")
    return tuple(uris)


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
        return parts
    except ValueError as error:  # brackets without an address in them, a port beyond all ports
        raise Refused("registration-redirect", f"{uri!r} is no address.") from error


def _keys(metadata: Mapping[str, Any]) -> dict[str, Any]:
    jwks, uri = metadata.get("jwks"), _text(metadata, "jwks_uri")
    if (jwks is None) == (not uri):
        raise Refused("registration-malformed", "private_key_jwt needs jwks or jwks_uri, and not both.")
    if uri and not uri.startswith(("http://", "https://")):
        raise Refused("registration-malformed", f"jwks_uri {uri!r} is no address.")
    if jwks is not None and not (isinstance(jwks, Mapping) and isinstance(jwks.get("keys"), list)):
        raise Refused("registration-malformed", "jwks must be a JWK Set.")
    return {"jwks": jwks, "jwks_uri": uri}


def _text(metadata: Mapping[str, Any], name: str) -> str:
    value = metadata.get(name, "")
    if not isinstance(value, str):
        raise Refused("registration-malformed", f"{name} must be a text.")
    return value


def _texts(metadata: Mapping[str, Any], name: str, default: list[str]) -> list[str]:
    value = metadata.get(name, default)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused("registration-malformed", f"{name} must be a list of texts.")
    return value
