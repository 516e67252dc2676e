"""A weight in pounds that does not say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.mixed_units import in_customary_units
from mockehr.population.corruption.reworking import reworked


@corruption("missing-units", ledger=("E9",), coping="repair")
@dataclass(frozen=True, slots=True)
class MissingUnits:
    """Some weights, heights and temperatures are customary numbers without any unit.

    What the client sees: `{"value": 162}` for a weight, among others of 73.5 kg. The number is in pounds. Coping: set
    a quantity without a unit aside for a person, since it is no measurement, or repair it where the patient's other
    values leave no doubt. Who takes the number for kilograms, or keeps it beside the others, doses for twice the
    weight.

    Seen at Epic and MEDITECH, where laboratory results have a value and no unit (fasten-sources, the-map;
    vendors-epic-oracle.md A2.5, vendors-others.md 2.2). Pounds written down as kilograms, and the reverse, are
    reported of hospitals (Pa Patient Saf Advis 2018;15(3), "A Weighty Problem").

    `share` of such measurements of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.2

    def applies(self, person: Any) -> bool:
        """Everybody was weighed once."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those measurements as bare numbers."""
        return reworked(chart, ("Observation",), _bare, dice, self.share)


def _bare(resource: JSON, dice: Stream) -> JSON | None:
    made = in_customary_units(resource.get("valueQuantity"))
    return None if made is None else resource | {"valueQuantity": {"value": made["value"]}}
