"""Where the records came from: who wrote them, for whom, and who passed them on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import US_CORE, concept, hl7
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import instant_text

_TYPES: Final = ("Condition", "AllergyIntolerance", "MedicationRequest", "Immunization")


def write_provenance(draft: Draft, documents: Iterable[JSON]) -> None:
    """Append one Provenance per kind of clinical statement and one for the notes."""
    targets: dict[str, list[JSON]] = {kind: [] for kind in _TYPES}
    for resource in draft.resources:
        found = targets.get(resource["resourceType"])
        if found is not None:
            found.append({"reference": f"{resource['resourceType']}/{resource['id']}"})
    targets["DocumentReference"] = list(documents)
    latest = draft.visits[-1]
    for listed in targets.values():
        if listed:
            _write(draft, latest, listed)


def _write(draft: Draft, visit: Visit, targets: list[JSON]) -> None:
    known = {target["reference"].rpartition("-")[2] for target in targets}
    written = max(draft.times[int(ordinal)] for ordinal in known)
    recorded = max(draft.clip(visit.end + 7200), written)
    author = {"type": _author(), "who": visit.practitioner, "onBehalfOf": draft.organization}
    transmitter = {"type": _transmitter(), "who": draft.organization}
    body: JSON = {
        "target": targets,
        "recorded": instant_text(recorded),
        "activity": hl7("v3-DataOperation", "UPDATE", "revise"),
        "agent": [author, transmitter],
    }
    draft.add("Provenance", "us-core-provenance", recorded, body)


@cache
def _author() -> JSON:
    return hl7("provenance-participant-type", "author", "Author")


@cache
def _transmitter() -> JSON:
    return concept(f"{US_CORE}CodeSystem/us-core-provenance-participant-type", "transmitter", "Transmitter")
