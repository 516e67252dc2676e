"""Extensions in extensions in extensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

DEEPEST: Final = 200
"""Levels at most: what encoders and parsers of the usual languages take without being told."""
URL: Final = "http://hospital.example.org/fhir/StructureDefinition/conversion-step"


@corruption("deep-nesting", ledger=("E10",))
@dataclass(frozen=True, slots=True)
class DeepNesting:
    """Some records carry extensions nested a hundred levels deep.

    What the client sees: `extension[0].extension[0].extension[0]…`, one level for each step of a conversion that
    wrapped what it found. The record is as ever besides. Coping: parse with a bound on depth that fails for one
    record and not for the page, and walk trees without recursion; a recursive mapper ends the whole run with a stack
    overflow.

    FHIR sets no bound to the depth of extensions (R4, extensibility.html), and no server on record goes this far;
    libraries have bounds: 64 levels in System.Text.Json, 1000 frames in Python.

    `depth` levels, on `share` of the Conditions and Encounters of `rate` of the patients.
    """

    rate: float = 0.01
    share: float = 0.2
    depth: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= DEEPEST:
            what = f"deep-nesting: depth is {self.depth}; it must be from 1 to {DEEPEST}."
            raise ConfigError(what, remedy="Write a number of levels, as in depth: 100.")

    def applies(self, person: Any) -> bool:
        """Everybody has an encounter."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those records wrapped."""
        return reworked(chart, ("Condition", "Encounter"), self._wrapped, dice, self.share)

    def _wrapped(self, resource: JSON, dice: Stream) -> JSON:
        node: JSON = {"url": URL, "valueString": f"step {self.depth}"}
        for _ in range(self.depth - 1):
            node = {"url": URL, "extension": [node]}
        return resource | {"extension": [*resource.get("extension", ()), node]}
