"""Arming, disarming and looking up misbehaviour."""

from __future__ import annotations

import inspect
from typing import Any

from mockehr.control.operation import NOTHING, Document, operation
from mockehr.control.tries.trial import try_out
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.rule import quirks
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site


@operation("quirk arm", "POST", "/quirks")
def arm(
    site: Site,
    use: str,
    name: str = "",
    where: Document = NOTHING,
    when: Document = NOTHING,
    settings: Document = NOTHING,
) -> dict[str, Any]:
    """Arm a quirk or a corruption at a site; answers the name of the rule."""
    rule = {"use": use, "where": dict(where), "when": dict(when), "with": dict(settings)}
    return {"armed": site.arm(rule | ({"name": name} if name else {}))}


@operation("quirk disarm", "DELETE", "/quirks/{name}")
def disarm(site: Site, name: str) -> dict[str, Any]:
    """Take a rule or a corruption away."""
    site.disarm(name)
    return {"disarmed": name}


@operation("quirk armed", "GET", "/quirks")
def armed(site: Site) -> dict[str, Any]:
    """What is armed at a site, with how often each rule was asked and fired."""
    infections = list(site.charts.infections) if site.charts is not None else []
    return {"rules": [rule.describe() for rule in site.rules], "corruptions": infections}


@operation("quirk list", "GET", "/quirks", scope="server", offline=True)
def catalogue(directory: Directory) -> dict[str, Any]:
    """Every quirk and corruption there is: name, ledger ids, what the client sees."""
    rows = [_row(name, cls, cls.about.family) for name, cls in quirks().items()]
    rows += [_row(name, cls, "corruption") for name, cls in corruptions().items()]
    return {"quirks": sorted(rows, key=lambda row: row["name"])}


@operation("quirk try", "POST", "/quirk-trials", scope="server", offline=True)
def attempt(
    directory: Directory, name: str, settings: Document = NOTHING, personality: str = "generic"
) -> dict[str, Any]:
    """Play a small story at two equal sites, with the quirk and without it, and tell what differs.

    The story fits the quirk: a read, a search, a write, a token, a launch, an export, deliveries or messages; of a
    corruption it is a record as it is and as it is shown. SETTINGS lie over those by which the quirk shows at once.
    """
    tried = try_out(name, settings, personality)
    return {"name": name, "personality": personality, **tried.as_json()}


def _row(name: str, cls: Any, family: str) -> dict[str, Any]:
    summary = (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")
    return {"name": name, "family": family, "ledger": list(cls.about.ledger), "summary": summary}
