"""What a vendor lets a client do in a time: budgets as the product has them, with the headers that tell of them.

They are the vendor's ordinary behaviour (settings `rates`, mostly of its production systems); the quirk `rate-limit`
is for what is out of order. A site without budgets pays nothing for them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.errors import ConfigError, nearest_names
from mockehr.core.exchange import Channel, Exchange
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.personalities.dates import http_date
from mockehr.personalities.rules import one_of
from mockehr.personalities.zones import ZONES, local

if TYPE_CHECKING:
    from mockehr.sites.site import Site

KEPT: Final = 10_000
"""Windows that are counted at a time; then those that are over are forgotten."""
WHOSE: Final = ("client", "peer", "site")
WAITS: Final = ("", "seconds", "date")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PEAK: Final = re.compile(rf"({'|'.join(_DAYS)})-({'|'.join(_DAYS)}) (\d\d:\d\d)-(\d\d:\d\d) ({'|'.join(ZONES)})")


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` requests on some channels within `window` seconds of one client, address, or all of them."""

    limit: int
    window: float
    of: tuple[Channel, ...] = ("fhir",)
    per: str = "client"
    """`client`, `peer` (the address that it comes from) or `site`."""
    aligned: bool = False
    """The window begins on the clock (each full minute, midnight GMT) and not with the first request."""
    methods: tuple[str, ...] = ()
    """Of these HTTP methods alone; any if empty."""
    interactions: tuple[str, ...] = ()
    """Of these interactions alone (`search`, or an API's own word; `*` stands for anything); any if empty."""
    beyond: tuple[str, ...] = ()
    """Of none of these interactions."""
    peak: str = ""
    """When `limit` holds, such as `Mon-Fri 06:00-18:00 Mountain`; at other times `off_peak` does. Empty: always."""
    off_peak: int = 0
    wait: str = "seconds"
    """How `Retry-After` tells when the window is over: in `seconds`, as a `date`, or not at all."""
    text: str = "Too many requests"
    name: str = ""

    def __post_init__(self) -> None:
        if self.limit < 1 or self.window <= 0 or self.wait not in WAITS or self.per not in WHOSE:
            remedy = (
                f"limit and window are positive, per is one of {', '.join(WHOSE)}, wait seconds, date or nothing."
            )
            raise ConfigError(f"{self._said()} is no budget.", remedy=remedy)
        if bool(self.peak) != (self.off_peak > 0) or (self.peak and _PEAK.fullmatch(self.peak) is None):
            remedy = "Write peak like Mon-Fri 06:00-18:00 Mountain, and a positive off_peak with it."
            raise ConfigError(f"{self._said()} is no budget.", remedy=remedy)

    def _said(self) -> str:
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {name: one.default for name, one in self.__dataclass_fields__.items()}
        return ", ".join(f"{name}: {value!r}" for name, value in told.items() if value != plain[name])

    @property
    def named(self) -> bool:
        """Whether it counts some interactions alone."""
        return bool(self.interactions or self.beyond)

    def covers(self, exchange: Exchange) -> bool:
        """Whether an exchange counts."""
        if self.methods and exchange.method not in self.methods:
            return False
        name = exchange.interaction.name if exchange.interaction is not None and self.named else ""
        if any(fnmatchcase(name, one) for one in self.beyond):
            return False
        return not self.interactions or any(fnmatchcase(name, one) for one in self.interactions)

    def limit_at(self, now: float) -> int:
        """How many there may be in the window of that time."""
        found = _PEAK.fullmatch(self.peak)
        if found is None:
            return self.limit
        first, last, begins, ends, zone = found.groups()
        shown = local(now, zone)
        during = _DAYS.index(first) <= shown.weekday() <= _DAYS.index(last) and begins <= f"{shown:%H:%M}" < ends
        return self.limit if during else self.off_peak

    def starts(self, now: float) -> float:
        """When the window begins that a first request at `now` opens."""
        return now - now % self.window if self.aligned else now


@dataclass(slots=True)
class _Window:
    begins: float
    used: int = 0


