"""The authorization server of one site: correct, without sockets, every step a method or function of its own.

A token request runs: read → grant type → authenticate → draft → amend → issue → reply. Quirks enter at `amend`,
change the registry, revoke or expire tokens, rotate keys; the steps themselves do not know of them. What browsers see
is behind `door` (`mockehr.auth.front`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mockehr.auth.addresses import Addresses
from mockehr.auth.assertion import AssertionVerifier
from mockehr.auth.authentication import authenticate, claimed_id, wanted_key_set
from mockehr.auth.client_keys import ClientKeys, Fetch, cannot_fetch
from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.drawers import Drawers
from mockehr.auth.form import FORM, TokenRequest, read_form, read_request
from mockehr.auth.front.door import FrontDoor
from mockehr.auth.grants import GRANTS
from mockehr.auth.grants.flow import Asking, Draft
from mockehr.auth.id_token import claims_of, person
from mockehr.auth.keys import SigningKeys, sign
from mockehr.auth.launches import Launches
from mockehr.auth.metadata import capability_security, openid_configuration, smart_configuration
from mockehr.auth.people import Charts, NoCharts, Users
from mockehr.auth.refusal import Refused
from mockehr.auth.registration import client_from, document_of
from mockehr.auth.renewals import Renewals
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant, TokenFault, TokenTable, bearer_of
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
        charts: Charts | None = None,
    ) -> None:
        self.settings = settings or AuthSettings()
        self.clients = ClientRegistry()
        charts = charts or NoCharts()
        self.users = Users(charts.accounts)
        self.drawers = Drawers()
        self.launches = Launches(self.drawers, chance, self.settings)
        self.client_keys = ClientKeys(clock, jwks_fetch, self.settings.jwks_ttl)
        self.signing_keys = SigningKeys(chance, self.settings, clock)
        self.assertions = AssertionVerifier(clock=clock, settings=self.settings, keys=self.client_keys)
        self.tokens = TokenTable(clock=clock, chance=chance, settings=self.settings, keys=self.signing_keys)
        self.renewals = Renewals(self.drawers, chance, self.settings, self.tokens)
        self.door = FrontDoor(
            clock,
            chance,
            self.settings,
            self.clients,
            self.users,
            charts,
            self.launches,
            self.drawers,
        )
        self.look_up = self.tokens.look_up
        self._clock = clock
        self._chance = chance
        for name in self.settings.grants:
            if name not in GRANTS:
                raise UnknownName("grant type", name, GRANTS)

    def token(
        self,
        form_body: bytes,
        headers: Mapping[str, str],
        *,
        token_url: str,
        where: Addresses | None = None,
        amend: Amend | None = None,
        settings: AuthSettings | None = None,
    ) -> TokenReply:
        """Answer one POST to the token endpoint.

        `headers` have lower-case names; `token_url` is the endpoint as the client addressed it, and `where` all of
        them. `settings` are those of this one request, where they are not the server's.
        """
        where = where or Addresses(token=token_url)
        settings = settings or self.settings
        request = TokenRequest({}, token_url)
        try:
            request = read_request(form_body, headers, token_url)
            flow = self.choose_grant_type(request)
            client = self.authenticate(request, settings)
            now = self._clock.now()
            asking = Asking(request, client, now, settings, self.drawers, self.renewals)
            grant = self.draft(flow, asking)
            return self.issue(amend(grant) if amend else grant, client, where)
        except Refused as refused:
            return self.refuse(refused, request, basic=bool(headers.get("authorization")))

    def wanted_key_set(self, body: bytes, settings: AuthSettings | None = None) -> str:
        """URL of the client key set that a token request with this body will need and that has to be fetched now.

        Empty if there is none to fetch: the client is unknown or has its keys registered, the copy kept serves, or
        the request will be refused before. For an edge that fetches ahead: `keep_key_set`, then `token`.
        """
        try:
            request = TokenRequest(read_form(body, {"content-type": FORM}), "")
            self.choose_grant_type(request)
            return wanted_key_set(
                request,
                clients=self.clients,
                assertions=self.assertions,
                settings=settings or self.settings,
                now=self._clock.now(),
            )
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

    def authenticate(self, request: TokenRequest, settings: AuthSettings | None = None) -> Client:
        """The client that asks; raises Refused."""
        return authenticate(
            request,
            clients=self.clients,
            assertions=self.assertions,
            settings=settings or self.settings,
            now=self._clock.now(),
        )

    def draft(self, flow: Draft, asking: Asking) -> Grant:
        """The grant about to be issued, without a token; raises Refused."""
        grant_type = asking.request.get("grant_type")
        if grant_type not in asking.client.grant_types:
            raise Refused("grant-type-not-registered", f"The client is not registered for {grant_type}.")
        return flow(asking)

    def issue(self, draft: Grant, client: Client, where: Addresses) -> TokenReply:
        """Put the grant in force and write the token response."""
        grant = self.tokens.issue(draft, token_url=where.token)
        document: dict[str, Any] = {
            "access_token": grant.token,
            "token_type": self.settings.token_type,
            "expires_in": grant.announced,
            "scope": self._told(grant.scopes),
        }
        if grant.patient:
            document["patient"] = grant.patient
        if self.settings.openid and grant.user and "openid" in grant.scopes:
            document["id_token"] = self.id_token(grant, where)
        renewal = grant.renewal
        if grant.grant_type == "authorization_code":
            renewal = self.renewals.first(grant, client, grant.issued_at)
        if renewal:
            document["refresh_token"] = renewal
        document |= grant.extras
        told = {name: value for name, value in document.items() if value is not None}
        return TokenReply(200, told, grant=grant, client_id=grant.client_id, grant_type=grant.grant_type)

    def _told(self, scopes: Scopes) -> str:
        if self.settings.offline_echoed:
            return scopes.text
        return " ".join(scope.text for scope in scopes if scope.text not in ("offline_access", "online_access"))

    def id_token(self, grant: Grant, where: Addresses) -> str:
        """The signed id_token of a grant."""
        claims = claims_of(grant, self.users.find(grant.username), where, self.settings)
        return sign(self.signing_keys.current(self.settings.id_token_alg), claims)

    def refuse(self, refused: Refused, request: TokenRequest, *, basic: bool = False) -> TokenReply:
        """Write the error response; `basic` means that the client used an Authorization header."""
        status, headers = 400, _NEVER_STORED
        if refused.error == "invalid_token":
            status, headers = 401, (*headers, ("WWW-Authenticate", 'Bearer error="invalid_token"'))
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
        """End one access token; False if no such token works."""
        return self.tokens.revoke(token)

    def expire_all(self, client_id: str | None = None, *, after: float = 0.0) -> int:
        """Let working tokens (of one client, or all) expire `after` seconds from now at the latest; how many."""
        return self.tokens.expire_all(client_id, after=after)

    def introspect(self, token: str, where: Addresses | None = None) -> dict[str, Any]:
        """The introspection document of RFC 7662, with SMART's members; only `active` for a token that does not work.

        Refresh tokens are known too.
        """
        document = self.tokens.introspect(token)
        found = self.tokens.look_up(token)
        if isinstance(found, TokenFault):
            held = self.renewals.family_of(token, self._clock.now())
            if held is None:
                return document
            found, document = held.grant, {"active": True, "scope": held.grant.scopes.text}
            document |= {"client_id": found.client_id, "sub": found.user or found.client_id, "exp": int(held.until)}
        if found.username:
            document["username"] = found.username
        context = {name: value for name, value in found.extras.items() if value is not None}
        told = context | document | ({"patient": found.patient} if found.patient else {})
        return told | (person(found, self.users.find(found.username), where) if where is not None else {})

    def answer_introspection(self, form_body: bytes, headers: Mapping[str, str], where: Addresses) -> TokenReply:
        """Answer one POST to the introspection endpoint: by an authenticated client or the bearer of a token."""

        def told(request: TokenRequest, client: Client) -> dict[str, Any]:
            return self.introspect(request.get("token"), where)

        return self._served(form_body, headers, where.introspect, told, bearers=True)

    def answer_revocation(self, form_body: bytes, headers: Mapping[str, str], where: Addresses) -> TokenReply:
        """Answer one POST to the revocation endpoint (RFC 7009): a refresh token ends all that it gave.

        A token that is not known is no error.
        """

        def told(request: TokenRequest, client: Client) -> dict[str, Any]:
            token = request.get("token")
            found = self.tokens.look_up(token)
            grant = found.grant if isinstance(found, TokenFault) else found
            held = self.renewals.family_of(token, self._clock.now())
            owner = grant or (held.grant if held is not None else None)
            if owner is not None and owner.client_id != client.client_id:
                raise Refused("token-of-another", "The token was issued to another client.")
            if held is not None:
                self.renewals.end(held.grant.family)
            else:
                self.tokens.revoke(token)
            return {}

        return self._served(form_body, headers, where.revoke, told)

    def _served(
        self,
        form_body: bytes,
        headers: Mapping[str, str],
        url: str,
        told: Callable[[TokenRequest, Client], dict[str, Any]],
        *,
        bearers: bool = False,
    ) -> TokenReply:
        """The answer to a request about a token; `aud` of an assertion may be this endpoint."""
        request = TokenRequest({}, url)
        bearer = bearer_of(headers.get("authorization", "")) if bearers else ""
        try:
            if bearer:
                found = self.look_up(bearer)
                if isinstance(found, TokenFault):
                    raise Refused("token-useless", "The bearer token does not work.")
                request = TokenRequest(read_form(form_body, headers), url)
                client = self.clients.find(found.client_id) or Client(found.client_id, Scopes())
            else:
                request = read_request(form_body, headers, url)
                client = self.authenticate(request)
            if not request.get("token"):
                raise Refused("token-missing", "The parameter token is required.")
            return TokenReply(200, told(request, client), client_id=client.client_id)
        except Refused as refused:
            return self.refuse(refused, request, basic=bool(headers.get("authorization")))

    def register(self, metadata: Any) -> TokenReply:
        """Answer one POST to the registration endpoint (RFC 7591) with a JSON document."""
        now = self._clock.now()
        try:
            if not isinstance(metadata, Mapping):
                raise Refused("registration-malformed", "The body must be a JSON object.")
            number = self.drawers["registrations"].next_number()
            client = self.clients.add(client_from(metadata, self.settings, self._chance, number))
            return TokenReply(201, document_of(client, now), client_id=client.client_id)
        except Refused as refused:
            return self.refuse(refused, TokenRequest({}, ""))

    def userinfo(self, authorization: str, where: Addresses) -> dict[str, Any] | None:
        """The claims about the user of a bearer token (OpenID Connect Core 5.3); None if it gives none."""
        found = self.look_up(bearer_of(authorization))
        if isinstance(found, TokenFault) or not found.user or "openid" not in found.scopes:
            return None
        claims = claims_of(found, None, where, self.settings)
        return {"sub": claims["sub"]} | person(found, self.users.find(found.username), where)

    def jwks(self) -> dict[str, Any]:
        """The server's own public keys as a JWK Set."""
        return self.signing_keys.public()

    def smart_configuration(self, where: Addresses) -> dict[str, Any]:
        """The document at `{base}/.well-known/smart-configuration`; scopes are those of the active clients."""
        return smart_configuration(self.settings, where, self._scopes())

    def openid_configuration(self, where: Addresses) -> dict[str, Any]:
        """The document at `{issuer}/.well-known/openid-configuration`."""
        return openid_configuration(self.settings, where, self._scopes())

    def _scopes(self) -> tuple[str, ...]:
        active = (client for client in self.clients if client.is_active(self._clock.now()))
        return tuple({scope.text: None for client in active for scope in client.scopes})

    def capability_security(self, where: Addresses) -> dict[str, Any]:
        """`CapabilityStatement.rest.security`."""
        return capability_security(where)

    def clear(self) -> None:
        """Forget tokens, launches, sessions, replays and fetched key sets; clients, users and keys stay."""
        self.tokens.clear()
        self.drawers.clear()
        self.assertions.memory.clear()
        self.client_keys.forget()
