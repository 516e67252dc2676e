"""Charts of 50 000 observations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import category, loinc, meta, unit
from mockehr.population.chart.times import HOUR, instant_text
from mockehr.population.corruption.base import Added, corruption
from mockehr.population.corruption.reworking import seconds_of

MOST: Final = 60_000
"""Observations at most: a chart numbers 65 536 records."""
SIGNS: Final = (
    # LOINC code, name of US Core's profile, UCUM unit, usual value, deviation, lowest and highest
    ("8867-4", "us-core-heart-rate", "/min", 76.0, 9.0, 42, 150),
    ("59408-5", "us-core-pulse-oximetry", "%", 97.0, 1.1, 86, 100),
    ("9279-1", "us-core-respiratory-rate", "/min", 16.0, 2.0, 8, 34),
)


@corruption("long-charts", ledger=("E10",))
@dataclass(frozen=True, slots=True)
class LongCharts:
    """Some patients have tens of thousands of observations.

    What the client sees: a patient monitored at home for two years: heart rate, oxygen saturation and respiratory
    rate every hour, 50 000 Observations besides the usual chart, hundreds of pages for one `patient=` search. They
    are true. Coping: page through, with bounded memory, going on where it stopped; ask by category and date; store
    as it reads. A client that takes the first page for all, holds a chart in memory, or gives a patient a fixed
    time, is found out.

    Seen smaller: 1,623 Conditions in one list at Oracle Health's sandbox (the-map; vendors-epic-oracle.md B11), over
    a thousand vital signs at Epic's (A12). No chart of this size is on record; it is what three values an hour make
    in two years.

    `observations` for `rate` of the patients.
    """

    rate: float = 0.001
    observations: int = 50_000

    def __post_init__(self) -> None:
        if not 0 <= self.observations <= MOST:
            what = f"long-charts: observations is {self.observations}; it must be from 0 to {MOST}."
            raise ConfigError(what, remedy="Write a number, as in observations: 50000.")

    def applies(self, person: Any) -> bool:
        """Anybody may be monitored."""
        return True

    def grow(self, chart: Sequence[JSON], dice: Stream) -> Iterator[Added]:
        """The observations in the order of their times, ending with the last visit of the chart."""
        patient, visits = chart[0], [one for one in chart if one["resourceType"] == "Encounter"]
        steps = -(-self.observations // len(SIGNS))
        end = max((seconds_of(one["period"]["start"]) for one in visits), default=seconds_of(patient["birthDate"]))
        born = seconds_of(patient["birthDate"])
        between = min(HOUR, max(60.0, (end - born) / (steps + 1)))
        subject = {"reference": f"Patient/{patient['id']}"}
        vitals = category("observation-category", "vital-signs", "Vital Signs")
        levels = [dice.normal(usual, spread) for _, _, _, usual, spread, _, _ in SIGNS]
        for number in range(self.observations):
            step, which = divmod(number, len(SIGNS))
            code, profile, ucum, usual, spread, low, high = SIGNS[which]
            # A level that wanders, and is drawn back to what is usual.
            levels[which] += 0.1 * (usual - levels[which]) + dice.uniform(-0.5, 0.5) * spread
            at = end - (steps - step) * between
            when = instant_text(at)
            yield (
                {
                    "resourceType": "Observation",
                    "meta": meta(profile),
                    "status": "final",
                    "category": vitals,
                    "code": loinc(code),
                    "subject": subject,
                    "effectiveDateTime": when,
                    "issued": when,
                    "valueQuantity": {"value": min(high, max(low, round(levels[which])))} | unit(ucum),
                },
                at,
            )
