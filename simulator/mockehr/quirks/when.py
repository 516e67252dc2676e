"""When a rule fires, among the exchanges that it is for.

`probability` draws from the rule's own stream under the exchange's key, so it does not depend on the order of
arrival. `every`, `first`, `skip` and `at_most` count the exchanges that the rule was for, in order of arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mockehr.core.clock import duration
from mockehr.core.errors import ConfigError
from mockehr.quirks.where import refuse_unknown


@dataclass(frozen=True, slots=True)
class When:
    """When a rule fires. All conditions must hold; the default is always.

    `probability` in 0..1; `skip` lets that many pass first; `first` fires only on the first n after those; `every`
    fires on each n-th; `at_most` bounds the firings; `window` is (from, to) in seconds after the rule was armed;
    `phase` names a scenario's phase.
    """

    probability: float = 1.0
    first: int = 0
    every: int = 0
    skip: int = 0
    at_most: int = 0
    window: tuple[float, float] | None = None
    phase: str = ""

    def refusal(self, *, seen: int, fired: int, draw: float, since_armed: float, phase: str) -> str:
        """Why the rule does not fire, or the empty string. `seen` counts from 1 and includes this exchange."""
        if self.phase and self.phase != phase:
            return f"phase is {phase or 'none'}, not {self.phase}"
        if self.window is not None and not self.window[0] <= since_armed < self.window[1]:
            return f"{since_armed:g} s after arming is outside {self.window[0]:g} to {self.window[1]:g} s"
        if seen <= self.skip:
            return f"skips the first {self.skip}, this is number {seen}"
        turn = seen - self.skip
        if self.first and turn > self.first:
            return f"only the first {self.first}, this is number {turn}"
        if self.every and turn % self.every:
            return f"every {self.every}th, this is number {turn}"
        if self.at_most and fired >= self.at_most:
            return f"fired {fired} times already"
        if draw >= self.probability:
            return f"drew {draw:.4f}, wanted less than {self.probability:g}"
        return ""


def when_from(settings: Mapping[str, Any]) -> When:
    """A When from plain settings; `after: 30s` is short for a window that opens then. Raises ConfigError."""
    refuse_unknown("when", settings, [item.name for item in fields(When)] + ["after"])
    given = dict(settings)
    after = given.pop("after", None)
    problems = []
    try:
        edges = given.pop("window", None) or ()
        if not isinstance(edges, list | tuple) or len(edges) not in (0, 2):
            problems.append("when.window wants two durations, from and to, as in [10s, 5m]")
            edges = ()
        window = tuple(duration(edge) for edge in edges)
        opens = duration(after) if after is not None else None
        probability = float(given.pop("probability", 1.0))
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError("when does not hold.", [str(error)]) from error
    if not 0 <= probability <= 1:
        problems.append(f"when.probability is {probability:g}; it must lie in 0..1")
    counts = {key: given[key] for key in ("first", "every", "skip", "at_most") if key in given}
    problems += [
        f"when.{key} is {value!r}; it must be a whole number from 0"
        for key, value in counts.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < 0
    ]
    if problems:
        raise ConfigError("when does not hold.", problems)
    span = (window[0], window[1]) if window else None
    if opens is not None:
        span = (max(opens, span[0] if span else 0.0), span[1] if span else float("inf"))
    return When(probability=probability, window=span, phase=str(given.get("phase", "")), **counts)
