"""What is asked about tokens that were issued: what they stand for, who their user is, and that they be ended.

Sources: RFC 7662 (introspection, with the members of SMART App Launch 2.2, "Token Introspection"), RFC 7009
(revocation), OpenID Connect Core 1.0 section 5.3 (userinfo).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockehr.auth.addresses import Addresses
from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.form import TokenRequest, read_form, read_request
from mockehr.auth.id_token import claims_of, person
from mockehr.auth.people import Users
from mockehr.auth.refusal import Refused
from mockehr.auth.renewals import Renewals
from mockehr.auth.reply import TokenReply, refusal_of
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import TokenFault, TokenTable, bearer_of, subject_of
from mockehr.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Inquiries:
    """Answers about the tokens of one site."""

    clock: Clock
    settings: AuthSettings
    clients: ClientRegistry
    users: Users
    tokens: TokenTable
    renewals: Renewals
    authenticate: Callable[[TokenRequest, AuthSettings], Client]
    """The client that asks; raises Refused."""

    def introspect(self, token: str, where: Addresses | None = None) -> dict[str, Any]:
        """The introspection document of RFC 7662, with SMART's members; only `active` for a token that does not work.

        Refresh tokens are known too.
        """
        document = self.tokens.introspect(token)
        found = self.tokens.look_up(token)
        if isinstance(found, TokenFault):
            held = self.renewals.family_of(token, self.clock.now())
            if held is None:
                return document
            found, document = held.grant, {"active": True, "scope": held.grant.scopes.text}
            subject = subject_of(found, self.settings)
            document |= {"client_id": found.client_id, "sub": subject, "exp": int(held.until)}
        if found.username:
            document["username"] = found.username
        context = {name: value for name, value in found.extras.items() if value is not None}
        told = context | document | ({"patient": found.patient} if found.patient else {})
        return told | (person(found, self.users.find(found.username), where) if where is not None else {})

    def answer_introspection(self, form_body: bytes, headers: Mapping[str, str], where: Addresses) -> TokenReply:
        """Answer one POST to the introspection endpoint: by an authenticated client or the bearer of a token.

        A public client only says who it is, which authorizes nobody (RFC 7662 section 2.1): it is told of its own
        tokens.
        """
        bearer = bearer_of(headers.get("authorization", ""))

        def told(request: TokenRequest, client: Client) -> dict[str, Any]:
            document = self.introspect(request.get("token"), where)
            if client.public and not bearer and document.get("client_id") != client.client_id:
                return {"active": False}
            return document

        return self._answered(form_body, headers, where.introspect, where.token, told, bearers=True)

    def answer_revocation(self, form_body: bytes, headers: Mapping[str, str], where: Addresses) -> TokenReply:
        """Answer one POST to the revocation endpoint: a refresh token ends all that it gave.

        A token that is not known is no error.
        """

        def told(request: TokenRequest, client: Client) -> dict[str, Any]:
            self._revoke(request.get("token"), client)
            return {}

        return self._answered(form_body, headers, where.revoke, where.token, told)

    def _revoke(self, token: str, client: Client) -> None:
        found = self.tokens.look_up(token)
        grant = found.grant if isinstance(found, TokenFault) else found
        held = self.renewals.family_of(token, self.clock.now())
        owner = grant or (held.grant if held is not None else None)
        if owner is not None and owner.client_id != client.client_id:
            raise Refused("token-of-another", "The token was issued to another client.")
        if held is not None:
            self.renewals.end(held.grant.family)
        else:
            self.tokens.revoke(token)

    def _answered(
        self,
        form_body: bytes,
        headers: Mapping[str, str],
        url: str,
        token_url: str,
        told: Callable[[TokenRequest, Client], dict[str, Any]],
        *,
        bearers: bool = False,
    ) -> TokenReply:
        """The answer to a request about a token.

        `aud` of an assertion may be this endpoint, or the token endpoint, which stands for the whole server (RFC 7523
        section 3).
        """
        request = TokenRequest({}, url)
        bearer = bearer_of(headers.get("authorization", "")) if bearers else ""
        try:
            if bearer:
                found = self.tokens.look_up(bearer)
                if isinstance(found, TokenFault):
                    raise Refused("token-useless", "The bearer token does not work.")
                request = TokenRequest(read_form(form_body, headers), url)
                client = self.clients.find(found.client_id) or Client(found.client_id, Scopes())
            else:
                request = read_request(form_body, headers, url)
                audiences = (*self.settings.audiences, token_url)
                client = self.authenticate(request, replace(self.settings, audiences=audiences))
            if not request.get("token"):
                raise Refused("token-missing", "The parameter token is required.")
            return TokenReply(200, told(request, client), client_id=client.client_id)
        except Refused as refused:
            return refusal_of(refused, request, self.settings, basic=bool(headers.get("authorization")))

    def userinfo(self, authorization: str, where: Addresses) -> dict[str, Any] | None:
        """The claims about the user of a bearer token; None if it gives none."""
        found = self.tokens.look_up(bearer_of(authorization))
        if isinstance(found, TokenFault) or not found.user or "openid" not in found.scopes:
            return None
        claims = claims_of(found, None, where, self.settings)
        return {"sub": claims["sub"]} | person(found, self.users.find(found.username), where)
