"""Codes that their owners have withdrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import CVX
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.icd_9_beside_icd_10 import ICD10_SYSTEMS
from mockehr.population.corruption.reworking import codings, reworked

RETIRED: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        # ICD-10-CM: parents that were billable until their children came, on October 1 of 2016 (E78.0), 2020 (N18.3)
        ICD10_SYSTEMS[0]: MappingProxyType(
            {"E78.00": "E78.0", "N18.30": "N18.3", "N18.31": "N18.3", "N18.32": "N18.3"}
        ),
        # CVX: inactive, "unspecified formulation", which registries accept for history only
        CVX: MappingProxyType(
            {
                "08": "45", "20": "107", "10": "89", "49": "17", "133": "109", "83": "85", "165": "137", "114": "108",
                "150": "88", "197": "88", "140": "88", "135": "88",
            }
        ),
    }
)  # fmt: skip
"""By system: codes in use, and what was used in their place."""
KINDS: Final = MappingProxyType({"Condition": "code", "Immunization": "vaccineCode"})


@corruption("retired-codes", ledger=("E4",))
@dataclass(frozen=True, slots=True)
class RetiredCodes:
    """Some vaccinations and diagnoses carry a code that is no longer valid.

    What the client sees: CVX 88 or 107 ("unspecified formulation", inactive), ICD-10-CM E78.0 or N18.3 (no longer
    billable since it was divided); the `text` is as ever. Coping: validate a code against the edition of the record's
    date, keep the record, and map it for today's use; a validator that knows this year's codes only refuses history.

    Seen: No count is on record; it follows for records that are older than a code system's last edition (CDC, CVX
    table, status Inactive; ICD-10-CM addenda of the fiscal years 2017 and 2021).

    `share` of the records of `rate` of the patients that have a retired counterpart.
    """

    rate: float = 0.2
    share: float = 0.5

    def applies(self, person: Any) -> bool:
        """Nearly everybody was vaccinated."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those codes instead."""
        return reworked(chart, tuple(KINDS), _as_once, dice, self.share)


def _as_once(resource: JSON, dice: Stream) -> JSON | None:
    name = KINDS[resource["resourceType"]]
    for one in codings(resource.get(name)):
        system = ICD10_SYSTEMS[0] if one.get("system") in ICD10_SYSTEMS else one.get("system", "")
        old = RETIRED.get(system, {}).get(str(one.get("code", "")))
        if old is not None:
            return resource | {name: resource[name] | {"coding": [{"system": one["system"], "code": old}]}}
    return None
