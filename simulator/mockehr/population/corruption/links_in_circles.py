"""Two records of one person, each replaced by the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption


@corruption("links-in-circles", ledger=("E5",))
@dataclass(frozen=True, slots=True)
class LinksInCircles:
    """A share of the patients has a second record, and each of the two says that the other has replaced it.

    What the client sees: Patient A with `link.type = replaced-by` to B, and B with `replaced-by` to A, both active.
    Everything else of the chart is A's; B comes up in no search. Coping: follow links with a memory of where it has
    been, end after a few steps, and keep the record that has the chart. Who follows `replaced-by` until there is
    none never ends; who drops every replaced record loses the person.

    Seen in HL7 v2: A is merged into B and later B into A, again and again (dcm4che/dcm4chee-arc-light#4589; hl7v2.md
    B7, M12). FHIR R4 does not forbid it: patient.html#dup-records lets a link lead to a record that is replaced in
    turn, and says nothing of an end.

    Adds `rate` × patients such records.
    """

    rate: float = 0.01

    def applies(self, person: Any) -> bool:
        """Anybody can have been registered twice."""
        return True

    def shadow(self, patient: JSON, id: str, dice: Stream) -> list[JSON]:
        """The chart of the second record, made from the first one's clean Patient: one Patient and nothing else."""
        identifiers = [
            identifier | {"value": f"{dice.below(10**8):08d}"} for identifier in patient.get("identifier", ())
        ]
        kept = {key: value for key, value in patient.items() if key not in ("telecom", "communication")}
        link = {"other": {"reference": f"Patient/{patient['id']}"}, "type": "replaced-by"}
        return [kept | {"id": id, "active": True, "identifier": identifiers, "link": [link]}]

    def cross(self, chart: Sequence[JSON], other: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with its Patient replaced by the second record, where the vendor shows links at all."""
        second = next((one for one in other if one["resourceType"] == "Patient"), None)
        if second is None or "link" not in second:
            return list(chart)
        link = {"other": {"reference": f"Patient/{second['id']}"}, "type": "replaced-by"}
        return [
            one | {"link": [*one.get("link", ()), link]} if one["resourceType"] == "Patient" else one for one in chart
        ]
