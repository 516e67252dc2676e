"""ICD codes under the address of SNOMED CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import SNOMED
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.icd_9_beside_icd_10 import ICD10_SYSTEMS
from mockehr.population.corruption.reworking import codings, reworked


@corruption("wrong-system", ledger=("E4",), coping="repair")
@dataclass(frozen=True, slots=True)
class WrongSystem:
    """The code of a problem is ICD-10-CM, its `system` says SNOMED CT.

    What the client sees: `{"system": "http://snomed.info/sct", "code": "E11.9"}`. No SNOMED CT identifier has a
    letter or a point (they are numbers of 6 to 18 digits with a check digit), so the mistake can be told. Coping:
    check that a code has the form of its system; put the right one, or set the record aside. What is kept under
    SNOMED CT is found by nobody, and every value set that is computed from it lacks the patient.

    Seen: No case of this very mistake is on record. Near it come description ids of SNOMED CT in place of concept ids
    at Epic (vendors-epic-oracle.md A2.5), and the `system` `SNOMED CT` at ModMed (vendors-others.md 8).

    `share` of the problems of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.5

    def applies(self, person: Any) -> bool:
        """Everybody has a problem or an encounter's diagnosis."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those Conditions under the wrong system."""
        return reworked(chart, ("Condition",), _misfiled, dice, self.share)


def _misfiled(resource: JSON, dice: Stream) -> JSON | None:
    if not any(one.get("system") in ICD10_SYSTEMS for one in codings(resource.get("code"))):
        return None
    shown = [
        one | {"system": SNOMED} if one.get("system") in ICD10_SYSTEMS else one for one in resource["code"]["coding"]
    ]
    return resource | {"code": resource["code"] | {"coding": shown}}
