"""Time passes."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self

from pydantic import model_validator

from mockehr.pathways.act import Act, seconds_of
from mockehr.pathways.scalars import Span
from mockehr.pathways.step import Step
from mockehr.pathways.steps.reschedule import booked
from mockehr.population.chart.times import DAY, HOUR

_OPENS: Final = 14 * HOUR
_CLOSES: Final = 22 * HOUR
"""Consulting hours in UTC, as `mockehr.population.chart.times.on_a_weekday` has them."""
_LATE: Final = 30 * 60.0
"""How long before an appointment somebody comes at most."""


class Delay(Step):
    """`- delay: 20m`, `- delay: {from: 30m, to: 2h}`, or `- delay: {until: consulting-hours}`."""

    NAME: ClassVar[str] = "delay"
    SHORT: ClassVar[str] = "time"

    time: Span | None = None
    until: str = ""
    """`daytime`; `consulting-hours`, which is daytime of a weekday; or the name of an appointment: some minutes
    before it begins."""

    @classmethod
    def expand(cls, value: Any) -> Any:
        """The bounds may stand in the step itself."""
        if not isinstance(value, dict) or "time" in value or "until" in value:
            return super().expand(value)
        bounds = {name: value[name] for name in value if name in ("from", "to")}
        return {"time": bounds, **{name: value[name] for name in value if name not in bounds}}

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.time is None) == (not self.until):
            raise ValueError("say how long (`from` and `to`), or `until` when")
        return self

    def run(self, act: Act) -> None:
        """Nothing else."""
        act.pause(self._until(act) if self.time is None else self.time.draw(act.stream))

    def _until(self, act: Act) -> float:
        if self.until in ("daytime", "consulting-hours"):
            return _till_open(act, weekday=self.until == "consulting-hours")
        begins = seconds_of(act.clean(booked(act, self.until))["start"])
        return max(0.0, begins - act.at - act.stream.uniform(0.0, _LATE))


def _till_open(act: Act, *, weekday: bool) -> float:
    """Seconds; 0 if it is open now."""
    hour, day = act.at % DAY, act.at // DAY
    closed = weekday and (day + 3) % 7 > 4
    if _OPENS <= hour < _CLOSES and not closed:
        return 0.0
    day += hour >= _CLOSES
    while weekday and (day + 3) % 7 > 4:
        day += 1
    return float(day * DAY + act.stream.uniform(_OPENS, _CLOSES) - act.at)
