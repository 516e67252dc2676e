"""Codes that the standard's lists do not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked

PERSONAL: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "telecom": MappingProxyType({"system": ("portal", "text"), "use": ("cell", "primary", "PRN")}),
        "name": MappingProxyType({"use": ("legal", "L")}),
        "address": MappingProxyType({"use": ("mailing", "H"), "type": ("residential",)}),
    }
)
"""What stands in the coded parts of a Patient's members instead: words of applications, and codes of HL7 v2."""
CODED: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "MedicationRequest": MappingProxyType({"intent": ("rx", "prescribed"), "priority": ("now",)}),
        "AllergyIntolerance": MappingProxyType({"type": ("sensitivity",), "criticality": ("severe",)}),
        "Encounter": MappingProxyType({"status": ("checked-out", "no-show")}),
        "Appointment": MappingProxyType({"status": ("confirmed", "rescheduled")}),
        "DocumentReference": MappingProxyType({"docStatus": ("signed", "dictated")}),
        "CareTeam": MappingProxyType({"status": ("current",)}),
    }
)
"""The same for members of other types. Of what a type lacks, nothing is added but what is coded already."""


@corruption("unknown-codes", ledger=("E6",))
@dataclass(frozen=True, slots=True)
class UnknownCodes:
    """Some coded elements have codes that their required value sets do not know.

    What the client sees: `"use": "cell"` or `"system": "portal"` in `telecom`, `"use": "legal"` in a name,
    `"intent": "rx"`, `"docStatus": "signed"`. Coping: keep the text, treat the element as of unknown meaning, and the
    rest of the record as ever; an enumeration in a generated model raises, and the page is lost.

    Seen between versions of FHIR, whose lists differ: hapifhir/hapi-fhir#4818 (Encounter status `finished`, which R5
    has no more). Vendors' own codes in these elements are not on record.

    The Patient of `rate` of the patients, and `share` of their records.
    """

    rate: float = 0.1
    share: float = 0.1

    def applies(self, person: Any) -> bool:
        """Everybody has a name."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with such codes."""
        made = reworked(chart, ("Patient",), _personal, dice)
        return reworked(made, tuple(CODED), _coded, dice, self.share)


def _personal(resource: JSON, dice: Stream) -> JSON | None:
    made: JSON = {}
    for name, parts in PERSONAL.items():
        found = resource.get(name)
        if isinstance(found, list) and found and isinstance(found[0], dict):
            other = _recoded(found[0], parts, dice)
            made |= {name: [other, *found[1:]]} if other is not None else {}
    return resource | made if made else None


def _coded(resource: JSON, dice: Stream) -> JSON | None:
    return _recoded(resource, CODED[resource["resourceType"]], dice)


def _recoded(node: JSON, parts: Mapping[str, tuple[str, ...]], dice: Stream) -> JSON | None:
    made = {name: dice.choice(codes) for name, codes in parts.items() if isinstance(node.get(name), str)}
    return node | made if made else None
