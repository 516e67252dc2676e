"""Ranges written as texts, for results and for what is normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import is_laboratory, plain_number, reworked


@corruption("ranges-in-strings", ledger=("E9",))
@dataclass(frozen=True, slots=True)
class RangesInStrings:
    """Reference ranges are texts, and a few results are ranges in a text themselves.

    What the client sees: `referenceRange` with a `text` such as `70-99`, `70 to 99 mg/dL` or `<130` in place of
    `low` and `high`, and now and then `valueString` `4-6` for a result. Coping: keep the text; read bounds from it
    where its form is known; do not take a result without `low` and `high` for normal, nor drop it.

    Seen in OBX-7, which is a text in HL7 v2: `<85`, `49 - 92`, `[ ]` (hl7v2.md B9, R27), and in OBX-5: `2.4-2.8`
    (R04).

    `share` of the laboratory results of `rate` of the patients; every eighth of them has a range for a value.
    """

    rate: float = 0.2
    share: float = 0.3

    def applies(self, person: Any) -> bool:
        """Who was in the laboratory shows only in the chart."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those ranges as texts."""
        return reworked(chart, ("Observation",), _written, dice, self.share)


def _written(resource: JSON, dice: Stream) -> JSON | None:
    quantity = resource.get("valueQuantity")
    if not is_laboratory(resource) or not isinstance(quantity, dict):
        return None
    ranges = resource.get("referenceRange")
    text = _as_text(ranges[0], dice) if isinstance(ranges, list) and ranges else ""
    made = resource | ({"referenceRange": [{"text": text}]} if text else {})
    value = quantity.get("value")
    if isinstance(value, int | float) and value > 0 and (not text or dice.chance(0.125)):
        made = {name: one for name, one in made.items() if name != "valueQuantity"}
        made["valueString"] = f"{plain_number(round(value * 0.9, 2))}-{plain_number(round(value * 1.1, 2))}"
    return None if made == resource else made


def _as_text(found: JSON, dice: Stream) -> str:
    low, high = (found.get(name, {}).get("value") for name in ("low", "high"))
    unit = str((found.get("low") or found.get("high") or {}).get("unit", ""))
    if low is not None and high is not None:
        form = dice.choice(("{0}-{1}", "{0} - {1}", "{0} to {1} {2}", "({0}-{1})"))
        return form.format(plain_number(low), plain_number(high), unit).rstrip()
    if high is not None:
        return dice.choice(("<{0}", "< OR = {0}", "0-{0}")).format(plain_number(high))
    if low is not None:
        return dice.choice((">{0}", ">= {0}", "{0}+")).format(plain_number(low))
    text = str(found.get("text", ""))  # a text already: written another time, by somebody else
    return f"{text.replace(' ', '')} (ref)" if text else ""
