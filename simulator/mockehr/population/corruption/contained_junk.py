"""Records that carry what an older system left in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

KINDS: Final = ("Condition", "Procedure", "Immunization", "Observation")


@corruption("contained-junk", ledger=("E7",))
@dataclass(frozen=True, slots=True)
class ContainedJunk:
    """Some records have things in `contained` that nothing refers to, and that are no resources.

    What the client sees: `contained` with a row of the old system (no `resourceType`, an `id` that is a number,
    columns as members), a Basic without a code, and now and then a second one with the same id. FHIR allows only
    resources there, each with an id of its own and referred to from its container (R4, dom-2 to dom-5). Coping: read
    what is referred to, leave the rest unread, keep the record; a strict parser refuses the whole page.

    Seen: No vendor's record of this kind is known. Contained resources that nothing refers to are
    (opensrp/fhircore#3849, dom-3); rows of an older system are the ledger's (E7).

    `share` of the records of `rate` of the patients.
    """

    rate: float = 0.05
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a record."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with junk in those records."""
        return reworked(chart, KINDS, _stuffed, dice, self.share)


def _stuffed(resource: JSON, dice: Stream) -> JSON:
    number = dice.between(100_000, 999_999)
    row: JSON = {"id": number, "TBL": "PROBLIST_BAK", "CRT_DT": "19980317", "USR": "CONV01", "FLG": " "}
    basic: JSON = {"resourceType": "Basic", "id": f"old{number}"}
    junk = [row, basic, dict(basic)] if dice.chance(0.3) else [row, basic]
    return resource | {"contained": [*resource.get("contained", ()), *junk]}
