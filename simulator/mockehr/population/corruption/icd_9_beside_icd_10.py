"""Old problems in ICD-9-CM, newer ones in ICD-10-CM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import ICD9, row, table
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import codings, reworked

ICD10_SYSTEMS: Final = ("http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90")


@corruption("icd-9-beside-icd-10", ledger=("E4",))
@dataclass(frozen=True, slots=True)
class Icd9BesideIcd10:
    """Some problems of a patient are coded in ICD-9-CM alone, others in ICD-10-CM.

    What the client sees: `code.coding` with the system `http://hl7.org/fhir/sid/icd-9-cm` and no coding of
    ICD-10-CM, for a diagnosis that other records of the same list have in ICD-10-CM. Coping: read the system beside
    each code, and keep a problem whose code it cannot map by its text, instead of skipping it.

    Seen at Epic and MEDITECH, whose Conditions mix ICD-10-CM, ICD-9-CM and SNOMED CT (vendors-epic-oracle.md A2.5;
    vendors-others.md 2.2). The United States changed over on 2015-10-01 (45 CFR 162.1002).

    `share` of the problems of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.5

    def applies(self, person: Any) -> bool:
        """Everybody has a problem or an encounter's diagnosis."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those Conditions in ICD-9-CM."""
        return reworked(chart, ("Condition",), _older, dice, self.share)


def _older(resource: JSON, dice: Stream) -> JSON | None:
    known = [
        one["code"]
        for one in codings(resource.get("code"))
        if one.get("system") in ICD10_SYSTEMS and one.get("code") in table("icd10cm")
    ]
    if not known:
        return None
    code = row("icd10cm", known[0])["icd9cm"]
    coding = {"system": ICD9, "code": code, "display": row("icd9cm", code)["display"]}
    return resource | {"code": resource["code"] | {"coding": [coding]}}
