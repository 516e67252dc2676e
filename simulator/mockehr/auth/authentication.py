"""Who asks: picks the method that a token request uses, and holds the client to it.

Sources: RFC 6749 section 2.3 (one method only), RFC 7521 section 4.2, SMART App Launch 2.2.
"""

from __future__ import annotations

import hmac
from typing import Final

from mockehr.auth.assertion import ASSERTION_TYPE, Assertion, AssertionVerifier, by_secret, read_assertion
from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.form import TokenRequest
from mockehr.auth.refusal import Refused
from mockehr.auth.settings import AuthSettings, Method

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTING: Final = frozenset({"private_key_jwt", "client_secret_jwt"})


def method_used(request: TokenRequest, settings: AuthSettings) -> Method:
    """How the request authenticates; raises Refused if it does not, or does so twice."""
    used: list[Method] = []
    if request.get("client_assertion") or request.get("client_assertion_type"):
        used.append(_asserting(request.get("client_assertion"), settings))
    if request.basic is not None:
        used.append("client_secret_basic")
    if request.get("client_secret"):
        used.append("client_secret_post")
    if not used and request.get("client_id"):
        return "none"
    if not used:
        raise Refused("authentication-missing", "The client must authenticate.")
    if len(used) > 1:
        raise Refused("authentication-twice", f"The client authenticates in two ways: {' and '.join(used)}.")
    return used[0]


def _asserting(text: str, settings: AuthSettings) -> Method:
    """By a key of its own, or by the secret that it shares with the server, where the server takes that at all."""
    try:
        assertion = read_assertion(text)
    except Refused:
        return "private_key_jwt"
    return "client_secret_jwt" if by_secret(assertion, settings) else "private_key_jwt"


def claimed_id(request: TokenRequest) -> str:
    """Whom the request claims to come from, unverified, for the journal; empty if it does not say."""
    if request.basic is not None:
        return request.basic[0]
    if request.get("client_assertion"):
        try:
            issuer = read_assertion(request.get("client_assertion")).issuer
        except Refused:
            issuer = ""
        # JSON can smuggle in half a surrogate pair, which no journal could write out
        return issuer.encode("utf-8", "replace").decode("utf-8") or request.get("client_id")
    return request.get("client_id")


def authenticate(
    request: TokenRequest,
    *,
    clients: ClientRegistry,
    assertions: AssertionVerifier,
    settings: AuthSettings,
    now: float = 0.0,
) -> Client:
    """The client that sent the request at that site time, proved by the method that it used; raises Refused."""
    method = method_used(request, settings)
    if method == "none" and request.get("grant_type") == JWT_BEARER and settings.jwt_bearer_for == "system":
        # what proves it is the assertion of its grant
        return _registered(request.get("client_id"), _asserting(request.get("assertion"), settings), clients, now)
    if method == "none":
        return _public(request, clients, settings, now)
    if method not in settings.auth_methods:
        raise Refused("method-not-offered", f"This server does not offer {method}.")
    if method in ASSERTING:
        return _by_assertion(request, clients, assertions, settings, now)
    if method == "client_secret_basic":
        client_id, secret = request.basic or ("", "")
    else:
        client_id, secret = request.get("client_id"), request.get("client_secret")
    client = _registered(client_id, method, clients, now)
    if request.get("client_id") not in ("", client_id):
        raise Refused("client-id-mismatch", "The client_id of the form is not that of the Authorization header.")
    if not client.secret or not hmac.compare_digest(secret.encode("utf-8"), client.secret.encode("utf-8")):
        raise Refused("secret-wrong", "The client secret is wrong.")
    return client


def _public(request: TokenRequest, clients: ClientRegistry, settings: AuthSettings, now: float) -> Client:
    """A client that has nothing to prove itself by, and says who it is (RFC 6749 section 3.2.1)."""
    client = clients.find(request.get("client_id"))
    if client is None:
        raise Refused("client-unknown", f"No client {request.get('client_id')!r} is registered here.")
    if "none" not in client.methods() or "none" not in settings.auth_methods:
        raise Refused("authentication-missing", "The client must authenticate.")
    return _registered(client.client_id, "none", clients, now)


def wanted_key_set(
    request: TokenRequest,
    *,
    clients: ClientRegistry,
    assertions: AssertionVerifier,
    settings: AuthSettings,
    now: float = 0.0,
) -> str:
    """URL of the key set that `authenticate` will have to fetch, if any; raises Refused if it would before that."""
    method = method_used(request, settings)
    if method not in ASSERTING or method not in settings.auth_methods:
        return ""
    return assertions.wanted_key_set(*_asserted(request, clients, settings, now), settings)


def _by_assertion(
    request: TokenRequest, clients: ClientRegistry, assertions: AssertionVerifier, settings: AuthSettings, now: float
) -> Client:
    assertion, client = _asserted(request, clients, settings, now)
    form_client_id = request.get("client_id")
    assertions.verify(
        assertion, client, token_url=request.token_url, form_client_id=form_client_id, settings=settings
    )
    return client


def _asserted(
    request: TokenRequest, clients: ClientRegistry, settings: AuthSettings, now: float
) -> tuple[Assertion, Client]:
    """The assertion, unverified, and the client that it names."""
    if request.get("client_assertion_type") != ASSERTION_TYPE:
        raise Refused("assertion-type", f"client_assertion_type must be {ASSERTION_TYPE}.")
    if not request.get("client_assertion"):
        raise Refused("assertion-missing", "client_assertion is missing.")
    assertion = read_assertion(request.get("client_assertion"))
    if not assertion.issuer:
        raise Refused("issuer-missing", "The assertion must name the client as iss.")
    method = _asserting(assertion.text, settings)
    return assertion, _registered(assertion.issuer, method, clients, now)


def _registered(client_id: str, method: Method, clients: ClientRegistry, now: float) -> Client:
    client = clients.find(client_id)
    if client is None:
        raise Refused("client-unknown", f"No client {client_id!r} is registered here.")
    if not client.is_active(now):
        raise Refused("client-inactive", f"The client {client_id!r} is not active.")
    if method not in client.methods():
        raise Refused("method-not-registered", f"The client {client_id!r} is not registered for {method}.")
    return client
