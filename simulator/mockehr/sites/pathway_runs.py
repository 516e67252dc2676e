"""The pathways of one site: drawn by share at a rate, or started by hand, and what became of each run."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Final

from mockehr.config.document import Document
from mockehr.config.explain import validate
from mockehr.core.clock import instant
from mockehr.core.errors import ConfigError, DuplicateName, UnknownName, UsageError
from mockehr.pathways.beds import Beds, Full, share_out
from mockehr.pathways.person import PersonConfig
from mockehr.pathways.player import Player, Status
from mockehr.pathways.scalars import text_of_rate
from mockehr.pathways.schema import Pathway
from mockehr.pathways.shipped import shipped_files, shipped_pathway
from mockehr.sites.hospital import SiteHospital
from mockehr.sites.site import Site

BEDS: Final = 200
"""Beds of a hospital that says nothing of them."""
KEPT: Final = 500
"""How many runs that are over are remembered."""


@dataclass(frozen=True, slots=True)
class Over:
    """A run that is over."""

    number: int
    pathway: str
    status: Status
    began: float
    over: float
    steps: int
    patients: tuple[str, ...]
    error: str = ""


class PathwayRuns:
    """All runs of one site. Nothing is made before the first one, so that a site without pathways pays nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.pathways: dict[str, Pathway] = {}
        self.rate = 0.0
        """Arrivals a second."""
        self.sizes = share_out(BEDS, {})
        self.full: Full = "hallway"
        self.running: dict[int, Player] = {}
        self.over: deque[Over] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        """Runs by status, of all time."""
        self._hospital: SiteHospital | None = None
        self._number = 0
        self._arrivals = 0
        self._drawn: list[str] = []
        self._cancel: Callable[[], None] = lambda: None

    @property
    def hospital(self) -> SiteHospital:
        """Where they run."""
        if self._hospital is None:
            self._hospital = SiteHospital(self._site, Beds(self.sizes, self.full))
        return self._hospital

    def furnish(self, sizes: Mapping[str, int], full: Full) -> None:
        """Beds by ward, and what becomes of patients without one. Raises UsageError once somebody is in."""
        if self._number:
            raise UsageError("Patients are in already: beds are counted before the first one comes.")
        self.sizes, self.full, self._hospital = dict(sizes), full, None

    def add(self, pathway: Pathway) -> None:
        """Know one more pathway; raises DuplicateName if another has its name."""
        present = self.pathways.get(pathway.name)
        if present is not None and present != pathway:
            raise DuplicateName("pathway", pathway.name, present.title, pathway.title)
        self.pathways[pathway.name] = pathway

    def draw_at(self, per_second: float, names: list[str] | None = None) -> None:
        """Let patients arrive at that rate (0: none), by the pathways of those names (all), by their shares."""
        if names is not None:
            for name in names:
                self.add(self._named(name))
            self._drawn = list(names)
        if per_second and not any(self.pathways[name].share for name in self._names()):
            raise UsageError(
                "There is no pathway that could be drawn.", remedy="Give `use: all`, or names of pathways."
            )
        self._cancel()
        self.rate = per_second
        if per_second:
            self._await_arrival()

    def start(self, name: str, *, patient: str = "", persons: Mapping[str, Mapping[str, Any]] | None = None) -> int:
        """Start a run now; returns its number.

        `patient` is the id of whom the first person is to be, `persons` what else is told of persons, by their names.
        Raises UnknownName, also for a patient that nobody has, and ConfigError for what no person can be.
        """
        pathway = self._named(name)
        if patient:
            self.hospital.named_patient(patient)
        wishes = {who: self._wish(pathway, who, told) for who, told in (persons or {}).items()}
        return self._start(pathway, patient, wishes).number

    def stop(self, number: int) -> None:
        """Let nothing more happen in a run; raises UsageError for one that is not under way."""
        player = self.running.get(number)
        if player is None:
            raise UsageError(
                f"No run {number} is under way.",
                nearest=f"under way: {', '.join(map(str, self.running)) or 'none'}",
                remedy="Look at mockehr pathway runs SITE --brief.",
            )
        player.stop()

    def reset(self) -> None:
        """No run ever was. Arrivals begin anew; the clock was cleared before."""
        self.running.clear()
        self.over.clear()
        self.counts.clear()
        self._number = self._arrivals = 0
        if self._hospital is not None:
            self._hospital.clear()
        if self.rate:
            self._await_arrival()

    def report(self) -> dict[str, Any]:
        """Runs, beds and the rate, as the control API shows them."""
        beds = self.hospital.beds
        return {
            "rate": text_of_rate(self.rate),
            "arrived": self._number,
            "running": [self._running(player) for player in self.running.values()],
            "over": [_over(one) for one in self.over],
            "counts": dict(sorted(self.counts.items())),
            "beds": {ward: {"beds": size, "taken": beds.occupied()[ward]} for ward, size in self.sizes.items()},
            "waiting": beds.waiting(),
        }

    def _names(self) -> list[str]:
        return self._drawn or sorted(self.pathways)

    def _named(self, name: str) -> Pathway:
        found = self.pathways.get(name)
        if found is None and name in shipped_files():
            return shipped_pathway(name)
        if found is None:
            raise UnknownName("pathway", name, {**shipped_files(), **self.pathways}, reference="mockehr pathway list")
        return found

    def _wish(self, pathway: Pathway, who: str, told: Mapping[str, Any]) -> PersonConfig:
        if who not in pathway.persons:
            raise UnknownName(f"person of {pathway.name}", who, pathway.persons)
        if not isinstance(told, Mapping):
            raise ConfigError(f"{who} is told by settings.", [f"{who}: {told!r} is no object"])
        texts = {key: str(value) if isinstance(value, int) and key != "age" else value for key, value in told.items()}
        plain = pathway.persons[who].plain() | texts
        return validate(PersonConfig, Document(who, plain))

    def _start(self, pathway: Pathway, patient: str, wishes: Mapping[str, PersonConfig]) -> Player:
        self._number += 1
        player = Player(pathway, self.hospital, self._number, patient=patient, persons=wishes, ended=self._end)
        self.running[player.number] = player
        player.start()
        return player

    def _end(self, player: Player) -> None:
        self.running.pop(player.number, None)
        self.counts[player.status] += 1
        name, told = player.pathway.name, self._patients(player)
        times = player.began, player.over
        self.over.append(Over(player.number, name, player.status, *times, player.taken, told, player.error))

    def _patients(self, player: Player) -> tuple[str, ...]:
        """Ids as the site shows them."""
        keys = [one.patient for one in player.persons.values() if one.patient]
        return tuple(self.hospital.shown_id(key.partition("/")[2]) for key in keys)

    def _running(self, player: Player) -> dict[str, Any]:
        return {
            "number": player.number,
            "pathway": player.pathway.name,
            "began": instant(player.began),
            "steps": player.taken,
            "patients": list(self._patients(player)),
        }

    def _await_arrival(self) -> None:
        self._arrivals += 1
        stream = self.hospital.stream("pathways", "arrival", self._arrivals)
        wait = -log(1.0 - stream.random()) / self.rate
        names = self._names()
        name = stream.weighted(names, [self.pathways[one].share for one in names])

        def arrive() -> None:
            self._await_arrival()
            self._start(self.pathways[name], "", {})

        now = self._site.clock.now()
        self._cancel = self._site.clock.schedule(now + wait, arrive, f"arrival {self._arrivals}")


def _over(one: Over) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "number": one.number,
        "pathway": one.pathway,
        "status": one.status,
        "began": instant(one.began),
        "over": instant(one.over),
        "steps": one.steps,
        "patients": list(one.patients),
    }
    return shown | ({"error": one.error} if one.error else {})
