"""Conditions of phases while they are waited for: what was counted, what happened, what a probe says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mockehr.config.settings import WebhookConfig
from mockehr.core.changes import Change
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.events import Hook
from mockehr.scenarios.phases import ConditionSection
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes import probes
from mockehr.scenarios.steady import LOAD, Like, like
from mockehr.sites.sections import hook_from

OFTEN = 100
"""Exchanges after each of which a probe is asked; later it is asked again when there are a twentieth more."""


def topic_of(event: str, types: Iterable[str]) -> Hook:
    """What tells whether a change is that event, named as for webhooks; raises ConfigError with the nearest name."""
    told = WebhookConfig.model_validate({"url": "http://phases.example.org", "topics": [event]})
    return hook_from(told, "phase", types)


@dataclass(slots=True)
class Awaited:
    """One condition at one site. It hears of everything from when `armed` is set, and remembers what it heard."""

    told: ConditionSection
    site: str
    client: str
    types: Sequence[str] = ()
    armed: bool = False
    counted: int = 0
    happened: str = ""
    found: str = ""
    """What the probe said that had to say it."""
    heard: list[Exchange] = field(default_factory=list)
    _ask_at: int = 1
    _like: Like | None = None
    _topic: Hook | None = None

    def __post_init__(self) -> None:
        if self.told.count is not None:
            self._like = like(self.told.count)
        if self.told.event:
            self._topic = topic_of(self.told.event, self.types)

    def hear(self, site: str, exchange: Exchange) -> None:
        """An exchange is over at that site."""
        if not self.armed:
            return
        told = self.told.count
        if told is not None and self._like is not None and site == (told.site or self.site):
            self.counted += self._like(exchange)
        if self.told.probe and not self.found and site == self.site and LOAD not in exchange.notes:
            self.heard.append(exchange)
            if len(self.heard) >= self._ask_at:
                self._ask()

    def hear_of(self, site: str, change: Change) -> None:
        """Something changed at that site."""
        if self.armed and self._topic is not None and site == self.site and self._topic.wants(change):
            self.happened = self.happened or f"{change.kind} of {change.resource_type}/{change.id}"

    def why(self, *, now: float, began: float) -> str | None:
        """Why it holds, in words; None while it does not. `began` is when the run did, by the site's clock."""
        told, reasons = self.told, []
        if told.at is not None:
            if now < began + told.at:
                return None
            reasons.append(f"{told.at:g} s after the run began")
        if told.count is not None:
            if self.counted < told.count.n:
                return None
            reasons.append(f"{told.count.n} exchanges")
        if told.event:
            if not self.happened:
                return None
            reasons.append(f"{told.event}: {self.happened}")
        if told.probe:
            if not self.found:
                return None
            reasons.append(self.found)
        return ", ".join(reasons)

    def _ask(self) -> None:
        seen = len(self.heard)
        self._ask_at = seen + (1 if seen < OFTEN else seen // 20)
        finding = probes().get(self.told.probe).judge(Case(tuple(self.heard), self.site, self.client))
        if finding.verdict == self.told.verdict:
            self.found = f"{finding.probe} says {finding.verdict}"


def event_fault(event: str, types: Iterable[str]) -> str:
    """What is wrong with the name of an event; empty if nothing is."""
    try:
        topic_of(event, types)
    except ConfigError as error:
        return "; ".join(error.problems)
    return ""
