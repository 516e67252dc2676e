"""Times of which nobody says where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.redating import CLINICAL, redated
from mockehr.population.corruption.reworking import reworked

KINDS: Final = ("Observation", "MedicationRequest", "Encounter", "Procedure", "DiagnosticReport", "DocumentReference")


@corruption("missing-time-zones", ledger=("E3",))
@dataclass(frozen=True, slots=True)
class MissingTimeZones:
    """Some times are those of a clock on the wall, without a time zone.

    What the client sees: `"effectiveDateTime": "2024-03-01T08:15:00"`, where FHIR wants an offset as soon as there
    are hours (R4, datatypes#dateTime). Coping: keep the text, or take it by the clock of the site (`hours` from UTC,
    in summer, too) and say so; who takes it for UTC is hours off, who compares it with a time that has a zone gets
    an exception, and a strict parser loses the record.

    Seen in converters from HL7 v2 (LinuxForHealth/hl7v2-fhir-converter#55) and C-CDA
    (chaseastewart/fhir-converter#2), whose time stamps seldom have zones, and in a server that kept what it was sent
    (FirelyTeam/spark#69).

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.3
    hours: float = -6.0

    def __post_init__(self) -> None:
        if not -14 <= self.hours <= 14:
            raise ConfigError(f"missing-time-zones: hours is {self.hours:g}; it must be from -14 to 14.")

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those times as the clock of the site shows them."""
        wall = timezone(timedelta(hours=self.hours))

        def by_the_wall(text: str) -> str | None:
            try:
                at = datetime.fromisoformat(text)
            except ValueError:  # another corruption was here first
                return None
            return None if at.tzinfo is None else f"{at.astimezone(wall):%Y-%m-%dT%H:%M:%S}"

        return reworked(chart, KINDS, lambda one, _: redated(one, CLINICAL, by_the_wall), dice, self.share)
