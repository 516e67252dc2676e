"""The same person under two ids, merged on one side only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption


@corruption("half-done-merges", ledger=("E5",))
@dataclass(frozen=True, slots=True)
class HalfDoneMerges:
    """A share of the patients has a second record that was merged into the first, but only half.

    What the client sees: a second Patient with the same name and birth date, another id and MRN, still `active`, with
    `link.type = replaced-by` pointing at the survivor. The survivor knows nothing of it (no `replaces`). The second
    record can be read by id, and never comes up in a search. Coping: follow `link`, keep one person.

    Seen at Oracle Health: a combined person still reads 200 with `link.type replaced-by` and is missing from searches
    (vendors-epic-oracle.md B2.5). There `active` is false by then; that it is still true is what makes this one half
    done.

    Adds `rate` × patients such records.
    """

    rate: float = 0.02

    def applies(self, person: Any) -> bool:
        """Anybody can have been registered twice."""
        return True

    def shadow(self, patient: JSON, id: str, dice: Stream) -> list[JSON]:
        """The chart of the second record, made from the survivor's clean Patient: one Patient and nothing else."""
        identifiers = [dict(identifier) for identifier in patient.get("identifier", ())]
        for identifier in identifiers:
            identifier["value"] = f"{dice.below(10**8):08d}"
        other = {"reference": f"Patient/{patient['id']}"}
        twin = {key: value for key, value in patient.items() if key not in ("telecom", "communication")}
        return [
            twin
            | {"id": id, "active": True, "identifier": identifiers, "link": [{"other": other, "type": "replaced-by"}]}
        ]
