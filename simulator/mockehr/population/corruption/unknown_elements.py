"""Members that FHIR does not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.rewording import reworded_chart


@corruption("unknown-elements", ledger=("E8",))
@dataclass(frozen=True, slots=True)
class UnknownElements:
    """Some records have members that FHIR does not know.

    What the client sees: `"customFields": [{"name": "UDF12", "value": "Y"}]`, `"_links": {"self": …}`,
    `"x_rowVersion": 118` beside the elements of the standard. Coping: leave them unread, keep the record; a model
    that forbids what it does not know refuses the whole page (a server may do so when written to, R4, validation; a
    reader that does so reads nothing).

    Seen in vendors' own APIs: NextGen's items have `_links` (vendors-others.md 4.3). In FHIR answers none is on
    record.

    The Patient of `rate` of the patients, and `share` of their records.
    """

    rate: float = 0.1
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a record."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with such members."""
        return reworded_chart(chart, _furnished, dice, self.share)


def _furnished(resource: JSON, dice: Stream) -> JSON:
    number = dice.between(10, 999)
    audit = {"by": "CONV", "at": None}
    fields = [{"name": f"UDF{number % 40}", "value": dice.choice(("Y", "N", "")), "audit": audit}]
    path = f"/{resource['resourceType']}/{resource.get('id', '')}/history/{number}"
    return resource | {"customFields": fields, "_links": {"self": {"href": path}}, "x_rowVersion": number}
