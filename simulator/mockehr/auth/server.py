"""The authorization server of one site: correct, without sockets, every step a method or function of its own.

A token request runs: read → grant type → authenticate → draft → amend → issue → reply. Quirks enter at `amend`,
change the registry, revoke or expire tokens, rotate keys; the steps themselves do not know of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mockehr.auth.assertion import AssertionVerifier
from mockehr.auth.authentication import authenticate, claimed_id, wanted_key_set
from mockehr.auth.client_keys import ClientKeys, Fetch, cannot_fetch
from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.form import FORM, TokenRequest, read_form, read_request
from mockehr.auth.grants import GRANTS
from mockehr.auth.grants.flow import Asking, Draft
from mockehr.auth.keys import SigningKeys
from mockehr.auth.metadata import capability_security, smart_configuration
from mockehr.auth.refusal import Refused
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant, TokenFault, TokenTable
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock
from mockehr.core.errors import UnknownName

Amend = Callable[[Grant], Grant]
"""Gets the grant about to be issued and returns the one to issue."""

_NEVER_STORED: tuple[tuple[str, str], ...] = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


@dataclass(frozen=True, slots=True)
class TokenReply:
    """The answer of the token endpoint."""

    status: int
    document: dict[str, Any]
    """The token response (RFC 6749 section 5.1), or `error` and `error_description` (section 5.2)."""
    headers: tuple[tuple[str, str], ...] = _NEVER_STORED
    grant: Grant | None = None
    client_id: str = ""
    """The client; where it was refused, whom it claimed to be."""
    grant_type: str = ""
    error: str = ""
    """The RFC's error code; empty on success."""
    reason: str = ""
    """Our reason, a key of `mockehr.auth.refusal.REASONS`; empty on success. For the journal and for probes."""


