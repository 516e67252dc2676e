"""One quirk or corruption, tried: the same story at two equal sites, one of them misbehaving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from types import MappingProxyType
from typing import Any, Final

from mockehr.control.tries.records import compare_records
from mockehr.control.tries.stories import STORIES, Story
from mockehr.control.tries.visit import Visit
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON, Decision
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.base import About
from mockehr.quirks.rule import quirks
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENTS: Final = 12
AROUND: Final = 2
"""Equal lines that are shown around each difference."""
SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "assertion-rules": {"lifetime": 60},
        "capped-count": {"most": 2},
        "duplicate-request": {"answer": "last"},
        "event-burst": {"lasts": 60},
        "expiring-next-link": {"after": 0},
        "ignored-parameter": {"names": ["category", "gender"]},
        "large-documents": {"megabytes": 0.1},
        "late-delivery": {"least": 60, "most": 120},
        "latency": {"delay": 3},
        "long-charts": {"observations": 30},
        "long-document": {"kilobytes": 64},
        "rate-limit": {"budget": 1},
        "payload-differs": {"payload": "full"},
        "redacted": {"elements": ["name", "birthDate"]},
        "scope-subset": {"drop": ["Patient"]},
        "token-endpoint-throttled": {"budget": 1},
        "token-expiry": {"uses": 1},
        "update-storm": {"times": 3},
        "watermark-skew": {"share": 1.0},
        "version-drift": {"rename": ["birthDate=dateOfBirth"]},
    }
)
"""What shows a quirk at once where its defaults want a longer day; settings that are given lie over these."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it. `without` and `with_it` are what was seen on either side, in lines."""

    story: str
    settings: Mapping[str, Any]
    decisions: Sequence[Decision]
    without: Sequence[str]
    with_it: Sequence[str]

    @property
    def fired(self) -> int:
        """How often it acted."""
        return sum(one.outcome == "fired" for one in self.decisions)

    @property
    def differs(self) -> bool:
        """Whether anybody outside sees a difference."""
        return list(self.without) != list(self.with_it)

    def as_json(self) -> JSON:
        """The trial as the control API answers it."""
        told = [one for one in self.decisions if one.outcome == "fired"]
        diff = unified_diff(self.without, self.with_it, "without", "with", n=AROUND, lineterm="")
        return {
            "story": self.story,
            "settings": dict(self.settings),
            "fired": self.fired,
            "differs": self.differs,
            "decisions": [{"capability": one.capability, "why": one.why} for one in told],
            "without": list(self.without),
            "with": list(self.with_it),
            "diff": list(diff),
        }


def try_out(name: str, given: Mapping[str, Any], personality: str = "generic") -> Tried:
    """Try a quirk or corruption by that name; `given` lies over the settings that show it at once.

    Raises UnknownName for a name or personality that does not exist, ConfigError for settings that do not hold, and
    UsageError for a platform, which has no patients.
    """
    settings = {**SETTINGS.get(name, {}), **given}
    if name in corruptions() and name not in quirks():
        return _tried_on_records(name, settings, personality)
    best: Tried | None = None
    for story in _fitting(quirks().get(name).about):
        calm, armed = (_played(story, rule, personality) for rule in (None, {"use": name, "with": settings}))
        decisions = [one for exchange in armed.site.journal for one in exchange.decisions]
        seen = {id(one) for one in decisions}
        decisions += [one for exchange in armed.exchanges for one in exchange.decisions if id(one) not in seen]
        tried = Tried(story.title, settings, decisions, _lines(calm), _lines(armed))
        if tried.fired and tried.differs:
            return tried
        if best is None or tried.fired > best.fired:
            best = tried
    assert best is not None  # every channel has a story
    return best


def _fitting(about: About) -> Iterator[Story]:
    """The stories of the quirk's channels: first of the channel and interaction that it names first."""
    own = [story for story in STORIES if story.channels & set(about.channels)]

    def rank(story: Story) -> tuple[int, int]:
        interactions = not about.interactions or bool(story.interactions & set(about.interactions))
        place = min(about.channels.index(channel) for channel in story.channels if channel in about.channels)
        return (not interactions, place)

    yield from sorted(own, key=rank)


def _played(story: Story, rule: Mapping[str, Any] | None, personality: str) -> Visit:
    site = _built(personality)
    if rule is not None:
        site.arm(rule)
    visit = Visit(site)
    story.play(visit)
    return visit


def _built(personality: str) -> Site:
    site = build_site(SiteOptions("try", personality, patients=PATIENTS, stepped=True))
    if site.charts is None:
        raise UsageError(
            f"{personality} has no patients of its own to try anything on.", remedy="Name a hospital's system: epic."
        )
    return site


def _lines(visit: Visit) -> list[str]:
    return [line for does, lines in visit.steps for line in (does, *lines)]


def _tried_on_records(name: str, settings: Mapping[str, Any], personality: str) -> Tried:
    fields = getattr(corruptions().get(name), "__dataclass_fields__", {})
    told = {"rate": 1.0, **({"share": 1.0} if "share" in fields else {}), **settings}
    site = _built(personality)
    site.arm({"use": name, "with": told})
    key, clean, dirty = compare_records(site, _built(personality))
    found = [Decision(name, name, "corruption", "fired", key)] if key else []
    return Tried(f"a record as it is, and as the site shows it: {key}", told, found, clean, dirty)
