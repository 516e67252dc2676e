"""The nine stages of channel `fhir` at one site. Hot path: no copies, no models, bytes that are ready."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import TokenFault, bearer_of
from mockehr.core.exchange import Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.fhir.operations import operations
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.writes import Written
from mockehr.sites.granular import part_of, refused_for, rights_of
from mockehr.sites.media import write_body

if TYPE_CHECKING:
    from mockehr.sites.site import Site

ACTIONS: Final = MappingProxyType(
    {
        "read": "read",
        "vread": "read",
        "search": "search",
        "create": "create",
        "update": "update",
        "patch": "update",
        "delete": "delete",
        "history-instance": "read",
        "history-type": "search",
        "history-system": "search",
        "search-system": "search",
        "search-compartment": "search",
    }
)
"""The permission that an interaction needs. A batch or transaction needs none of its own: its entries do."""
OPEN_PATHS = frozenset({"/metadata"})


def fhir_stages(site: Site) -> Mapping[str, Stage]:
    """The stages, bound to the site once."""
    return {**_asking(site), **_answering(site)}


def _asking(site: Site) -> dict[str, Stage]:
    """From the entry's opening to the neutral result."""
    mischief, server = site.mischief, site.fhir
    permit = server.permit = _permit(server)
    server.part, server.rights = part_of(server), rights_of
    server.refuses_others = lambda: bool(site.personality.settings["errors"]["search_of_others"] == "refuse")

    def disturb_arrival(exchange: Exchange) -> None:
        if mischief.armed("fhir", "on_request"):
            mischief.disturb("on_request", exchange)

    def name_interaction(exchange: Exchange) -> None:
        site.personality.understand(exchange)
        server.name(exchange)
        if exchange.result is None:
            refusal = permit(exchange) or site.personality.objection(exchange)
            exchange.result = refusal or site.media.refusal(exchange)

    def perform(exchange: Exchange) -> None:
        site.perform(exchange)
        if mischief.armed("fhir", "on_result"):
            mischief.disturb("on_result", exchange)

    return {
        "open_entry": site.upgrades.opened(site.journal.open),
        "disturb_arrival": disturb_arrival,
        "authorise": authorise_by(site),
        "name_interaction": name_interaction,
        "perform": perform,
    }


def _permit(server: FhirServer) -> Callable[[Exchange], Problem | None]:
    """What a token's scopes have against an interaction; None if they cover it, or nobody asks."""
    return lambda exchange: _refused_to(server, exchange)


def _refused_to(server: FhirServer, exchange: Exchange) -> Problem | None:
    asked, scopes = exchange.interaction, exchange.scopes
    if asked is None or not isinstance(scopes, Scopes):
        return None
    action = operations()[asked.name[1:]].action if asked.name.startswith("$") else ACTIONS.get(asked.name)
    if action is None:  # a Bundle, whose entries need it, or an operation that looks for itself
        return None
    for kind in _types_of(exchange) or [asked.resource_type or "*"]:
        if not scopes.allows(kind, action):
            text = f"The token does not cover {action} of {kind}"
            return Problem(403, "scope-missing", text, resource_type=kind, value=action)
        if scopes.narrow:
            refusal = refused_for(server.part(exchange, kind, action), asked, kind, action)
            if refusal is not None:
                return refusal
    return None


def _types_of(exchange: Exchange) -> list[str]:
    """The types that a search over several names in `_type`."""
    asked = exchange.interaction
    if asked is None or asked.resource_type not in ("", "*") or "_type=" not in exchange.query:
        return []
    return [kind for name, value in parse_qsl(exchange.query) if name == "_type" for kind in value.split(",")]


def authorise_by(site: Site) -> Stage:
    """Stage `authorise` of whatever wants a bearer token."""
    look_up = site.auth.look_up

    def authorise(exchange: Exchange) -> None:
        if exchange.path in OPEN_PATHS or site.open_access or exchange.method == "OPTIONS":
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
        exchange.own = grant.own

    return authorise


