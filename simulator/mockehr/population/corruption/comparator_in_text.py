"""`<5` as a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import is_laboratory, plain_number, reworked


@corruption("comparator-in-text", ledger=("E9",))
@dataclass(frozen=True, slots=True)
class ComparatorInText:
    """Some laboratory results say only that they are below or above a bound, and say it in a text.

    What the client sees: `valueString` with `<5 mg/dL`, `> 200` or `LESS THAN 0.5` where a Quantity with
    `comparator` would be right. Coping: read such texts into comparator, value and unit, or keep the text; a result
    is there in either case. Who parses numbers only loses it, who strips the sign has a number that was never
    measured.

    Seen in OBX-5, where SN is for it and OBX-2 says NM or ST: `<5`, `>100`, `5+` (HL7 v2.5.1 chapter 2A, SN; hl7v2.md
    B9, R02 and R04; nHapiNET/nHapi#63). eClinicalWorks shows numeric results as `valueString` (fasten-sources,
    2024-11-23; vendors-others.md 3.2).

    `share` of the laboratory results of `rate` of the patients.
    """

    rate: float = 0.1
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Who was in the laboratory shows only in the chart."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those results as texts."""
        return reworked(chart, ("Observation",), _bounded, dice, self.share)


def _bounded(resource: JSON, dice: Stream) -> JSON | None:
    quantity: Any = resource.get("valueQuantity")
    value = quantity.get("value") if isinstance(quantity, dict) else None
    if not isinstance(value, int | float) or value <= 0 or not is_laboratory(resource):
        return None
    step = 5 * 10 ** (floor(log10(value)) - 1)
    below = floor(value / step) * step
    unit = str(quantity.get("unit", ""))
    sign, bound = dice.choice((("<", below + step), ("< ", below + step), ("LESS THAN ", below + step), (">", below)))
    kept = {name: one for name, one in resource.items() if name != "valueQuantity"}
    return kept | {"valueString": f"{sign}{plain_number(bound)} {unit}".rstrip()}
