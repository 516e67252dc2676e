"""References to what is no longer there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

NAMED: Final = ("encounter", "recorder", "requester", "performer", "author", "specimen")
"""Members that may lead astray; never whose record it is."""
KINDS: Final = ("Condition", "MedicationRequest", "Observation", "DiagnosticReport", "Procedure", "DocumentReference")


@corruption("dangling-references", ledger=("E7",))
@dataclass(frozen=True, slots=True)
class DanglingReferences:
    """Some records refer to an encounter, a specimen or a practitioner that does not exist.

    What the client sees: `Encounter/legacy-00417302`, which reads 404; `_include` brings nothing for it. Coping:
    keep the record and the reference as a text, look for it again later, and never drop or repeat a whole sync
    because one read answers 404.

    Seen at NextGen, whose server refers to `Organization/0001` and answers a read of it with 400 (fasten-sources,
    2024-11-23; vendors-others.md 4.1). That conversions leave such references behind is the ledger's (E7).

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.1
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has records that refer to something."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those references leading nowhere."""
        return reworked(chart, KINDS, _astray, dice, self.share)


def _astray(resource: JSON, dice: Stream) -> JSON | None:
    for name in NAMED:
        found: Any = resource.get(name)
        one: Any = found[0] if isinstance(found, list) and found else found
        kind = str(one.get("reference", "")).rpartition("/")[0] if isinstance(one, dict) else ""
        if kind:
            lost = one | {"reference": f"{kind}/legacy-{dice.below(10**8):08d}"}
            return resource | {name: [lost, *found[1:]] if isinstance(found, list) else lost}
    return None
