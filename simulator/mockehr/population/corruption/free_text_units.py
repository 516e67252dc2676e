"""Units as somebody typed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "mg/dL": ("mg/dl", "MG/DL", "mg per dL", "mg%"),
        "mmol/L": ("mmol/l", "mEq/L", "MMOL/L"),
        "g/dL": ("gm/dL", "G/DL", "g per dl"),
        "10*3/uL": ("K/uL", "x10E3/uL", "thou/mm3", "x10(3)/mcL"),
        "10*6/uL": ("M/uL", "x10E6/uL", "mill/mm3"),
        "U/L": ("IU/L", "units/L", "U/l"),
        "/min": ("bpm", "beats/min", "breaths per min"),
        "Cel": ("C", "deg C", "Celsius"),
        "kg": ("Kg", "KG", "kilos"),
        "cm": ("CM", "cms"),
        "%": ("pct", "percent", "% "),
        "mm[Hg]": ("mm Hg", "MMHG", "torr"),
    }
)
"""By UCUM code: what people write."""


@corruption("free-text-units", ledger=("E9",))
@dataclass(frozen=True, slots=True)
class FreeTextUnits:
    """Some quantities have a unit in words, and no UCUM code.

    What the client sees: `{"value": 92, "unit": "MG/DL"}` without `system` and `code`, spelled otherwise in the next
    result. Coping: keep value and unit together as shown; map known spellings to UCUM, and do not compute with the
    others. A client that wants `code` loses the result, one that supposes a unit may be off by a factor.

    Seen in OBX-6, which has units as a laboratory writes them: `mcg/dl`, `x10E3`, `MMOLL` (hl7v2.md B9, R26).
    `Quantity.code` is not required (R4, datatypes.html#Quantity).

    `share` of the quantities of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.3

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those units as text."""
        return reworked(chart, ("Observation",), _typed, dice, self.share)


def _typed(resource: JSON, dice: Stream) -> JSON | None:
    quantity = resource.get("valueQuantity")
    if not isinstance(quantity, dict) or "value" not in quantity:
        return None
    unit = str(quantity.get("code") or quantity.get("unit") or "")
    if not unit:
        return None
    shown = dice.choice(SPELLINGS.get(unit, (unit.upper() + " ",)))
    return resource | {"valueQuantity": {"value": quantity["value"], "unit": shown}}
