"""Results of the next century."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.redating import redated
from mockehr.population.corruption.reworking import reworked

KINDS: Final = ("Observation", "Immunization", "Procedure", "Encounter")
NAMES: Final = ("effectiveDateTime", "occurrenceDateTime", "performedDateTime", "performedPeriod", "period")


@corruption("future-dates", ledger=("E3",), coping="repair")
@dataclass(frozen=True, slots=True)
class FutureDates:
    """Some results, vaccinations and visits lie a hundred years ahead.

    What the client sees: `"effectiveDateTime": "2124-03-01T14:15:00Z"` on a final result, with `issued` and
    `meta.lastUpdated` of 2024. Coping: set such a record aside for a person, since what is over cannot lie ahead, or
    put the century right where other dates of the record say which. Kept, it is the latest result for ever, and hides
    every true one from whoever asks for the newest.

    Seen at Oracle Health: 2099-07-07 in its sandbox (the-map; vendors-epic-oracle.md B2.3, B11). How it came there is
    not told; a mistyped century does it, and a wrong window for years of two digits.

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.05

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those dates."""
        return reworked(chart, KINDS, _ahead, dice, self.share)


def _ahead(resource: JSON, dice: Stream) -> JSON | None:
    def later(text: str) -> str | None:
        year = text[:4]
        if not year.isdigit() or text[4:10] == "-02-29":  # which 2100 has not
            return None
        return f"{int(year) + 100}{text[4:]}"

    return redated(resource, NAMES, later)
