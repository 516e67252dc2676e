"""A found schedule as a scenario file, and a scenario made ready to be played in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final, TypeAlias

from mockehr.config.settings import ClockConfig, RuleConfig, SiteConfig
from mockehr.core.clock import STEPPED_START, instant
from mockehr.scenarios.schema import Scenario

Planned: TypeAlias = tuple[str, Mapping[str, Any]]
"""A rule, as plain settings, and the site at which it is armed."""
SUFFIX: Final = ".scenario.yaml"


def with_rules(scenario: Scenario, planned: Iterable[Planned]) -> Scenario:
    """The scenario with these rules behind those that its sites have."""
    armed: dict[str, list[RuleConfig]] = {}
    for site, rule in planned:
        armed.setdefault(site, []).append(RuleConfig.model_validate(dict(rule)))
    if not armed:
        return scenario
    sites = [
        site.model_copy(update={"quirks": [*site.quirks, *armed[site.name]]}) if site.name in armed else site
        for site in scenario.sites
    ]
    return scenario.model_copy(update={"sites": sites})


def stepped(scenario: Scenario) -> Scenario:
    """The scenario with clocks that only move when they are told to, from where they would start."""
    return scenario.model_copy(update={"sites": [_stepped(site) for site in scenario.sites]})


def _stepped(site: SiteConfig) -> SiteConfig:
    start = site.clock.start if site.clock.start is not None else STEPPED_START
    return site.model_copy(update={"clock": ClockConfig(mode="stepped", start=start)})


def save(scenario: Scenario, path: Path) -> Path:
    """Write a scenario with its sites' clocks running from their own start, so that clients on sockets may wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = scenario.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document = {"version": scenario.version, **document, "seed": scenario.seed}
    for site, written in zip(scenario.sites, document["sites"], strict=True):
        start = site.clock.start if site.clock.start is not None else STEPPED_START
        written["clock"] = {"start": instant(start)}
        written["settings"] = _unchecked(written.get("settings") or {})
    path.write_text(_yaml(document), "utf-8")
    return path


def _unchecked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A client's own clock is not that of a site which starts in the past: its assertions' times mean nothing."""
    token = dict(settings.get("token") or {})
    return {**settings, "token": {**token, "server": {**(token.get("server") or {}), "check_times": False}}}


def _yaml(document: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import LiteralScalarString

    told = {
        key: LiteralScalarString(value) if "\n" in str(value) else value
        for key, value in document.items()
        if isinstance(value, str)
    }
    writer = YAML(typ="rt")
    writer.default_flow_style = False
    writer.width = 118
    text = StringIO()
    writer.dump({**document, **told}, text)
    return text.getvalue()
