"""What is known of the vendors whose products a site can resemble, and what differs between them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mockehr.control.operation import operation
from mockehr.core.errors import UnknownName
from mockehr.personalities.behaviours import Behaviour, as_markdown, behaviours
from mockehr.personalities.comparison import differences
from mockehr.personalities.load import load_personality, personality_names
from mockehr.personalities.variance import variance_of
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site


@operation("vendor list", "GET", "/vendors", scope="server", offline=True)
def listed(directory: Directory) -> dict[str, Any]:
    """Every personality that comes with mockehr, and how much is known of it."""
    return {"vendors": [_summary(name) for name in personality_names()]}


@operation("vendor show", "GET", "/vendors/{name}", scope="server", offline=True)
def show(directory: Directory, name: str, area: str = "") -> dict[str, Any]:
    """One personality: what is known of it, row by row with sources, and in what its sites differ.

    With `area` only the rows below headings that contain that text.
    """
    _known(name)
    varied = variance_of(name)
    rows = [row for row in behaviours(name) if area.lower() in row.area.lower()]
    if area and not rows:
        raise UnknownName("area", area, dict.fromkeys(row.area for row in behaviours(name)))
    return _summary(name) | {
        "behaviours": [_row(row) for row in rows],
        "sites": [
            {
                "trait": trait.name,
                "source": trait.source,
                "choices": {choice.name: choice.share for choice in trait.choices},
            }
            for trait in varied.traits
        ],
    }


@operation("vendor diff", "GET", "/vendors/{name}/diff/{other}", scope="server", offline=True)
def diff(directory: Directory, name: str, other: str) -> dict[str, Any]:
    """What differs between two personalities: settings with the sources of both, and what only one's code does."""
    _known(name)
    _known(other)
    first, second = load_personality(name), load_personality(other)
    found = differences(first.settings, second.settings, (name, other))
    return {
        "first": name,
        "second": other,
        "settings": [
            {"setting": one.setting, "first": one.first, "second": one.second, "sources": list(one.sources)}
            for one in found
        ],
        "code": {vendor: [_row(row) for row in behaviours(vendor) if not row.settings] for vendor in (name, other)},
    }


@operation("vendor table", "GET", "/vendor-table", scope="server", offline=True)
def table(directory: Directory) -> dict[str, Any]:
    """Everything that is known of every vendor, with its sources, as Markdown."""
    return {"lines": as_markdown(personality_names())}


@operation("site diff", "GET", "/diff")
def site_diff(site: Site, other: str = "", environment: str = "") -> dict[str, Any]:
    """In what a site differs from its vendor's plain personality, or from the one named `other`.

    With `environment` (`sandbox` or `production`) from such a site of its vendor.
    """
    vendor = other or site.personality.name
    _known(vendor)
    environments = variance_of(vendor).environments
    if environment and environment not in environments:
        raise UnknownName("environment", environment, environments)
    settings = environments[environment].settings if environment else None
    plain = load_personality(vendor, settings)
    found = differences(plain.settings, site.personality.settings, (vendor, site.personality.name))
    return {
        "site": site.name,
        "from": vendor,
        "drawn": dict(site.drawn.choices),
        "settings": [
            {"setting": one.setting, "first": one.first, "second": one.second, "sources": list(one.sources)}
            for one in found
        ],
    }


def _known(name: str) -> None:
    if name not in personality_names():
        raise UnknownName("personality", name, personality_names())


def _summary(name: str) -> dict[str, Any]:
    varied = variance_of(name)
    labels = Counter(row.label for row in behaviours(name) if row.known)
    return {
        "name": name,
        "title": load_personality(name).title,
        "known": sum(labels.values()),
        "labels": dict(sorted(labels.items())),
        "environments": list(varied.environments),
        "traits": [trait.name for trait in varied.traits],
    }


def _row(row: Behaviour) -> dict[str, str]:
    return {
        "area": row.area,
        "id": row.id,
        "behaviour": row.text,
        "where": row.where,
        "label": row.label,
        "source": row.source,
    }
