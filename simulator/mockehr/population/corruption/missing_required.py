"""Records without what every such record has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Observation": ("status", "code"),
        "DiagnosticReport": ("status", "code"),
        "Encounter": ("status", "class"),
        "MedicationRequest": ("status", "intent"),
        "Immunization": ("status", "vaccineCode"),
        "Procedure": ("status",),
        "DocumentReference": ("status", "content"),
        "Coverage": ("status", "payor"),
    }
)
"""Elements that R4 requires. Whose record it is stays: without, no server would know where to file it."""


@corruption("missing-required", ledger=("E6",))
@dataclass(frozen=True, slots=True)
class MissingRequired:
    """Some records lack an element that FHIR requires.

    What the client sees: an Observation without `status` or `code`, an Encounter without `class`, a
    DocumentReference without `content` (all of cardinality 1..1 or 1..* in R4). Coping: keep the record with what it
    has, show that the rest is unknown, or set it aside; `record["status"]` raises, and a model with required fields
    refuses the whole page.

    Seen at NextGen, whose OperationOutcomes lack `issue.code` (vendors-others.md 4.1), and at Epic, where diagnoses
    of encounters may lack `clinicalStatus` (vendors-epic-oracle.md A2.5); results without `status` are not on record.
    US Core 6.1.0 asks for data-absent-reason there (general guidance, Missing Data).

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.1
    share: float = 0.05

    def applies(self, person: Any) -> bool:
        """Everybody has a record."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those records short of one element."""
        return reworked(chart, tuple(REQUIRED), _short, dice, self.share)


def _short(resource: JSON, dice: Stream) -> JSON | None:
    present = [name for name in REQUIRED[resource["resourceType"]] if name in resource]
    if not present:
        return None
    gone = dice.choice(present)
    return {name: value for name, value in resource.items() if name != gone}
