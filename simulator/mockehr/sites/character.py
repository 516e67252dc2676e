"""What is one site's own among sites of its vendor: its paths, the systems of its identifiers and codes, its types.

Two hospitals with the same product disagree on these, and a client that was made for one of them takes them for the
vendor's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.comparison import differences
from mockehr.sites.site import Site

SEEN: Final = 3
"""Patients whose charts are looked at for systems."""
KINDS: Final = ("Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "DocumentReference")
TYPES: Final = "interactions.resources"


@dataclass(frozen=True, slots=True)
class Character:
    """One site's own. `systems` are identifier and code systems and extension URLs that its records carry."""

    name: str
    vendor: str
    paths: tuple[str, ...]
    systems: frozenset[str]
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another site of the same vendor: what is its own and not this site's, and the settings that make it so."""

    name: str
    paths: tuple[str, ...]
    systems: frozenset[str]
    types: frozenset[str]
    """Resource types that are offered there and not here."""
    settings: tuple[tuple[str, str, str], ...]
    """(dotted setting, its value here, its value there)."""
    roots: tuple[tuple[str, str], ...]
    """What systems of either begin with: (here, there) of the root of its OIDs, and of its tenant."""

    def why_system(self, system: str) -> str:
        """Why a system is the sibling's own, in words."""
        for here, there in self.roots:
            if there and there in system:
                return f"{there} is its own there, and {here or 'nothing'} here"
        return self.why("identity", "identifiers", "shape.tables")

    def why(self, *names: str) -> str:
        """The settings below any of these that differ, as words; empty if none does."""
        below = tuple(f"{name}." for name in names)
        found = [one for one in self.settings if one[0] in names or one[0].startswith(below)]
        return "; ".join(f"{setting} is {here} here and {there} there" for setting, here, there in found[:3])


def character_of(site: Site) -> Character:
    """What a site is like."""
    vendor, facts = site.personality, site.facts
    paths = (vendor.fhir_path(facts).rstrip("/"), vendor.token_path(facts), vendor.authorize_path(facts))
    offered = frozenset(kind for kind in site.fhir.types if vendor.offers(kind))
    own = frozenset(text for record in _seen(site) for text in _systems(record))
    return Character(site.name, vendor.name, tuple(path for path in paths if path), own, offered)


def siblings_of(site: Site, sites: Iterable[Site]) -> tuple[Sibling, ...]:
    """The other sites of its vendor among `sites`, each by what is its own alone."""
    others = [one for one in sites if one is not site and one.personality.name == site.personality.name]
    here = character_of(site) if others else None
    return tuple(_sibling(site, here, one) for one in others) if here is not None else ()


def _sibling(site: Site, here: Character, other: Site) -> Sibling:
    there = character_of(other)
    found = differences(site.personality.settings, other.personality.settings)
    return Sibling(
        there.name,
        tuple(path for path in there.paths if path not in here.paths),
        there.systems - here.systems,
        there.types - here.types,
        tuple((one.setting, _short(one.first), _short(one.second)) for one in found),
        tuple(pair for pair in zip(_roots(site), _roots(other), strict=True) if pair[0] != pair[1]),
    )


def _roots(site: Site) -> tuple[str, str]:
    return site.personality.oid_root, site.personality.tenant(site.facts)


def _seen(site: Site) -> Iterator[JSON]:
    charts = site.charts
    for index in range(min(SEEN, charts.size) if charts is not None else 0):
        assert charts is not None
        for kind in KINDS:
            yield from (record.document for record in charts.chart(charts.patient_id(index), kind))


def _systems(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name in ("system", "url"):
            text = node.get(name)
            if isinstance(text, str) and ":" in text and not text.startswith("Binary/"):
                yield text
        for value in node.values():
            yield from _systems(value)
    elif isinstance(node, list):
        for value in node:
            yield from _systems(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
