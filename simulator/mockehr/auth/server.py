"""The authorization server of one site: correct, without sockets, every step a method or function of its own.

A token request runs: read → grant type → authenticate → draft → amend → issue → reply. Quirks enter at `amend`,
change the registry, revoke or expire tokens, rotate keys; the steps themselves do not know of them. What browsers see
is behind `door` (`mockehr.auth.front`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mockehr.auth.addresses import Addresses
from mockehr.auth.assertion import AssertionVerifier
from mockehr.auth.authentication import authenticate, wanted_key_set
from mockehr.auth.client_keys import ClientKeys, Fetch, cannot_fetch
from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.drawers import FOR_EVER, Drawers
from mockehr.auth.form import FORM, TokenRequest, read_form, read_request
from mockehr.auth.front.door import FrontDoor
from mockehr.auth.front.management import Management
from mockehr.auth.grants import GRANTS, jwt_bearer
from mockehr.auth.grants.flow import Asking, Draft
from mockehr.auth.id_token import claims_of
from mockehr.auth.inquiries import Inquiries
from mockehr.auth.keys import SigningKeys, sign
from mockehr.auth.launches import Launches
from mockehr.auth.metadata import (
    capability_security,
    openid_configuration,
    scopes_of_users,
    smart_configuration,
)
from mockehr.auth.people import Charts, NoCharts, Users
from mockehr.auth.refusal import Refused
from mockehr.auth.registration import client_from, device_client, document_of
from mockehr.auth.renewals import Renewals
from mockehr.auth.reply import TokenReply, refusal_of
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant, TokenFault, TokenTable, bearer_of
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock
from mockehr.core.errors import UnknownName

Amend = Callable[[Grant], Grant]
"""Gets the grant about to be issued and returns the one to issue."""


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
        self.drawers = Drawers()
        self.clients = ClientRegistry(self.drawers)
        charts = charts or NoCharts()
        self.users = Users(charts.accounts)
        self.launches = Launches(self.drawers, chance, self.settings)
        self.client_keys = ClientKeys(clock, jwks_fetch, self.settings.jwks_ttl)
        self.signing_keys = SigningKeys(chance, self.settings, clock, self.drawers)
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
        self.management = Management(clock, self.clients, self.tokens, self.renewals, self.drawers, charts)
        self.inquiries = Inquiries(
            clock, self.settings, self.clients, self.users, self.tokens, self.renewals, self.authenticate
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
            asking = Asking(request, client, now, settings, self.drawers, self.renewals, self.assertions, where.token)
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
            self._named(request),
            clients=self.clients,
            assertions=self.assertions,
            settings=settings or self.settings,
            now=self._clock.now(),
        )

    def _named(self, request: TokenRequest) -> TokenRequest:
        """With the client that a refresh token was issued to, or that an assertion names, where the request does not.

        RFC 6749 section 3.2.1 wants `client_id` of public clients for codes only, and SMART's list of parameters for
        a refresh has none (SMART App Launch 2.2, "Refresh access token"). Raises Refused `refresh-token-unknown`.
        """
        if request.get("grant_type") == jwt_bearer.NAME and not request.get("client_id"):
            return replace(request, form={**request.form, "client_id": jwt_bearer.issuer_of(request)})
        names = ("client_id", "client_assertion", "client_assertion_type", "client_secret")
        token = request.get("refresh_token")
        if request.get("grant_type") != "refresh_token" or request.basic or not token or any(map(request.get, names)):
            return request
        client_id = self.renewals.owner(token, self._clock.now())
        if not client_id:  # said of a token that is over as well, or apps would take it for a fault of theirs
            raise Refused("refresh-token-unknown", "The refresh token is not known, or is over.")
        return replace(request, form={**request.form, "client_id": client_id})

    def draft(self, flow: Draft, asking: Asking) -> Grant:
        """The grant about to be issued, without a token; raises Refused."""
        grant_type, longest = asking.request.get("grant_type"), asking.settings.longest_parameter
        if len(asking.request.get("scope")) > longest:
            raise Refused("parameter-too-long", f"scope may have {longest} characters.")
        if grant_type not in asking.client.grant_types or grant_type in asking.settings.grants_withheld:
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
        return refusal_of(refused, request, self.settings, basic=basic)

    def revoke(self, token: str) -> bool:
        """End one access token; False if no such token works."""
        return self.tokens.revoke(token)

    def expire_all(self, client_id: str | None = None, *, after: float = 0.0) -> int:
        """Let working tokens (of one client, or all) expire `after` seconds from now at the latest; how many."""
        return self.tokens.expire_all(client_id, after=after)

    def introspect(self, token: str, where: Addresses | None = None) -> dict[str, Any]:
        """See `Inquiries.introspect`."""
        return self.inquiries.introspect(token, where)

    def register(self, metadata: Any, authorization: str = "") -> TokenReply:
        """Answer one POST to the registration endpoint (RFC 7591) with a JSON document.

        `authorization` is the header; where clients are registered by token, it says for whom.
        """
        now = self._clock.now()
        try:
            if not isinstance(metadata, Mapping):
                raise Refused("registration-malformed", "The body must be a JSON object.")
            if self.settings.registration == "token":
                return self._register_device(metadata, self.look_up(bearer_of(authorization)))
            number = self.drawers["registrations"].next_number()
            client = self.clients.register(client_from(metadata, self.settings, self._chance, number))
            return TokenReply(201, document_of(client, now), client_id=client.client_id)
        except Refused as refused:
            return self.refuse(refused, TokenRequest({}, ""))

    def _register_device(self, metadata: Mapping[str, Any], found: Grant | TokenFault) -> TokenReply:
        """A client of an app on one user's device; the token that it is registered with is ended."""
        if isinstance(found, TokenFault) or not found.user:
            raise Refused("token-useless", "The bearer token does not work, or is nobody's.")
        number = self.drawers["registrations"].next_number()
        client = device_client(metadata, found, self.settings, self._chance, number)
        if not self.tokens.revoke(found.token):
            raise Refused("token-useless", "The bearer token was used a moment ago.")
        self.clients.register(client)
        self.drawers["devices"].put(client.client_id, found, FOR_EVER)
        document = {
            "client_id": client.client_id,
            "grant_types": list(client.grant_types),
            "token_endpoint_auth_method": "none",
        }
        return TokenReply(201, document, client_id=client.client_id)

    def end_sessions(self, username: str = "", client_id: str = "", *, tokens: bool = False) -> int:
        """Sign people out: one user, and for one app, or all; how many sessions and refresh tokens ended.

        Browsers are asked for a name again, and what was granted with `online_access` is renewed no more (SMART App
        Launch 2.2: it lasts while the user is online). Access tokens go on to their end unless `tokens` says so too.
        """
        now = self._clock.now()
        ended = self.renewals.end_all(now, client_id, kind="online", username=username)
        if not client_id:
            ended += self.door.end_sessions(username)
        if tokens:
            for grant in self.tokens.working(client_id or None):
                if grant.username and username in ("", grant.username):
                    ended += self.tokens.revoke(grant.token)
        return ended

    def jwks(self) -> dict[str, Any]:
        """The server's own public keys as a JWK Set."""
        return self.signing_keys.public()

    def smart_configuration(self, where: Addresses) -> dict[str, Any]:
        """The document at `{base}/.well-known/smart-configuration`.

        Its scopes are those that a user's presence gives, and those of the active clients.
        """
        return smart_configuration(self.settings, where, self._scopes())

    def openid_configuration(self, where: Addresses) -> dict[str, Any]:
        """The document at `{issuer}/.well-known/openid-configuration`."""
        return openid_configuration(self.settings, where, self._scopes())

    def _scopes(self) -> tuple[str, ...]:
        active = (client for client in self.clients if client.is_active(self._clock.now()))
        own = scopes_of_users(self.settings)
        return tuple(dict.fromkeys([*own, *(scope.text for client in active for scope in client.scopes)]))

    def capability_security(self, where: Addresses) -> dict[str, Any]:
        """`CapabilityStatement.rest.security`."""
        return capability_security(where)

    def clear(self) -> None:
        """Forget tokens, launches, sessions, replays and fetched key sets, and who registered itself.

        Clients and users that were registered from outside stay, and keys.
        """
        self.tokens.clear()
        self.drawers.clear()
        self.assertions.memory.clear()
        self.client_keys.forget()
