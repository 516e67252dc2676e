"""Results under the laboratory's own codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import LOINC
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import codings, reworked

LOCAL: Final = "urn:oid:2.16.840.1.113883.19.5.77"
"""The laboratory's compendium; below the root that HL7 keeps for examples."""


@corruption("codes-without-loinc", ledger=("E4",))
@dataclass(frozen=True, slots=True)
class CodesWithoutLoinc:
    """Some results carry the laboratory's own code and no LOINC.

    What the client sees: an Observation whose only coding has the system of a local compendium and a code such as
    `L0718`; `text` says in words what was measured. A search by LOINC does not find it. Coping: ask by category,
    keep what has no LOINC under its own system and text, and map it with the laboratory's compendium.

    Seen at Oracle Health, where codes that a tenant has not mapped stay those of its own code sets
    (vendors-epic-oracle.md B11), at MEDITECH, where a result may have `code.text` alone (the-map; vendors-others.md
    2.2), and in OBX-3 (hl7v2.md B9, R23 and R25). US Core 6.1.0 binds LOINC as extensible (us-core-observation-lab).

    `share` of the Observations of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.3

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those Observations under local codes."""
        return reworked(chart, ("Observation",), _unmapped, dice, self.share)


def _unmapped(resource: JSON, dice: Stream) -> JSON | None:
    found = next((one for one in codings(resource.get("code")) if one.get("system") == LOINC), None)
    if found is None:
        return None
    number, _, check = str(found.get("code", "")).partition("-")
    coding = {"system": LOCAL, "code": f"L{number:0>5}{check}"}
    text = resource["code"].get("text") or found.get("display")
    return resource | {"code": {"coding": [coding]} | ({"text": text} if text else {})}
