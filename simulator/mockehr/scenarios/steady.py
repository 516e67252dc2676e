"""What holds while all is well: conditions that are measured before, during and after the phases of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mockehr.config.scalars import Names
from mockehr.config.settings import Section
from mockehr.core.exchange import Exchange
from mockehr.quirks.where import Where, where_from
from mockehr.scenarios.phases import LikeSection, known_probe
from mockehr.scenarios.probe import Case, Evidence, Finding
from mockehr.scenarios.probes import probes
from mockehr.scenarios.reading import heard, status

Measure = Literal["exchanges", "failures", "error-rate", "unanswered", "slowest"]
STEADY: Final = "steady-state"
"""Under which name the scorecard has the answer."""
LOAD: Final = "load"
"""The note of an exchange that is background load: the name of the load."""
OFTEN: Final = 100
"""Exchanges after each of which a probe is asked; later after every twentieth."""
_REFUSED: Final = frozenset(("AE", "AR", "CE", "CR"))


class SteadySection(Section):
    """One condition: a measure with bounds, or a probe that must not fail."""

    name: str = ""
    """For `rollback: {when: …}`; the measure or the probe unless told."""
    measure: Measure | None = None
    """`exchanges` and `failures` count, `error-rate` is the share of failures (an answer from 400 on, or none),
    `unanswered` counts what got none, `slowest` is the longest that an answer was held back, in seconds."""
    probe: Annotated[str, AfterValidator(lambda name: known_probe(name) if name else name)] = ""
    """Must not fail by what the client does in that time."""
    of: LikeSection = Field(default_factory=LikeSection)
    """Which exchanges are measured: those of the client under test, unless `client` names a load."""
    at_most: Annotated[float, Field(ge=0, strict=False)] | None = None
    at_least: Annotated[float, Field(ge=0, strict=False)] | None = None
    over: Annotated[int, Field(ge=0)] = 1
    """How many exchanges there must be before anything is judged."""
    during: Names = Field(default_factory=list)
    """Names of phases, `before` the first, `between` two, `after` the last; always unless told."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.measure is None) == (not self.probe):
            raise ValueError("is either a measure or a probe")
        if self.measure is not None and self.at_most is None and self.at_least is None:
            raise ValueError(f"{self.measure}: say at_most, at_least, or both")
        if self.probe and not (self.at_most is None and self.at_least is None):
            raise ValueError(f"{self.probe}: bounds are for measures; a probe passes or fails")
        return self

    @property
    def called(self) -> str:
        """Its name, or what it measures."""
        return self.name or self.measure or self.probe


@dataclass(frozen=True, slots=True)
class Like:
    """A test for exchanges, made once from what the file says."""

    where: Where
    statuses: tuple[str, ...]
    client: str

    def __call__(self, exchange: Exchange) -> bool:
        """Whether that exchange is meant. A load is known by its note, even if it was refused at the door."""
        load = exchange.notes.get(LOAD)
        if load is not None and load != self.client:
            return False
        if load is None and self.client and exchange.client != self.client:
            return False
        if self.where.difference(exchange):
            return False
        return not self.statuses or any(_fits(f"{outcome(exchange):03d}", one) for one in self.statuses)


def like(told: LikeSection) -> Like:
    """The test that a file's section describes."""
    plain = {name: value for name, value in told.plain().items() if name in WHERE and name != "client"}
    return Like(where_from(plain), tuple(told.status), told.client or "")


WHERE: Final = frozenset(Where.__dataclass_fields__)


def outcome(exchange: Exchange) -> int:
    """The status that the peer saw; 0 if it saw none."""
    return status(exchange) if exchange.direction == "out" or heard(exchange) else 0


def _fits(code: str, wanted: str) -> bool:
    return all(want in ("x", digit) for digit, want in zip(code, wanted, strict=True))


@dataclass(slots=True)
class Reading:
    """What was measured by one condition in one stretch of time."""

    count: int = 0
    bad: int = 0
    unanswered: int = 0
    slowest: float = 0.0
    first_bad: int = 0
    kept: list[Exchange] = field(default_factory=list)
    """The exchanges themselves, for probes."""

    def add(self, exchange: Exchange, *, keep: bool) -> None:
        """Take one exchange into account."""
        effects, code = exchange.effects, _code(exchange)
        delay = effects.arrival_delay + effects.reply_delay if effects is not None else 0.0
        self.count += 1
        self.unanswered += code == 0
        self.slowest = max(self.slowest, delay)
        if code == 0 or code >= 400:
            self.bad += 1
            self.first_bad = self.first_bad or exchange.number
        if keep:
            self.kept.append(exchange)


