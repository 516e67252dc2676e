"""The nine stages of channel `oauth`: introspection, revocation, registration, userinfo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from mockehr.auth.form import TokenRequest
from mockehr.auth.refusal import Refused
from mockehr.auth.reply import TokenReply
from mockehr.auth.tokens import TokenFault, bearer_of
from mockehr.core.exchange import Exchange, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.sites.token_stages import named, refused, surrounding

if TYPE_CHECKING:
    from mockehr.sites.site import Site


LONGEST_REGISTRATION: Final = 64 << 10
"""In octets: registrations are kept, and their scopes are held against those of every request."""


def oauth_stages(site: Site) -> Mapping[str, Stage]:
    """The stages, bound to the site once."""

    def name(exchange: Exchange) -> None:
        named(exchange, site.endpoints.name(exchange.path))

    def perform(exchange: Exchange) -> None:
        exchange.result = _answer(site, exchange)

    def shape(exchange: Exchange) -> None:
        answer = exchange.result
        if isinstance(answer, Reply):
            exchange.reply = answer
        elif isinstance(answer, Problem):
            exchange.reply = site.personality.refuse(answer, exchange.base_url, "application/json")
        else:
            exchange.reply = _shaped(site, exchange, answer)

    return surrounding(site, lambda e: None, name, perform, shape)


def _answer(site: Site, exchange: Exchange) -> Any:
    asked, where, auth = exchange.interaction, site.addresses(exchange.base_url), site.auth
    assert asked is not None
    if exchange.method == "OPTIONS":
        return Reply(204, [("Allow", "GET, POST, OPTIONS")])
    if asked.name == "userinfo":
        return _userinfo(site, exchange)
    if exchange.method != "POST":
        return Problem(405, "interaction-unknown", f"{asked.name} takes POST only", where="POST")
    if asked.name == "introspect":
        return auth.inquiries.answer_introspection(exchange.body, exchange.headers, where)
    if asked.name == "revoke":
        return auth.inquiries.answer_revocation(exchange.body, exchange.headers, where)
    if auth.settings.registration == "off":
        return Problem(404, "not-found", "Clients are not registered here by themselves")
    if len(exchange.body) > LONGEST_REGISTRATION:
        return auth.refuse(
            Refused("registration-malformed", f"A registration may have {LONGEST_REGISTRATION} octets."),
            TokenRequest({}, ""),
        )
    return auth.register(_document(exchange.body), exchange.headers.get("authorization", ""))


def _userinfo(site: Site, exchange: Exchange) -> Any:
    """The claims, or why there are none, told apart as RFC 6750 section 3.1 does."""
    if exchange.method not in ("GET", "HEAD", "POST"):
        return Problem(405, "interaction-unknown", "userinfo takes GET and POST", where="GET, HEAD, POST")
    authorization = exchange.headers.get("authorization", "")
    told = site.auth.inquiries.userinfo(authorization, site.addresses(exchange.base_url))
    if told is not None:
        return told
    bearer = bearer_of(authorization)
    if not bearer:
        return Problem(401, "no-token", "A bearer token is required")
    if isinstance(site.auth.look_up(bearer), TokenFault):
        return Problem(401, "token-invalid", "The access token does not work")
    return Problem(403, "scope-missing", "The access token does not cover openid")


def _shaped(site: Site, exchange: Exchange, answer: Any) -> Reply:
    if not isinstance(answer, TokenReply):
        return Reply(200, [("Cache-Control", "no-store")], document=dict(answer))
    exchange.client = answer.client_id or exchange.client
    if answer.reason:
        return refused(site, exchange, answer)
    assert exchange.interaction is not None
    document = answer.document
    if exchange.interaction.name == "revoke":
        return Reply(200, list(answer.headers))
    if exchange.interaction.name == "introspect":
        document = site.personality.introspection(document)
    return Reply(answer.status, list(answer.headers), document=document)


def _document(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