def _answering(site: Site) -> dict[str, Stage]:
    """From the neutral result to the vendor's bytes and the entry's end."""
    mischief = site.mischief
    heads: dict[tuple[str, int, float], list[tuple[str, str]]] = {}

    def reply(exchange: Exchange) -> Reply:
        return _reply(site, exchange, heads)

    site.fhir.reply = reply

    def shape(exchange: Exchange) -> None:
        exchange.reply = reply(exchange)

    def disturb_reply(exchange: Exchange) -> None:
        if mischief.armed("fhir", "on_reply"):
            mischief.disturb("on_reply", exchange)

    def render(exchange: Exchange) -> None:
        reply = exchange.reply
        assert reply is not None
        write_body(reply, exchange, site.fhir.fhir_version)
        if reply.content_type:
            reply.headers.append(("Content-Type", reply.content_type))
        headers = reply.headers
        if site.upgrades.notices:
            headers += _notice(site, exchange)
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


def _notice(site: Site, exchange: Exchange) -> list[tuple[str, str]]:
    """What is said with every answer about a type that is about to go."""
    asked = exchange.interaction
    notice = site.upgrades.notices.get(asked.resource_type) if asked is not None else None
    return [] if notice is None else notice.headers()


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
    if isinstance(result, (Record, SearchPage)):
        unfit = vendor.unfit(result)
        if unfit is not None:
            return vendor.refuse(unfit, exchange.base_url, site.media.wish(exchange))
    if isinstance(result, Record):
        exchange.returned = (result.key,)
        media = site.media.type_of(exchange)
        if isinstance(media, Problem):
            return vendor.refuse(media, exchange.base_url, site.media.wish(exchange))
        worn = vendor.worn(result)
        body = site.fhir.shown(result).body if worn is None else b""
        return Reply(200, _record_headers(site, result, heads), body, worn, media)
    if isinstance(result, Problem):
        if result.status == 403 and isinstance(exchange.scopes, Scopes):
            result = replace(result, scopes=exchange.scopes.text)
        return vendor.refuse(result, exchange.base_url, site.media.wish(exchange))
    if isinstance(result, Reply) and (result.content_type or not result.body):
        return result
    media = site.media.type_of(exchange)
    if isinstance(media, Problem):
        return vendor.refuse(media, exchange.base_url, site.media.wish(exchange))
    if isinstance(result, Reply):
        result.content_type = media
        return result
    if isinstance(result, SearchPage):
        return Reply(200, [], vendor.searchset_bytes(result, exchange.base_url), None, media)
    if isinstance(result, Written):
        result = replace(result, record=site.fhir.shown(result.record))
        exchange.returned = (result.record.key,)
        reply = vendor.written(result.record, result.created, exchange.base_url)
        if not result.changed and _found(site, exchange, result.record, reply):
            return reply
        if reply.body.startswith(b"{"):
            reply.content_type = media
        return _as_preferred(reply, result, exchange, media) if vendor.settings["write"]["prefer"] else reply
    return Reply(200, [], b"", result, media)


def _found(site: Site, exchange: Exchange, record: Record, reply: Reply) -> bool:
    """Say where that is which If-None-Exist found. True if no more may be told: to who may create and not read."""
    reply.set_header("Location", site.personality.created(record, exchange.base_url).header("Location"))
    scopes, kind = exchange.scopes, record.resource_type
    part = site.fhir.part(exchange, kind, "read")
    if (not isinstance(scopes, Scopes) or scopes.allows(kind, "read")) and (part is None or part.covers(record)):
        return False
    reply.body, reply.content_type, exchange.returned = b"", "", ()
    return True


def _as_preferred(reply: Reply, written: Written, exchange: Exchange, media: str) -> Reply:
    """The reply to a write with the body that `Prefer: return=…` asks for (FHIR R4 http.html#ops; RFC 7240)."""
    found = re.search(r"\breturn=\"?(minimal|representation|OperationOutcome)\b", exchange.headers.get("prefer", ""))
    if found is None:
        return reply
    wish = found.group(1)
    reply.headers.append(("Preference-Applied", f"return={wish}"))
    if wish == "minimal":
        reply.body, reply.content_type = b"", ""
    elif wish == "representation":
        reply.body, reply.content_type = written.record.body, media
    else:
        done = "created" if written.created else "updated" if written.changed else "found"
        reply.body, reply.content_type = b"", media
        text = f"{written.record.key} was {done}"
        issue = {"severity": "information", "code": "informational", "diagnostics": text}
        reply.document = {"resourceType": "OperationOutcome", "issue": [issue]}
    return reply
