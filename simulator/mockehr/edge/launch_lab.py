"""One launch from the opening to the verdict: opens the app, has it driven, and writes the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs, urlsplit

from mockehr.auth.launches import Launch, Opening
from mockehr.core.exchange import JSON
from mockehr.edge.cookies import origin_of
from mockehr.edge.errand import Errand, Journey
from mockehr.edge.launch_findings import Known, judge, remarks, stages_of
from mockehr.edge.launch_record import Hop, LaunchRecord, Veil, told_entry
from mockehr.edge.workstation import Workstation
from mockehr.journal.entry import entry
from mockehr.sites.launching import base_of, open_app
from mockehr.sites.site import Site

CHANNELS: Final = frozenset({"launch", "discovery", "authorize", "token", "oauth", "fhir"})
"""What a launch is made of."""


async def launch_app(
    site: Site, launch: Launch, app: str, address: str, *, user: str = "", deny: bool = False
) -> LaunchRecord:
    """Open the app at `app` for a launch, drive it to its end, and say what became of it.

    `address` is the server's own, as the app and the browser reach it. `user` signs in where the hospital asks for
    it, and with `deny` declines where it asks. Raises UnknownName or UsageError for a launch that cannot be.
    """
    base = base_of(site, address)
    exchange = open_app(site, launch, app, base)
    opening: Opening = exchange.result
    account = site.auth.users.find(user)
    errand = Errand(
        opening.url,
        app,
        (origin_of(base),),
        user=user,
        password=account.password if account is not None else "",
        patient=launch.patient,
        encounter=launch.encounter,
        deny=deny,
        cookies=opening.cookies,
        popups=opening.popups,
        callbacks=opening.callbacks,
    )
    veil = Veil()
    journey = await Workstation(errand, veil, lambda: site.journal.last).play()
    found = [entry(one) for one in site.journal if one.number >= exchange.number]
    told = asked_for(launch, user)
    return write_record(site.name, app, opening.iss, told, exchange.number, journey, found, known_of(site), veil)


def asked_for(launch: Launch, user: str) -> JSON:
    """What the launch was asked to be, by name."""
    return {
        "user": user,
        "patient": launch.patient,
        "encounter": launch.encounter,
        "intent": launch.intent,
        "client_id": launch.client_id,
        "context": [dict(one) for one in launch.fhir_context],
        "extras": dict(launch.extras),
    }


def known_of(site: Site) -> Known:
    """What is registered at the site."""
    clients = list(site.auth.clients)
    return Known(
        {client.client_id: client.redirect_uris for client in clients if client.redirect_uris},
        {client.client_id: client.scopes.text for client in clients},
    )


def write_record(
    site: str,
    app: str,
    iss: str,
    asked: JSON,
    opened: int,
    journey: Journey,
    entries: Iterable[JSON],
    known: Known,
    veil: Veil,
) -> LaunchRecord:
    """The record of a journey; `entries` are the journal's (`mockehr.journal.entry`) from number `opened` on."""
    hops = _numbered(journey.hops)
    journey = replace(journey, hops=hops)
    kept = list(entries)
    mine = _belonging(kept, _clients(asked, hops, kept, opened), opened)
    told = tuple(told_entry(one, _hop_of(one["entry"], opened, hops), veil) for one in mine)
    finding, stages = judge(journey, told, known, iss), stages_of(journey, told)
    return LaunchRecord(
        site=site,
        app=app,
        iss=iss,
        asked=asked,
        outcome=finding.outcome,
        stopped=stages[-1] if stages else "",
        reason=finding.reason,
        what=finding.what,
        nearest=finding.nearest,
        remedy=finding.remedy.replace(" SITE", f" {site}"),
        stages=stages,
        pages=tuple(dict.fromkeys(hop.page for hop in hops if hop.page)),
        remarks=remarks(journey, told),
        hops=hops,
        entries=told,
    )


def _belonging(entries: Sequence[JSON], clients: Set[str], opened: int) -> list[JSON]:
    """The entries of this launch: its opening, and what its clients, or nobody known, asked since."""
    since = [one for one in entries if one["entry"] >= opened and one["channel"] in CHANNELS]
    return [
        one
        for one in since
        if one["entry"] == opened or (one["channel"] != "launch" and one["client"] in {"", *clients})
    ]


def _clients(asked: JSON, hops: Sequence[Hop], entries: Sequence[JSON], opened: int) -> Set[str]:
    """Who the app said that it is, in this browser; else who asked first for an authorization."""
    told = {
        name for hop in hops if hop.who == "ehr" for name in parse_qs(urlsplit(hop.url).query).get("client_id", ())
    }
    told |= {str(asked.get("client_id", ""))} - {""}
    others = (one["client"] for one in entries if one["channel"] == "authorize" and one["entry"] > opened)
    return told or {next(filter(None, others), "")}


def _numbered(hops: Sequence[Hop]) -> tuple[Hop, ...]:
    """Hops whose `until` is known for all: what was not counted ends where the next counted one begins."""
    found: list[Hop] = []
    following = 0
    for hop in reversed(hops):
        until = hop.until or following
        found.append(replace(hop, until=until))
        following = until - 1 if hop.who == "ehr" and until else until
    return tuple(reversed(found))


def _hop_of(number: int, opened: int, hops: Sequence[Hop]) -> int:
    """During which hop an entry came; 0 for the opening itself."""
    if number <= opened:
        return 0
    within = (hop.number for hop in hops if hop.until >= number or not hop.until)
    return next(within, hops[-1].number if hops else 0)
