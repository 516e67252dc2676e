"""Dates that mean that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

NEVER: Final = "9999-12-31"
UNKNOWN: Final = "1900-01-01"
KINDS: Final = ("Condition", "Coverage", "CareTeam", "CarePlan", "Goal")


@corruption("placeholder-dates", ledger=("E3",), coping="repair")
@dataclass(frozen=True, slots=True)
class PlaceholderDates:
    """Where there is no date, some records have 1900-01-01 or 9999-12-31.

    What the client sees: an active problem with `"abatementDateTime": "9999-12-31"`, one of unknown beginning with
    `"onsetDateTime": "1900-01-01"`, a coverage whose `period` ends in the year 9999. Coping: read both as no date.
    Kept, they make the problem a resolved one and give the patient a disease since before birth; and 9999-12-31 in
    another time zone is no date any more in most libraries (OverflowError, OutOfBoundsDatetime).

    Seen at Oracle Health (an onset of 1900-01-01; vendors-epic-oracle.md B2.3), eClinicalWorks (`deceasedDateTime`
    1899-12-30 of somebody alive, `expirationDate` 0001-01-02; vendors-others.md 3.2) and in HL7 v2 (`99991231`;
    hl7v2.md B5, D08). SQL Server makes 1900-01-01 of an empty text, and 9999-12-31 ends a row that is in force
    (documentation of CAST, and of temporal tables).

    `share` of the records of `rate` of the patients that lack such a date.
    """

    rate: float = 0.2
    share: float = 0.5

    def applies(self, person: Any) -> bool:
        """Nearly everybody has something that lasts."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with such dates where there is none."""
        return reworked(chart, KINDS, _filled, dice, self.share)


def _filled(resource: JSON, dice: Stream) -> JSON | None:
    kind = resource["resourceType"]
    made: JSON = {}
    if kind == "Condition":
        if not any(name.startswith("onset") for name in resource):
            made["onsetDateTime"] = UNKNOWN
        if not any(name.startswith("abatement") for name in resource):
            made["abatementDateTime"] = NEVER
    elif kind == "Goal":
        made = {} if "statusDate" in resource else {"statusDate": UNKNOWN}
    else:
        period = resource.get("period", {})
        if isinstance(period, dict) and "end" not in period:
            made["period"] = period | {"end": NEVER}
    return resource | made if made else None
