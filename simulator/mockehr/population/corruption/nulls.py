"""`null` where nothing should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.rewording import reworded_chart

EMPTY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Patient": ("photo", "contact", "managingOrganization", "deceasedBoolean"),
        "Observation": ("note", "interpretation", "component", "device", "bodySite"),
        "Condition": ("note", "stage", "evidence", "abatementDateTime"),
        "Encounter": ("hospitalization", "location", "length"),
        "MedicationRequest": ("note", "priorPrescription", "substitution"),
        "DiagnosticReport": ("conclusion", "media", "presentedForm"),
    }
)
"""What is told as null where a record of the type lacks it."""


@corruption("nulls", ledger=("E6",))
@dataclass(frozen=True, slots=True)
class Nulls:
    """Some records have `null` for every element that they lack.

    What the client sees: `"note": null`, `"component": null`, `"contact": null`, and `"postalCode": null` in an
    address. FHIR's JSON has null only in arrays of primitives that have extensions (R4, json#primitive). Coping: read
    null as absent; `for note in record.get("note", [])` raises, since the default counts only where the key is not
    there.

    Seen in a Patient (`"postalCode": null`; FirelyTeam/firely-net-sdk#131) and in Observations that a client sends
    (hapifhir/hapi-fhir#1069), as of objects of a program that are written as they are.

    The Patient of `rate` of the patients, and `share` of their records.
    """

    rate: float = 0.1
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a record."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with nulls in those records."""
        return reworded_chart(chart, _nulled, dice, self.share)


def _nulled(resource: JSON, dice: Stream) -> JSON:
    made: JSON = {name: None for name in EMPTY.get(resource["resourceType"], ()) if name not in resource}
    homes = resource.get("address")
    if resource["resourceType"] == "Patient" and isinstance(homes, list):
        made["address"] = [_unknown_parts(home) for home in homes]
    return resource | made


def _unknown_parts(home: Any) -> Any:
    if not isinstance(home, dict):
        return home
    return home | {name: None for name in ("text", "district", "period") if name not in home}
