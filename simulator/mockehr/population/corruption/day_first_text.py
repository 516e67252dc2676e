"""14/03/2019 where 2019-03-14 should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.redating import CLINICAL, redated
from mockehr.population.corruption.reworking import reworked

KINDS: Final = (
    "Condition", "Procedure", "Immunization", "AllergyIntolerance", "Observation", "MedicationRequest", "Coverage",
)  # fmt: skip


@corruption("day-first-text", ledger=("E3",), coping="repair")
@dataclass(frozen=True, slots=True)
class DayFirstText:
    """Some dates are written day first, with slashes.

    What the client sees: `"onsetDateTime": "14/03/2019"`, with a time `"14/03/2019 08:15:00Z"`. Coping: read all such
    dates of a site day first, as those beyond the twelfth show that they are. A parser that guesses takes 04/03/2019
    for April and is wrong without a word, a strict one loses the record.

    Seen: No case in FHIR is on record. Dates with slashes are in vendors' own APIs (athenahealth, AdvancedMD, both
    month first; vendors-others.md 1.7, 6.1) and in HL7 v2 (hl7v2.md B5, D09).

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a date."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those dates as texts."""
        return reworked(chart, KINDS, lambda one, _: redated(one, CLINICAL, _day_first), dice, self.share)


def _day_first(text: str) -> str | None:
    if len(text) < 10 or not text[:4].isdigit():
        return None
    day = f"{text[8:10]}/{text[5:7]}/{text[:4]}"
    return f"{day} {text[11:]}" if text[10:11] == "T" else day
