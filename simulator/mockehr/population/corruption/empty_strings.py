"""Texts that are there and empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.rewording import reworded_chart


@corruption("empty-strings", ledger=("E6",))
@dataclass(frozen=True, slots=True)
class EmptyStrings:
    """Some elements are there and empty: `""`.

    What the client sees: `"prefix": [""]` and `"line": ["12 Oak Street", ""]` in Patients, `"implicitRules": ""` and
    `"display": ""` in other records. FHIR forbids it: an element is absent or has a character of content (R4, json
    and datatypes#string). Coping: read an empty text as an absent one, keep the record; a strict model refuses it,
    and one that does not takes `""` for a value, as in a join on it.

    Seen in results of a data set that was made from database tables (kind-lab/mimic-fhir#110), in first lines of
    addresses (FirelyTeam/firely-net-sdk#2206) and in names (hapifhir/hapi-fhir#1046).

    The Patient of `rate` of the patients, and `share` of their records.
    """

    rate: float = 0.2
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a record."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with empty elements besides."""
        return reworded_chart(chart, _hollow, dice, self.share)


def _hollow(resource: JSON, dice: Stream) -> JSON:
    if resource["resourceType"] != "Patient":
        return resource | {"implicitRules": ""} | _undisplayed(resource)
    made: JSON = {"language": ""}
    names, homes = resource.get("name"), resource.get("address")
    if isinstance(names, list) and names and isinstance(names[0], dict):
        made["name"] = [{**names[0], "prefix": [""]}, *names[1:]]
    if isinstance(homes, list) and homes and isinstance(homes[0], dict):
        lines = homes[0].get("line", [])
        made["address"] = [{**homes[0], "line": [*lines, ""]}, *homes[1:]]
    return resource | made


def _undisplayed(resource: JSON) -> JSON:
    """Its codings without a word of what they mean."""
    concept = resource.get("code")
    if not isinstance(concept, dict) or not isinstance(concept.get("coding"), list):
        return {}
    shown = [one | {"display": ""} if isinstance(one, dict) else one for one in concept["coding"]]
    return {"code": concept | {"coding": shown}}
