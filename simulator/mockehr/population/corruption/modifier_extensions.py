"""Extensions that change what a record says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.local_extensions import ROOT
from mockehr.population.corruption.reworking import reworked

SCALE: Final = f"{ROOT}value-scale"


@corruption("modifier-extensions", ledger=("E8",), coping="repair")
@dataclass(frozen=True, slots=True)
class ModifierExtensions:
    """Some results have a `modifierExtension` of the site's own: their value is to be multiplied.

    What the client sees: `"valueQuantity": {"value": 720.0, …}` and a `modifierExtension` whose url ends in
    `value-scale` and whose `valueDecimal` is 0.1: the weight is 72 kg. Coping: set aside a record with a
    modifierExtension that one does not know, since it must not be used (R4, extensibility.html#modifierExtension);
    who knows this one multiplies. Who reads the value alone has one that was never measured.

    Seen: No vendor's is on record, Oracle Health refuses them in what it is sent (422; vendors-epic-oracle.md B4),
    and so hardly any client looks; the rule is the standard's.

    `share` of the results with a number of `rate` of the patients.
    """

    rate: float = 0.02
    share: float = 0.05

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those results in tenths."""
        return reworked(chart, ("Observation",), _scaled, dice, self.share)


def _scaled(resource: JSON, dice: Stream) -> JSON | None:
    quantity = resource.get("valueQuantity")
    value = quantity.get("value") if isinstance(quantity, dict) else None
    if not isinstance(quantity, dict) or not isinstance(value, int | float) or isinstance(value, bool) or not value:
        return None
    told = {"url": SCALE, "valueDecimal": 0.1}
    shown = quantity | {"value": round(value * 10, 6)}
    return resource | {"valueQuantity": shown, "modifierExtension": [*resource.get("modifierExtension", ()), told]}
