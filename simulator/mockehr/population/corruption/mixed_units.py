"""Weights in pounds beside weights in kilograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import UCUM
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

CUSTOMARY: Final[Mapping[str, tuple[str, str, float, float]]] = MappingProxyType(
    {
        "kg": ("[lb_av]", "lb", 2.2046226, 0.0),
        "cm": ("[in_i]", "in", 1 / 2.54, 0.0),
        "Cel": ("[degF]", "°F", 1.8, 32.0),
    }
)
"""By metric unit: the UCUM code and name of the customary one, factor and offset."""


@corruption("mixed-units", ledger=("E9",))
@dataclass(frozen=True, slots=True)
class MixedUnits:
    """Some weights, heights and temperatures of a patient are in pounds, inches and degrees Fahrenheit.

    What the client sees: one weight of 73.5 kg and the next of 162 lb, each right, with its own unit and UCUM code.
    Coping: store value and unit together, and convert before comparing, charting or dosing; who reads the number
    alone sees a patient who has doubled her weight.

    Seen in hospitals: of 1,291 reports on weights 300 tell of pounds and kilograms confused (Pa Patient Saf Advis
    2016;13(2):50-57), after 479 reports of wrong weights in "Medication Errors: Significance of Accurate Patient
    Weights" (2009;6:10-15).

    `share` of such measurements of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.4

    def applies(self, person: Any) -> bool:
        """Everybody was weighed once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those measurements converted."""
        return reworked(chart, ("Observation",), _customary, dice, self.share)


def in_customary_units(quantity: object) -> JSON | None:
    """A Quantity in the customary unit, to one decimal; None if it is of another kind."""
    if not isinstance(quantity, dict) or not isinstance(quantity.get("value"), int | float):
        return None
    found = CUSTOMARY.get(str(quantity.get("code") or quantity.get("unit")))
    if found is None:
        return None
    code, unit, factor, offset = found
    return {"value": round(quantity["value"] * factor + offset, 1), "unit": unit, "system": UCUM, "code": code}


def _customary(resource: JSON, dice: Stream) -> JSON | None:
    made = in_customary_units(resource.get("valueQuantity"))
    return None if made is None else resource | {"valueQuantity": made}
