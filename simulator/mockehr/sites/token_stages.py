"""The nine stages of the token endpoint, and those of the discovery documents beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mockehr.auth.tokens import Grant
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.fhir.record import encode

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def token_stages(site: Site) -> Mapping[str, Stage]:
    """POST to the token endpoint."""
    mischief = site.mischief

    def perform(exchange: Exchange) -> None:
        def amend(grant: Grant) -> Grant:
            exchange.client = grant.client_id
            amended: Grant = mischief.amend("on_grant", grant, exchange)
            return amended

        url = exchange.notes.pop("token_url")
        if exchange.method != "POST":  # RFC 6749 section 3.2
            exchange.result = Problem(405, "interaction-unknown", "The token endpoint takes POST only", where="POST")
            return
        answer = site.auth.token(exchange.body, exchange.headers, token_url=url, amend=amend)
        exchange.client = answer.client_id or exchange.client
        if answer.reason:
            exchange.notes["refused"] = answer.reason
            # Many vendors tell the client nothing of it; whoever asks the journal shall know.
            exchange.notes["refused_because"] = answer.document.get("error_description", "")
        exchange.result = answer

    def shape(exchange: Exchange) -> None:
        answer = exchange.result
        if isinstance(answer, Problem):
            exchange.reply = site.personality.refuse(answer, exchange.base_url, "application/json")
        elif answer.grant is not None:
            document = site.personality.token_document(answer.document, answer.grant)
            exchange.notes["granted"] = answer.grant.scopes.text
            exchange.reply = Reply(answer.status, list(answer.headers), document=document)
        else:
            exchange.reply = site.personality.token_refusal(answer.status, answer.document, answer.reason)

    return _stages(site, lambda e: None, lambda e: _named(e, "client_credentials"), perform, shape)


def discovery_stages(site: Site) -> Mapping[str, Stage]:
    """`.well-known/smart-configuration` and the JWKS."""

    def perform(exchange: Exchange) -> None:
        base = exchange.base_url
        if exchange.path.endswith("/smart-configuration"):
            exchange.result = site.smart_configuration(base)
        else:
            exchange.result = site.auth.jwks()

    def shape(exchange: Exchange) -> None:
        if isinstance(exchange.result, Problem):
            exchange.reply = site.personality.refuse(exchange.result, exchange.base_url, "application/json")
        else:
            exchange.reply = Reply(200, [], document=exchange.result, content_type="application/json")

    return _stages(site, lambda e: None, lambda e: _named(e, e.path.rpartition("/")[2]), perform, shape)


def _named(exchange: Exchange, name: str) -> None:
    if exchange.interaction is None:
        exchange.interaction = Interaction(name)


def _stages(site: Site, authorise: Stage, name: Stage, perform: Stage, shape: Stage) -> Mapping[str, Stage]:
    mischief = site.mischief

    def render(exchange: Exchange) -> None:
        reply = exchange.reply
        assert reply is not None
        if reply.document is not None:
            reply.body = encode(reply.document)
            reply.document = None
        if reply.content_type:
            reply.headers.append(("Content-Type", reply.content_type))
        elif not reply.header("content-type"):
            reply.headers.append(("Content-Type", "application/json"))
        reply.headers.append(site.date())
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
