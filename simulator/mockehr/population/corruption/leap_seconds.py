"""The sixty-first second of a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.redating import CLINICAL, redated
from mockehr.population.corruption.reworking import reworked

KINDS: Final = ("Observation", "Encounter", "MedicationRequest", "DiagnosticReport", "Procedure")


@corruption("leap-seconds", ledger=("E3",))
@dataclass(frozen=True, slots=True)
class LeapSeconds:
    """Some times have the second 60.

    What the client sees: `2016-12-31T23:59:60Z`, or `T08:14:60Z` from devices that round up. FHIR allows it for leap
    seconds (R4, datatypes#dateTime and #instant); POSIX clocks take it for the first second of the next minute, and
    so does this site. Coping: keep the text, or read it as the next minute; `datetime.fromisoformat`, `java.time`
    and Go's `time.Parse` refuse it, and with it the record or the page.

    Seen: No server on record sends one. Readers that cannot take it are: ethlo/itu#4 (java.time),
    dotnet/runtime#30135 (System.Text.Json).

    `share` of the records of `rate` of the patients whose times are full minutes.
    """

    rate: float = 0.05
    share: float = 0.02

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those times a second earlier, and a second longer."""
        return reworked(chart, KINDS, lambda one, _: redated(one, CLINICAL, _leaping), dice, self.share)


def _leaping(text: str) -> str | None:
    if text[10:11] != "T" or text[16:19] != ":00":
        return None
    before = datetime.fromisoformat(text[:19]) - timedelta(minutes=1)
    return f"{before:%Y-%m-%dT%H:%M}:60{text[19:]}"
