"""The nine stages of channel `fhir` at one site. Hot path: no copies, no models, bytes that are ready."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import TokenFault, bearer_of
from mockehr.core.exchange import Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.create import Written
from mockehr.fhir.record import Record, encode

if TYPE_CHECKING:
    from mockehr.sites.site import Site

ACTIONS: Final = MappingProxyType(
    {
        "read": "read",
        "vread": "read",
        "search": "search",
        "create": "create",
        "update": "update",
        "delete": "delete",
        "history-instance": "read",
        "history-type": "search",
        "history-system": "search",
    }
)
OPEN_PATHS = frozenset({"/metadata"})


def fhir_stages(site: Site) -> Mapping[str, Stage]:
    """The stages, bound to the site once."""
    return {**_asking(site), **_answering(site)}


def _asking(site: Site) -> dict[str, Stage]:
    """From the entry's opening to the neutral result."""
    mischief, server = site.mischief, site.fhir

    def disturb_arrival(exchange: Exchange) -> None:
        if mischief.armed("fhir", "on_request"):
            mischief.disturb("on_request", exchange)

    def name_interaction(exchange: Exchange) -> None:
        server.name(exchange)
        asked, scopes = exchange.interaction, exchange.scopes
        if exchange.result is not None or asked is None or not isinstance(scopes, Scopes):
            return
        action = ACTIONS.get(asked.name)
        if action is not None and not scopes.allows(asked.resource_type, action):
            text = f"The token does not cover {action} of {asked.resource_type}"
            exchange.result = Problem(403, "scope-missing", text, resource_type=asked.resource_type, value=action)

    def perform(exchange: Exchange) -> None:
        site.perform(exchange)
        if mischief.armed("fhir", "on_result"):
            mischief.disturb("on_result", exchange)

    return {
        "open_entry": site.journal.open,
        "disturb_arrival": disturb_arrival,
        "authorise": _authorise(site),
        "name_interaction": name_interaction,
        "perform": perform,
    }


def _authorise(site: Site) -> Stage:
    look_up = site.auth.look_up

    def authorise(exchange: Exchange) -> None:
        if exchange.path in OPEN_PATHS or site.open_access:
            return
        bearer = bearer_of(exchange.headers.get("authorization", ""))
        if not bearer:
            exchange.result = Problem(401, "no-token", "A bearer token is required")
            return
        grant = look_up(bearer)
        if isinstance(grant, TokenFault):
            exchange.client = grant.grant.client_id if grant.grant else ""
            exchange.result = Problem(401, "token-invalid", "The access token does not work", value=grant.kind)
            return
        exchange.client = grant.client_id
        exchange.scopes = grant.scopes
        exchange.patient = grant.patient

    return authorise


def _answering(site: Site) -> dict[str, Stage]:
    """From the neutral result to the vendor's bytes and the entry's end."""
    mischief = site.mischief
    heads: dict[tuple[str, int, float], list[tuple[str, str]]] = {}

    def shape(exchange: Exchange) -> None:
        exchange.reply = _reply(site, exchange, heads)

    def disturb_reply(exchange: Exchange) -> None:
        if mischief.armed("fhir", "on_reply"):
            mischief.disturb("on_reply", exchange)

    def render(exchange: Exchange) -> None:
        reply = exchange.reply
        assert reply is not None
        if reply.document is not None:
            reply.body = encode(reply.document)
            reply.document = None
        if reply.content_type:
            reply.headers.append(("Content-Type", reply.content_type))
        headers = reply.headers
        headers.extend(site.personality.headers(exchange))
        headers.append(site.date())
        if site.trail:
            headers.append(("X-Mockehr-Entry", str(exchange.number)))
        if mischief.armed("fhir", "on_wire"):
            mischief.disturb("on_wire", exchange)

    return {
        "shape": shape,
        "disturb_reply": disturb_reply,
        "render": render,
        "close_entry": site.journal.close,
    }


def _record_headers(
    site: Site, record: Record, heads: dict[tuple[str, int, float], list[tuple[str, str]]]
) -> list[tuple[str, str]]:
    """The vendor's headers for a record, a list of one's own; kept in `heads`, since writing dates is dear."""
    of = (record.resource_type, record.version, record.updated)
    made = heads.get(of)
    if made is None:
        if len(heads) >= 4096:
            heads.clear()
        made = heads[of] = site.personality.record_headers(*of)
    return made.copy()


def _reply(site: Site, exchange: Exchange, heads: dict[tuple[str, int, float], list[tuple[str, str]]]) -> Reply:
    """The neutral result in the vendor's form."""
    result = exchange.result
    vendor = site.personality
    accept = exchange.headers.get("accept", "")
    if isinstance(result, Record):
        exchange.returned = (result.key,)
        media = site.media_type(exchange)
        if isinstance(media, Problem):
            return vendor.refuse(media, exchange.base_url, accept)
        return Reply(200, _record_headers(site, result, heads), result.body, None, media)
    if isinstance(result, Problem):
        return vendor.refuse(result, exchange.base_url, accept)
    if isinstance(result, Reply):
        return result
    media = site.media_type(exchange)
    if isinstance(media, Problem):
        return vendor.refuse(media, exchange.base_url, accept)
    if isinstance(result, SearchPage):
        return Reply(200, [], vendor.searchset_bytes(result, exchange.base_url), None, media)
    if isinstance(result, Written):
        exchange.returned = (result.record.key,)
        return vendor.written(result.record, result.created, exchange.base_url)
    return Reply(200, [], b"", result, media)
