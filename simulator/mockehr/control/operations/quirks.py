"""Arming, disarming and looking up misbehaviour."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from typing import Any

from mockehr.control.operation import NOTHING, Document, operation
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


@operation("quirk show", "GET", "/quirks/{name}", scope="server", offline=True)
def show(directory: Directory, name: str) -> dict[str, Any]:
    """One quirk: its documentation and its settings with their defaults."""
    found = corruptions() if name in corruptions() else quirks()
    cls = found.get(name)
    settings = {f.name: None if f.default is MISSING else f.default for f in fields(cls)}
    family = getattr(cls.about, "family", "corruption")
    return _row(name, cls, family) | {"documentation": inspect.getdoc(cls) or "", "settings": settings}


def _row(name: str, cls: Any, family: str) -> dict[str, Any]:
    summary = (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")
    return {"name": name, "family": family, "ledger": list(cls.about.ledger), "summary": summary}
