"""Results that are there twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.times import MINUTE
from mockehr.population.corruption.base import Added, corruption
from mockehr.population.corruption.reworking import is_laboratory, seconds_of


@corruption("duplicate-results", ledger=("E5",), coping="repair")
@dataclass(frozen=True, slots=True)
class DuplicateResults:
    """Some laboratory results are filed twice, under two ids.

    What the client sees: two Observations alike in everything but `id` and `meta`: the same patient, code, time,
    specimen and value. The report names one of them. Coping: know a result by what it says (patient, code, effective
    time, value, and the filler's number where there is one), not by its id alone, and keep one; trends and counts
    come out wrong otherwise.

    Seen where every message repeats all earlier results (hl7v2.md B9, R16), where a correction is filed as one more
    result (R13; CDCgov/prime-reportstream#4551), and in export files of Oracle Health (Cumulus;
    vendors-epic-oracle.md B8).

    `share` of the laboratory results of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Who was in the laboratory shows only in the chart."""
        return True

    def double(self, chart: Sequence[JSON], dice: Stream) -> Iterator[Added]:
        """A second copy of each of those results, filed a few minutes after the first."""
        results = [one for one in chart if one["resourceType"] == "Observation" and is_laboratory(one)]
        chosen = [one for one in results if dice.chance(self.share)] or results[:1]
        for one in chosen:
            at = seconds_of(str(one["issued"])) + dice.between(2, 90) * MINUTE
            yield {name: value for name, value in one.items() if name != "id"}, at
