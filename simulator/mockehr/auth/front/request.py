"""An authorization request: read off the wire, and checked as far as it can be before anybody is asked.

Sources: RFC 6749 sections 3.1.2 and 4.1.1, RFC 7636 section 4.3, SMART App Launch 2.2 ("Obtain authorization code"),
OpenID Connect Core 3.1.2.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.form import fields_of
from mockehr.auth.refusal import Refused
from mockehr.auth.settings import AuthSettings
from mockehr.core.errors import nearest_names

_ADDRESS: Final = re.compile(r"[!$-;=?-\[\]_a-z~]+")
"""What a query may be made of beside what was registered: no fragment, and nothing that a header cannot hold."""
_NOT_TAKEN: Final = MappingProxyType(
    {"request": "request-object", "request_uri": "request-uri", "registration": "registration-sent"}
)
"""Parameters of OpenID Connect Core 3.1.2.6 that are refused rather than passed over, and why."""
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9\-_]{43}")


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """The parameters of one authorization request, as sent."""

    form: Mapping[str, str]

    def get(self, name: str) -> str:
        """A parameter; empty if it is absent."""
        return self.form.get(name, "")


def read_request(text: str) -> AuthorizeRequest:
    """The request in a query, or in the form of a POST; raises Refused for a repeated parameter or bad UTF-8."""
    return AuthorizeRequest(fields_of(text))


def prompts(request: AuthorizeRequest) -> frozenset[str]:
    """What `prompt` asks for (OpenID Connect Core 3.1.2.1); what is not known is passed over. Raises Refused."""
    found = frozenset(request.get("prompt").split())
    if "none" in found and len(found) > 1:
        raise Refused("prompt-contradictory", "prompt=none goes with nothing else.")
    return found


def client_of(
    request: AuthorizeRequest, clients: ClientRegistry, now: float, settings: AuthSettings | None = None
) -> Client:
    """The client that asks, whose redirect URI is proved to be its own.

    Until here nothing may be sent to that address (RFC 6749 section 4.1.2.1). Raises Refused.
    """
    settings = settings or AuthSettings()
    for parameter, value in request.form.items():
        if len(value) > settings.longest_parameter:
            raise Refused("parameter-too-long", f"{parameter} may have {settings.longest_parameter} characters.")
    name = request.get("client_id")
    if not name:
        raise Refused("parameter-missing", "The parameter client_id is required.")
    client = clients.find(name)
    if client is None:
        near = nearest_names(name[:64], [one.client_id for one in clients], limit=1)
        hint = f" The nearest is {near[0]!r}." if near else ""
        raise Refused("client-unknown", f"No client {name!r} is registered here.{hint}")
    uri = request.get("redirect_uri")
    if not uri:
        raise Refused("redirect-uri-missing", "The parameter redirect_uri is required.")
    known = uri.partition("?")[0] if settings.redirect_query and _ADDRESS.fullmatch(uri) else uri
    if uri not in client.redirect_uris and known not in client.redirect_uris:
        told = " or ".join(
            map(repr, nearest_names(uri[:256], client.redirect_uris, limit=1) or client.redirect_uris[:3])
        )
        hint = f" Registered is {told}." if told else ""
        text = f"{uri!r} is not registered for this client, letter by letter.{hint}"
        raise Refused("redirect-uri-unregistered", text)
    if not client.is_active(now):
        raise Refused("client-inactive", f"The client {name!r} is not active.")
    return client


def check_request(request: AuthorizeRequest, client: Client, base: str, settings: AuthSettings) -> None:
    """What can be wrong with a request of a known client; raises Refused, to be told at its redirect URI."""
    for name, reason in _NOT_TAKEN.items():
        if request.get(name):
            raise Refused(reason, f"The parameter {name} is not supported.")
    if "authorization_code" not in client.grant_types:
        raise Refused("grant-type-not-registered", "The client is not registered for authorization_code.")
    if request.get("response_type") != "code":
        raise Refused("response-type", f"response_type must be code, not {request.get('response_type')!r}.")
    if not request.get("scope").split():
        raise Refused("scope-missing", "The parameter scope is required.")
    if settings.longest_state and len(request.get("state")) > settings.longest_state:
        raise Refused("state-too-long", f"state may have {settings.longest_state} characters.")
    _check_audience(request.get("aud"), base, settings)
    _check_challenge(request, client, settings)


def _check_audience(audience: str, base: str, settings: AuthSettings) -> None:
    if not audience:
        if settings.audience_required:
            raise Refused("audience-missing", "The parameter aud is required: the FHIR base.", "invalid_request")
        return
    same = audience == base or (settings.audience_slash and audience.rstrip("/") == base.rstrip("/"))
    if not same and audience not in settings.audiences:
        raise Refused("audience-wrong", f"aud is {audience!r} and not this server's FHIR base.", "invalid_request")


def _check_challenge(request: AuthorizeRequest, client: Client, settings: AuthSettings) -> None:
    if settings.pkce == "ignored":
        return
    challenge, method = request.get("code_challenge"), request.get("code_challenge_method")
    if not challenge:
        if method or settings.pkce == "required" or (settings.pkce == "public" and client.public):
            raise Refused("pkce-missing", "The parameter code_challenge is required, with S256.")
        return
    if method != "S256":  # RFC 7636 takes plain where nothing is said; SMART has servers refuse it
        raise Refused("pkce-method", f"code_challenge_method must be S256, not {method or 'plain'}.")
    if not _CHALLENGE.fullmatch(challenge):
        raise Refused("pkce-malformed", "code_challenge is no base64url of a SHA-256 digest.")