class Budgets:
    """The budgets of one site, and what was used of them."""

    def __init__(self, site: Site) -> None:
        told = site.personality.settings["rates"]
        self.budgets = tuple(_budget(one) for one in told["budgets"])
        self._headers: Mapping[str, str] = told["headers"]
        self._site = site
        self._batch = one_of("rates.batch", told["batch"], ("whole", "entries", "poisoned"))
        self._windows: dict[tuple[int, str], _Window] = {}

    def clear(self) -> None:
        """Nobody used anything."""
        self._windows.clear()

    def around(self, channel: Channel, stages: Mapping[str, Stage]) -> Mapping[str, Stage]:
        """The stages of a channel, with its budgets asked after the client is known."""
        mine = [(place, one) for place, one in enumerate(self.budgets) if channel in one.of]
        if not mine:
            return stages
        authorise, name, render = stages["authorise"], stages["name_interaction"], stages["render"]
        named = [one for one in mine if one[1].named]
        others = [one for one in mine if not one[1].named]

        def counted(exchange: Exchange) -> None:
            authorise(exchange)
            self._count(exchange, others)

        def counted_by_name(exchange: Exchange) -> None:
            name(exchange)
            self._count(exchange, named)

        def told(exchange: Exchange) -> None:
            assert exchange.reply is not None
            exchange.reply.headers.extend(exchange.notes.get("rates", ()))
            spoiled = exchange.notes.get("refused_for_rate", {})
            if spoiled.get("retry_after"):
                exchange.reply.headers.append(("Retry-After", spoiled["retry_after"]))
            render(exchange)

        return {**stages, "authorise": counted, "name_interaction": counted_by_name, "render": told}

    def admit_entry(self, entry: Exchange, bundle: Exchange) -> Problem | None:
        """What stands against an entry of a Bundle, where each counts for itself."""
        mine = [(place, one) for place, one in enumerate(self.budgets) if "fhir" in one.of]
        if self._batch == "whole" or not mine:
            return None
        spoiled: dict[str, str] | None = bundle.notes.get("refused_for_rate")
        if spoiled is None or self._batch != "poisoned":
            self._count(entry, mine, bundle)
            if not isinstance(entry.result, Problem):
                return None
            spoiled = {"text": entry.result.text, "retry_after": entry.result.retry_after}
            bundle.notes["refused_for_rate"] = spoiled
        return Problem(429, "rate-limited", spoiled["text"], retry_after=spoiled["retry_after"])

    def _count(self, exchange: Exchange, mine: list[tuple[int, Budget]], asker: Exchange | None = None) -> None:
        now = self._site.clock.now()
        tightest: tuple[float, Budget, int, int, float] | None = None
        for place, budget in mine:
            if not budget.covers(exchange):
                continue
            window = self._window(place, budget, self._whose(asker or exchange, budget), now)
            window.used += 1
            limit = budget.limit_at(now)
            left, ends = limit - window.used, window.begins + budget.window
            if left < 0 and not isinstance(exchange.result, Problem):
                exchange.result = _refusal(budget, now, ends)
            if tightest is None or left / limit < tightest[0]:
                tightest = left / limit, budget, limit, max(0, left), ends - now
        if tightest is not None and self._headers:
            exchange.notes["rates"] = self._told(*tightest[1:])

    def _whose(self, exchange: Exchange, budget: Budget) -> str:
        if budget.per == "site":
            return ""
        return exchange.peer if budget.per == "peer" else self._site.claimant(exchange) or exchange.peer

    def _window(self, place: int, budget: Budget, whose: str, now: float) -> _Window:
        found = self._windows.get((place, whose))
        if found is None or now >= found.begins + budget.window:
            if len(self._windows) >= KEPT:
                self._windows = {
                    key: one for key, one in self._windows.items() if now < one.begins + self.budgets[key[0]].window
                }
            found = self._windows[place, whose] = _Window(budget.starts(now))
        return found

    def _told(self, budget: Budget, limit: int, left: int, seconds: float) -> list[tuple[str, str]]:
        names = {
            "limit": limit,
            "remaining": left,
            "reset": math.ceil(seconds),
            "window": f"{budget.window:g}",
        }
        return [(header, text.format_map(names)) for header, text in self._headers.items()]


def _refusal(budget: Budget, now: float, ends: float) -> Problem:
    seconds = max(1, math.ceil(ends - now))
    told = {"": "", "seconds": str(seconds), "date": http_date(now + seconds)}[budget.wait]
    text = budget.text.replace("{seconds}", str(seconds))
    return Problem(429, "rate-limited", text, retry_after=told, value=budget.name)


def _budget(told: Any) -> Budget:
    known = Budget.__dataclass_fields__
    for name in told if isinstance(told, Mapping) else ():
        if name not in known:
            near = ", ".join(nearest_names(str(name), known))
            raise ConfigError(f"A budget of rates.budgets has no {name!r}.", nearest=near)
    numbers = [told.get(name) for name in ("limit", "window")] if isinstance(told, Mapping) else [None]
    if any(isinstance(one, bool) or not isinstance(one, (int, float)) for one in numbers):
        what = f"A budget of rates.budgets is {told!r}, without a limit and a window in numbers."
        raise ConfigError(what, remedy="Write it like {limit: 100, window: 60}: so many requests in so many seconds.")
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Budget(**given)
