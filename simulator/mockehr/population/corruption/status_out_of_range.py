"""Statuses in an older system's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

OLDER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Observation": ("F", "Final", "C", "VERIFIED"),
        "DiagnosticReport": ("F", "Complete", "A"),
        "MedicationRequest": ("Active", "DC", "Ordered"),
        "Immunization": ("CP", "Completed", "Given"),
        "Encounter": ("Discharged", "DISCH", "Closed"),
        "Procedure": ("Done", "CM"),
    }
)
"""What stands in `status` instead: HL7 v2 codes, and words of applications."""


@corruption("status-out-of-range", ledger=("E7",))
@dataclass(frozen=True, slots=True)
class StatusOutOfRange:
    """Some records have a `status` that FHIR does not know.

    What the client sees: `F`, `Complete`, `DC` or `DISCH` in place of `final`, `completed`, `stopped` or `finished`:
    codes of HL7 v2 (tables 0038, 0085, 0123, 0322) and words of the old application, mapped by nobody. A search by
    `status` does not find them. Coping: keep the text, take the record for one of unknown status, show it as such,
    never as entered in error or as active; an enumeration in a generated model refuses the whole answer.

    Seen: No FHIR record with such a status is known; athenahealth's own API has `f`, `x` and `2` for states of
    appointments (vendors-others.md 1.7). Conversions are the ledger's (E7).

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.1
    share: float = 0.05

    def applies(self, person: Any) -> bool:
        """Everybody has a record with a status."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those statuses."""
        return reworked(chart, tuple(OLDER), _unmapped, dice, self.share)


def _unmapped(resource: JSON, dice: Stream) -> JSON | None:
    if not isinstance(resource.get("status"), str):
        return None
    return resource | {"status": dice.choice(OLDER[resource["resourceType"]])}