def _code(exchange: Exchange) -> int:
    """The outcome of an exchange as of HTTP: a message that was refused counts as 400."""
    if exchange.channel.startswith("mllp"):
        if exchange.notes.get("ack", "") in _REFUSED or exchange.problem is not None:
            return 400
        return 200 if exchange.reply is not None else 0
    return outcome(exchange)


_MEASURES: Final[Mapping[str, Callable[[Reading], float]]] = MappingProxyType(
    {
        "exchanges": lambda reading: float(reading.count),
        "failures": lambda reading: float(reading.bad),
        "error-rate": lambda reading: reading.bad / reading.count if reading.count else 0.0,
        "unanswered": lambda reading: float(reading.unanswered),
        "slowest": lambda reading: reading.slowest,
    }
)


class Gauge:
    """One steady condition at one site, stretch by stretch."""

    def __init__(self, told: SteadySection, site: str, client: str) -> None:
        self.told = told
        self.readings: dict[str, Reading] = {}
        self._like = like(told.of)
        self._site, self._client = site, client

    def hear(self, stretch: str, exchange: Exchange) -> bool:
        """Take in an exchange of a stretch; whether it was one that is measured."""
        if (self.told.during and stretch not in self.told.during) or not self._like(exchange):
            return False
        reading = self.readings.setdefault(stretch, Reading())
        reading.add(exchange, keep=bool(self.told.probe))
        return True

    def broken(self, stretch: str, *, over: bool) -> Evidence | None:
        """What is wrong with a stretch so far; too little (`at_least`) only when it is `over`."""
        told, reading = self.told, self.readings.get(stretch, Reading())
        if told.probe:
            return self._judged(stretch, reading) if reading.count >= max(1, told.over) else None
        assert told.measure is not None
        value = _MEASURES[told.measure](reading)
        if over and told.at_least is not None and value < told.at_least:
            return Evidence(0, f"{stretch}: {told.called} {value:g}, wanted at least {told.at_least:g}")
        if reading.count >= told.over and told.at_most is not None and value > told.at_most:
            of = f" ({reading.bad} of {reading.count})" if told.measure == "error-rate" else ""
            return Evidence(
                reading.first_bad, f"{stretch}: {told.called} {value:.3g}{of}, wanted at most {told.at_most:g}"
            )
        return None

    def broken_now(self, stretch: str) -> Evidence | None:
        """The same right after an exchange: probes, which look at all of them, are not asked after each of many."""
        seen = self.readings[stretch].count
        if self.told.probe and seen > OFTEN and seen % 20:
            return None
        return self.broken(stretch, over=False)

    def held(self, stretch: str) -> Evidence | None:
        """What was measured in a stretch that is over and held; None if there was nothing to measure."""
        told, reading = self.told, self.readings.get(stretch, Reading())
        if reading.count < max(1, told.over):
            return None
        if told.probe:
            return Evidence(0, f"{stretch}: {told.probe} did not fail")
        return Evidence(0, f"{stretch}: {told.called} {_MEASURES[str(told.measure)](reading):.3g} of {reading.count}")

    def _judged(self, stretch: str, reading: Reading) -> Evidence | None:
        finding = probes().get(self.told.probe).judge(Case(tuple(reading.kept), self._site, self._client))
        if finding.verdict != "fail":
            return None
        first = finding.evidence[0].entry if finding.evidence else 0
        return Evidence(first, f"{stretch}: {self.told.probe} failed: {finding.summary}")


def finding_of(gauges: Sequence[Gauge], stretches: Sequence[str], rolled_back: Sequence[Evidence]) -> Finding:
    """The answer for one site over all stretches that there were."""
    faults, held = list(rolled_back), []
    for stretch in stretches:
        for gauge in gauges:
            if gauge.told.during and stretch not in gauge.told.during:
                continue
            broken = gauge.broken(stretch, over=True)
            good = gauge.held(stretch) if broken is None else None
            faults += [broken] if broken is not None else []
            held += [good] if good is not None else []
    if faults:
        return Finding(STEADY, "fail", f"The steady state broke {len(faults)} times.", tuple(faults))
    if held:
        return Finding(STEADY, "pass", f"The steady state held in {len(held)} measurements.", tuple(held))
    return Finding(STEADY, "not-applicable", "Nothing happened that could be measured.")
