"""Values of which only the reason is there why they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {"unknown": "Unknown", "masked": "Masked", "not-performed": "Not Performed", "error": "Error"}
)
SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
DATED: Final[Mapping[str, str]] = MappingProxyType(
    {"Condition": "onsetDateTime", "MedicationRequest": "authoredOn", "Immunization": "occurrenceDateTime"}
)


@corruption("data-absent-reason", ledger=("E6",))
@dataclass(frozen=True, slots=True)
class DataAbsentReason:
    """Some results and dates are missing, and say why.

    What the client sees: an Observation with `dataAbsentReason` and no `value[x]`; a record with `_onsetDateTime`,
    which has only the extension data-absent-reason, and no `onsetDateTime`. Both are valid FHIR (obs-6; US Core,
    general guidance on missing data). Coping: keep the record with its reason, and never take a missing value for
    0 or for today; `record["valueQuantity"]` raises.

    Seen at eClinicalWorks (`_performedDateTime`, `_lotNumber`; vendors-others.md 3.2), Oracle Health (name and
    identifiers of merged patients; vendors-epic-oracle.md B2.5) and Epic (`_family` of Practitioners, A2.5). US Core
    6.1.0 asks for it (general guidance, Missing Data).

    `share` of the results and dated records of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.05

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those values left out."""
        return reworked(chart, ("Observation", *DATED), _absent, dice, self.share)


def _absent(resource: JSON, dice: Stream) -> JSON | None:
    code = dice.choice(tuple(REASONS))
    if resource["resourceType"] == "Observation":
        valued = [name for name in resource if name.startswith("value")]
        if not valued:
            return None
        reason = {"coding": [{"system": SYSTEM, "code": code, "display": REASONS[code]}], "text": REASONS[code]}
        kept = {name: value for name, value in resource.items() if name not in valued}
        return kept | {"dataAbsentReason": reason}
    gone = DATED[resource["resourceType"]]
    if gone not in resource:
        return None
    told = {f"_{gone}": {"extension": [{"url": EXTENSION, "valueCode": code}]}}
    return {name: value for name, value in resource.items() if name != gone} | told
