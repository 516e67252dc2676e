"""What a CapabilityStatement claims, and well-formed values for the search parameters that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from hypothesis import strategies as st


@dataclass(frozen=True, slots=True)
class TypeClaim:
    """What is claimed of one resource type: FHIR interaction codes, and search parameter → its type."""

    interactions: frozenset[str]
    parameters: Mapping[str, str]


def read_claims(statement: Mapping[str, Any]) -> dict[str, TypeClaim]:
    """Resource type → what is claimed of it, from `rest[].resource[]` of mode `server`."""
    return {
        entry["type"]: TypeClaim(
            frozenset(one["code"] for one in entry.get("interaction", ())),
            {one["name"]: one["type"] for one in entry.get("searchParam", ())},
        )
        for rest in statement.get("rest", ())
        if rest.get("mode") == "server"
        for entry in rest.get("resource", ())
    }


VALUES: Final = MappingProxyType(
    {
        "token": st.sampled_from(("active", "http://loinc.org|4548-4", "|final", "completed,final", "true")),
        "string": st.sampled_from(("a", "Smith", "Núñez", "O'Brien", "x y")),
        "date": st.sampled_from(("2024", "ge2020-01", "lt2026-01-05", "2023-05-06T10:00:00Z", "sa2030")),
        "reference": st.sampled_from(("Patient/p0", "Patient/none", "Practitioner/x")),
        "number": st.sampled_from(("1", "ge0", "lt1e2")),
        "quantity": st.sampled_from(("5.4", "gt3", "ge1|http://unitsofmeasure.org|mg")),
        "uri": st.sampled_from(("http://example.org/a", "urn:oid:1.2.3")),
    }
)
"""Parameter type → values of its form (FHIR R4 search.html#ptypes); types that are not here are not drawn."""

FOREIGN_TYPES: Final = ("Basic", "Flag", "Slot", "NutritionOrder", "VisionPrescription", "ResearchStudy")
"""Types of R4 of which a server rarely claims all."""

METHODS: Final = MappingProxyType({"update": "PUT", "patch": "PATCH", "delete": "DELETE"})
"""Interactions on `/[type]/[id]` and their methods."""
