"""Dates of which only the month or the year is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.redating import redated
from mockehr.population.corruption.reworking import reworked

KINDS: Final = ("Condition", "AllergyIntolerance", "Immunization", "Procedure", "FamilyMemberHistory")
NAMES: Final = ("onsetDateTime", "abatementDateTime", "occurrenceDateTime", "performedDateTime")


@corruption("partial-dates", ledger=("E3",))
@dataclass(frozen=True, slots=True)
class PartialDates:
    """Of some diagnoses, vaccinations and procedures only the month or the year is known, and that is the truth.

    What the client sees: `"onsetDateTime": "2019-03"` or `"2019"`: a FHIR dateTime may stop after the year or the
    month (R4, datatypes#dateTime). Coping: keep the text, and take it for the span that it is when comparing; who
    fills in January or the first says something that nobody said, who demands a day loses the record.

    Seen at MEDITECH (`"onsetDateTime": "1972"`; vendors-others.md 2.2) and in HL7 v2 (`1986`, `198607`; hl7v2.md B5,
    D04; muccg/rdrf#1995).

    `share` of those records of `rate` of the patients.
    """

    rate: float = 0.3
    share: float = 0.3

    def applies(self, person: Any) -> bool:
        """Whether something is dated shows only in the chart."""
        return True

    def be(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those dates cut after the month or the year."""
        return reworked(chart, KINDS, _cut, dice, self.share)


def _cut(resource: JSON, dice: Stream) -> JSON | None:
    length = dice.weighted((7, 4), (2, 1))
    return redated(resource, NAMES, lambda text: text[:length] if len(text) > length else None)
