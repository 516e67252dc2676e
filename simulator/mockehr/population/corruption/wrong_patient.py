"""Results that name another patient's visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

KINDS: Final = ("Observation", "DiagnosticReport", "DocumentReference")


@corruption("wrong-patient", ledger=("E11",), coping="repair")
@dataclass(frozen=True, slots=True)
class WrongPatient:
    """Some results name one patient, and an encounter of another one.

    What the client sees: `subject` is Patient A, `encounter` an Encounter that exists, whose `subject` is Patient B.
    Which of the two is meant cannot be told from the result. Coping: compare the patient of the result with the
    patient of its encounter, and set what disagrees aside for a person; filed by its subject or by its encounter, it
    may be in the wrong chart, and either chart is wrong until somebody looks.

    Seen where a specimen was labelled, or a chart open, for somebody else. Labelling errors of any kind, no label
    included, were 0.92 of 1000 labels (a Q-Probes study of the College of American Pathologists, Arch Pathol Lab Med
    2008;132:1617-22); how many of them named another patient its abstract does not tell.

    `share` of the results of `rate` of the patients, at least one.
    """

    rate: float = 0.005
    share: float = 0.02

    def applies(self, person: Any) -> bool:
        """Everybody was measured once."""
        return True

    def cross(self, chart: Sequence[JSON], other: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those results at encounters of the other patient."""
        visits = [f"Encounter/{one['id']}" for one in other if one["resourceType"] == "Encounter"]
        if not visits:
            return list(chart)

        def misfiled(resource: JSON, dice: Stream) -> JSON | None:
            named = resource.get("encounter")
            if not isinstance(named, dict) or "reference" not in named:
                return None
            base = str(named["reference"]).rpartition("Encounter/")[0]
            return resource | {"encounter": named | {"reference": base + dice.choice(visits)}}

        return reworked(chart, KINDS, misfiled, dice, self.share)
