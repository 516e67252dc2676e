"""The nine stages of the token endpoint, and those of the discovery documents beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from mockehr.auth.form import TokenRequest
from mockehr.auth.refusal import Refused
from mockehr.auth.reply import TokenReply
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.fhir.record import encode

if TYPE_CHECKING:
    from mockehr.sites.site import Site

_GRANT_TYPE: Final = re.compile(rb"(?:^|&)grant_type=([^&]{1,200})")


def token_stages(site: Site) -> Mapping[str, Stage]:
    """POST to the token endpoint."""

    def perform(exchange: Exchange) -> None:
        exchange.result = _answer(site, exchange)

    def shape(exchange: Exchange) -> None:
        answer = exchange.result
        if not isinstance(answer, TokenReply):  # refused before anybody looked at who asks
            exchange.client = site.claimant(exchange)
        if isinstance(answer, Refused):  # by a quirk
            answer = site.auth.refuse(answer, TokenRequest({}, ""))
        if isinstance(answer, Problem):
            exchange.reply = site.personality.refuse(answer, exchange.base_url, "application/json")
        elif isinstance(answer, Reply):
            exchange.reply = answer
        elif answer.grant is not None:
            exchange.client = answer.client_id or exchange.client
            document = site.personality.token_document(answer.document, answer.grant)
            exchange.notes["granted"] = answer.grant.scopes.text
            exchange.reply = Reply(answer.status, list(answer.headers), document=document)
        else:
            exchange.client = answer.client_id or exchange.client
            exchange.reply = refused(site, exchange, answer)

    return surrounding(site, lambda e: None, lambda e: named(e, _grant_type(e)), perform, shape)


def _answer(site: Site, exchange: Exchange) -> TokenReply | Reply | Problem:
    if exchange.method == "OPTIONS":  # a browser asks before a page of another origin may send headers
        return Reply(204, [("Allow", "POST, OPTIONS")])
    if exchange.method != "POST":  # RFC 6749 section 3.2
        return Problem(405, "interaction-unknown", "The token endpoint takes POST only", where="POST")

    def amend(grant: Grant) -> Grant:
        exchange.client = grant.client_id
        amended: Grant = site.mischief.amend("on_grant", grant, exchange)
        return amended

    there = site.endpoints.token_url(exchange.base_url, exchange.path)
    where = site.addresses(exchange.base_url)
    return site.auth.token(
        exchange.body,
        exchange.headers,
        token_url=there,
        where=where if where.token == there else replace(where, token=there),
        amend=amend,
        settings=token_settings(site, exchange),
    )


def token_settings(site: Site, exchange: Exchange) -> AuthSettings | None:
    """The authorization server's settings for one token request, where a quirk has others (`notes["auth"]`)."""
    told = exchange.notes.get("auth")
    return replace(site.auth.settings, **told) if told else None


def refused(site: Site, exchange: Exchange, answer: TokenReply) -> Reply:
    """A refusal of the authorization server in the vendor's form, and its reason in the journal."""
    exchange.notes["refused"] = answer.reason
    # Many vendors tell the client nothing of it; whoever asks the journal shall know.
    exchange.notes["refused_because"] = answer.document.get("error_description", "")
    reply = site.personality.token_refusal(
        answer.status,
        answer.document,
        answer.reason,
        client=answer.client_id or exchange.client,
        base_url=exchange.base_url,
    )
    if reply.status == 401:  # vendors that answer 400 instead need not say how to authenticate (RFC 6749 section 5.2)
        reply.headers += [pair for pair in answer.headers if pair[0] == "WWW-Authenticate"]
    return reply


def _grant_type(exchange: Exchange) -> str:
    """What is asked for, as far as it can be seen before the form is read in earnest."""
    found = _GRANT_TYPE.search(exchange.body)
    return unquote_plus(found[1].decode("latin-1"))[:64] if found is not None else "token"


def discovery_stages(site: Site) -> Mapping[str, Stage]:
    """`.well-known/smart-configuration` and the JWKS."""

    def perform(exchange: Exchange) -> None:
        assert exchange.interaction is not None
        if exchange.method == "OPTIONS":
            exchange.result = Reply(204, [("Allow", "GET, HEAD, OPTIONS")])
        elif exchange.method not in ("GET", "HEAD"):
            exchange.result = Problem(405, "interaction-unknown", "This is only to be read", where="GET, HEAD")
        else:
            exchange.result = _DOCUMENTS[exchange.interaction.name](site, exchange.base_url)

    def shape(exchange: Exchange) -> None:
        if isinstance(exchange.result, Reply):
            exchange.reply = exchange.result
        elif isinstance(exchange.result, Problem):
            exchange.reply = site.personality.refuse(exchange.result, exchange.base_url, "application/json")
        else:
            exchange.reply = Reply(200, [], document=exchange.result, content_type="application/json")

    return surrounding(site, lambda e: None, lambda e: named(e, site.endpoints.name(e.path)), perform, shape)


_DOCUMENTS: Final[Mapping[str, Callable[[Site, str], JSON]]] = MappingProxyType(
    {
        "smart-configuration": lambda site, base: site.smart_configuration(base),
        "openid-configuration": lambda site, base: site.auth.openid_configuration(site.addresses(base)),
        "jwks": lambda site, base: site.auth.jwks(),
        "style": lambda site, base: STYLE,
    }
)
STYLE: Final[JSON] = {
    "color_background": "#f4f6f8",
    "color_error": "#a32020",
    "color_highlight": "#0b5c8a",
    "color_modal_backdrop": "",
    "color_success": "#2c7a4b",
    "color_text": "#16242f",
    "dim_border_radius": "6px",
    "dim_font_size": "13px",
    "dim_spacing_size": "20px",
    "font_family_body": "system-ui, sans-serif",
    "font_family_heading": "system-ui, sans-serif",
}
"""What `smart_style_url` gives (SMART App Launch 2.2, "smart_style_url"); never changed."""


def named(exchange: Exchange, name: str) -> None:
    """Name the interaction, unless a rule wanted to know it before."""
    if exchange.interaction is None:
        exchange.interaction = Interaction(name)


def surrounding(site: Site, authorise: Stage, name: Stage, perform: Stage, shape: Stage) -> Mapping[str, Stage]:
    """The nine stages of a channel beside FHIR, of which all but these four are the same."""
    mischief = site.mischief

    def render(exchange: Exchange) -> None:
        reply = exchange.reply
        assert reply is not None
        if reply.document is not None:
            reply.body = encode(reply.document)
            reply.document = None
        if reply.content_type:
            reply.headers.append(("Content-Type", reply.content_type))
        elif reply.body and not reply.header("content-type"):
            reply.headers.append(("Content-Type", "application/json"))
        reply.headers.extend(site.personality.cors(exchange))
        reply.headers.append(site.date(exchange.notes.get("auth", {}).get("clock_offset", 0.0)))
        if site.trail:
            reply.headers.append(("X-Mockehr-Entry", str(exchange.number)))
        mischief.disturb("on_wire", exchange)

    return {
        "open_entry": site.upgrades.opened(site.journal.open),
        "disturb_arrival": lambda e: mischief.disturb("on_request", e),
        "authorise": authorise,
        "name_interaction": name,
        "perform": perform,
        "shape": shape,
        "disturb_reply": lambda e: mischief.disturb("on_reply", e),
        "render": render,
        "close_entry": site.journal.close,
    }
