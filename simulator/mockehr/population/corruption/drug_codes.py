"""The same drug in RxNorm, in NDC and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import NDC, RXNORM, table
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import codings, reworked


@corruption("drug-codes", ledger=("E4",))
@dataclass(frozen=True, slots=True)
class DrugCodes:
    """One prescription names its drug by NDC, the next one in words only, the third in RxNorm.

    What the client sees: `medicationCodeableConcept` with one NDC (a package, eleven digits) and no RxNorm, or with
    a `text` and no coding at all, beside others as ever. Coping: reconcile by ingredient after mapping NDC to
    RxNorm, and keep free text for a person to look at; a list made of RxNorm alone is short of drugs.

    Seen at Epic (RxNorm without display beside GPI and First Databank; vendors-epic-oracle.md A2.5) and
    eClinicalWorks (NDC with dashes, and keys of free-text prescriptions in its write API; vendors-others.md 3.2,
    3.3). US Core 6.1.0 binds RxNorm as extensible (us-core-medicationrequest).

    `share` of the prescriptions of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.5

    def applies(self, person: Any) -> bool:
        """Who takes a drug shows only in the chart."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those MedicationRequests coded otherwise."""
        return reworked(chart, ("MedicationRequest",), _otherwise, dice, self.share)


def _otherwise(resource: JSON, dice: Stream) -> JSON | None:
    concept = resource.get("medicationCodeableConcept")
    reference = resource.get("medicationReference")
    if isinstance(concept, dict):
        text = str(concept.get("text") or next((one.get("display", "") for one in codings(concept)), ""))
    else:
        text = str(reference.get("display", "")) if isinstance(reference, dict) else ""
    if not text:
        return None
    rxnorm = next((one.get("code", "") for one in codings(concept) if one.get("system") == RXNORM), "")
    package = table("rxnorm").get(rxnorm, {}).get("ndc", "")
    shown: JSON = {"text": text}
    if package and dice.chance(0.5):
        shown = {"coding": [{"system": NDC, "code": package}]}
    kept = {name: value for name, value in resource.items() if not name.startswith("medication")}
    return kept | {"medicationCodeableConcept": shown}