class AuthServer:
    """Clients, keys and tokens of one site. Nothing is shared between servers."""

    look_up: Callable[[str], Grant | TokenFault]
    """What a bearer token stands for now, or why it does not work (`TokenTable.look_up`, bound once: hot path)."""

    def __init__(
        self,
        *,
        clock: Clock,
        chance: Chance,
        settings: AuthSettings | None = None,
        jwks_fetch: Fetch = cannot_fetch,
    ) -> None:
        self.settings = settings or AuthSettings()
        self.clients = ClientRegistry()
        self.client_keys = ClientKeys(clock, jwks_fetch, self.settings.jwks_ttl)
        self.signing_keys = SigningKeys(chance, self.settings)
        self.assertions = AssertionVerifier(clock=clock, settings=self.settings, keys=self.client_keys)
        self.tokens = TokenTable(clock=clock, chance=chance, settings=self.settings, keys=self.signing_keys)
        self.look_up = self.tokens.look_up
        self._clock = clock
        for name in self.settings.grants:
            if name not in GRANTS:
                raise UnknownName("grant type", name, GRANTS)

    def token(
        self, form_body: bytes, headers: Mapping[str, str], *, token_url: str, amend: Amend | None = None
    ) -> TokenReply:
        """Answer one POST to the token endpoint.

        `headers` have lower-case names; `token_url` is the endpoint as the client addressed it.
        """
        request = TokenRequest({}, token_url)
        try:
            request = read_request(form_body, headers, token_url)
            flow = self.choose_grant_type(request)
            client = self.authenticate(request)
            asking = Asking(request, client, self._clock.now(), self.settings)
            grant = self.draft(flow, asking)
            return self.issue(amend(grant) if amend else grant, token_url=token_url)
        except Refused as refused:
            return self.refuse(refused, request, basic=bool(headers.get("authorization")))

    def wanted_key_set(self, body: bytes) -> str:
        """URL of the client key set that a token request with this body will need and that has to be fetched now.

        Empty if there is none to fetch: the client is unknown or has its keys registered, the copy kept serves, or
        the request will be refused before. For an edge that fetches ahead: `keep_key_set`, then `token`.
        """
        try:
            request = TokenRequest(read_form(body, {"content-type": FORM}), "")
            self.choose_grant_type(request)
            return wanted_key_set(request, clients=self.clients, assertions=self.assertions, settings=self.settings)
        except Refused:
            return ""

    def keep_key_set(self, url: str, document_or_error: Any) -> None:
        """Hand in what is at a client's key set URL: the JSON document, or the exception that kept it from us."""
        self.client_keys.keep(url, document_or_error)

    def choose_grant_type(self, request: TokenRequest) -> Draft:
        """The grant type's function; raises Refused `grant-type-…`."""
        name = request.get("grant_type")
        if not name:
            raise Refused("grant-type-missing", "The parameter grant_type is required.")
        if name not in self.settings.grants:
            raise Refused("grant-type-unsupported", f"This server does not support the grant type {name!r}.")
        return GRANTS[name]

    def authenticate(self, request: TokenRequest) -> Client:
        """The client that asks; raises Refused."""
        return authenticate(request, clients=self.clients, assertions=self.assertions, settings=self.settings)

    def draft(self, flow: Draft, asking: Asking) -> Grant:
        """The grant about to be issued, without a token; raises Refused."""
        grant_type = asking.request.get("grant_type")
        if grant_type not in asking.client.grant_types:
            raise Refused("grant-type-not-registered", f"The client is not registered for {grant_type}.")
        return flow(asking)

    def issue(self, draft: Grant, *, token_url: str) -> TokenReply:
        """Put the grant in force and write the token response."""
        grant = self.tokens.issue(draft, token_url=token_url)
        document: dict[str, Any] = {
            "access_token": grant.token,
            "token_type": self.settings.token_type,
            "expires_in": grant.announced,
            "scope": grant.scopes.text,
        }
        if grant.patient:
            document["patient"] = grant.patient
        document.update(grant.extras)
        return TokenReply(200, document, grant=grant, client_id=grant.client_id, grant_type=grant.grant_type)

    def refuse(self, refused: Refused, request: TokenRequest, *, basic: bool = False) -> TokenReply:
        """Write the error response; `basic` means that the client used an Authorization header."""
        status, headers = 400, _NEVER_STORED
        if refused.error == "invalid_client":
            status = 401 if basic else self.settings.invalid_client_status
            if status == 401:
                headers = (*headers, ("WWW-Authenticate", 'Basic realm="token"'))
        return TokenReply(
            status,
            {"error": refused.error, "error_description": refused.description()},
            headers,
            client_id=claimed_id(request),
            grant_type=request.get("grant_type"),
            error=refused.error,
            reason=refused.reason,
        )

    def revoke(self, token: str) -> bool:
        """End one token; False if no such token works."""
        return self.tokens.revoke(token)

    def expire_all(self, client_id: str | None = None, *, after: float = 0.0) -> int:
        """Let working tokens (of one client, or all) expire `after` seconds from now at the latest; how many."""
        return self.tokens.expire_all(client_id, after=after)

    def introspect(self, token: str) -> dict[str, Any]:
        """The introspection document of RFC 7662."""
        return self.tokens.introspect(token)

    def jwks(self) -> dict[str, Any]:
        """The server's own public keys as a JWK Set."""
        return self.signing_keys.public()

    def smart_configuration(
        self, *, base_url: str, token_url: str, jwks_url: str, introspection_url: str = "", revocation_url: str = ""
    ) -> dict[str, Any]:
        """The document at `{base_url}/.well-known/smart-configuration`; scopes are those of the active clients.

        `base_url` becomes the `issuer` once there is OpenID Connect; SMART wants none before.
        """
        texts = {scope.text: None for client in self.clients if client.active for scope in client.scopes}
        return smart_configuration(
            self.settings,
            token_url=token_url,
            jwks_url=jwks_url,
            scopes=tuple(texts),
            introspection_url=introspection_url,
            revocation_url=revocation_url,
        )

    def capability_security(self, *, token_url: str) -> dict[str, Any]:
        """`CapabilityStatement.rest.security`."""
        return capability_security(token_url=token_url)

    def clear(self) -> None:
        """Forget tokens, replays and fetched key sets; clients and keys stay, and token numbers start anew."""
        self.tokens.clear()
        self.assertions.memory.clear()
        self.client_keys.forget()
