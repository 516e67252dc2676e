"""Each topic: which changes are its events, and which pathway brings them about."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest
from tests.events.changes import changed

from mockehr.events import topic_at, topics
from mockehr.pathways.shipped import shipped_pathway
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

CLASSES = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode"}
STAY, VISIT, EMERGENCY = ({"class": CLASSES | {"code": code}} for code in ("IMP", "AMB", "EMER"))


def ward(name: str, **more: Any) -> dict[str, Any]:
    return {"location": {"reference": f"Location/{name}"}} | more


def happens(topic: str, kind: str, now: dict[str, Any], before: dict[str, Any] | None = None, **more: Any) -> bool:
    change = changed(kind, now, kind="create" if before is None else "update", before=before, **more)
    return topics().get(topic).happens(change)


UNDER_WAY, DONE, PLANNED = {"status": "in-progress"}, {"status": "finished"}, {"status": "planned"}
LINKED = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/2"}}]}
BOOKED = {"status": "booked", "start": "2026-01-05T12:00:00Z"}
ORDER = {"status": "active", "intent": "order"}

CASES: list[tuple[str, str, dict[str, Any], dict[str, Any] | None, bool]] = [
    ("encounter-start", "Encounter", UNDER_WAY, None, True),
    ("encounter-start", "Encounter", UNDER_WAY, PLANNED, True),
    ("encounter-start", "Encounter", UNDER_WAY, UNDER_WAY, False),
    ("encounter-start", "Encounter", PLANNED, None, False),
    ("encounter-start", "Patient", UNDER_WAY, None, False),
    ("encounter-end", "Encounter", DONE, UNDER_WAY, True),
    ("encounter-end", "Encounter", DONE, DONE, False),
    ("encounter-end", "Encounter", {"status": "cancelled"}, UNDER_WAY, False),
    ("admission", "Encounter", UNDER_WAY | STAY, None, True),
    ("admission", "Encounter", UNDER_WAY | STAY, PLANNED | STAY, True),
    ("admission", "Encounter", UNDER_WAY | STAY, UNDER_WAY | EMERGENCY, True),
    ("admission", "Encounter", UNDER_WAY | STAY, UNDER_WAY | STAY, False),
    ("admission", "Encounter", UNDER_WAY | VISIT, None, False),
    ("admission", "Encounter", DONE | STAY, UNDER_WAY | STAY, False),
    ("discharge", "Encounter", DONE | STAY, UNDER_WAY | STAY, True),
    ("discharge", "Encounter", DONE | VISIT, UNDER_WAY | VISIT, False),
    ("discharge", "Encounter", DONE | EMERGENCY, UNDER_WAY | EMERGENCY, False),
    ("transfer", "Encounter", UNDER_WAY | {"location": [ward("b")]}, UNDER_WAY | {"location": [ward("a")]}, True),
    ("transfer", "Encounter", UNDER_WAY | {"location": [ward("a")]}, UNDER_WAY | {"location": [ward("a")]}, False),
    ("transfer", "Encounter", UNDER_WAY | {"location": [ward("a")]}, PLANNED | {"location": [ward("b")]}, False),
    (
        "transfer",
        "Encounter",
        UNDER_WAY | {"location": [ward("a", status="completed"), ward("b", status="active")]},
        UNDER_WAY | {"location": [ward("a", status="active")]},
        True,
    ),
    ("result-available", "DiagnosticReport", {"status": "final"}, None, True),
    ("result-available", "DiagnosticReport", {"status": "final"}, {"status": "preliminary"}, True),
    ("result-available", "DiagnosticReport", {"status": "corrected"}, {"status": "final"}, True),
    (
        "result-available",
        "DiagnosticReport",
        {"status": "final", "issued": "b"},
        {"status": "final", "issued": "a"},
        True,
    ),
    ("result-available", "DiagnosticReport", {"status": "final"}, {"status": "final"}, False),
    ("result-available", "DiagnosticReport", {"status": "preliminary"}, None, False),
    ("document-signed", "DocumentReference", {"docStatus": "final"}, {"docStatus": "preliminary"}, True),
    ("document-signed", "DocumentReference", {"docStatus": "amended"}, {"docStatus": "final"}, True),
    ("document-signed", "DocumentReference", {"docStatus": "final"}, {"docStatus": "final"}, False),
    ("document-signed", "DocumentReference", {"status": "current"}, None, False),
    ("medication-ordered", "MedicationRequest", ORDER, None, True),
    ("medication-ordered", "MedicationRequest", ORDER, {"status": "draft", "intent": "order"}, True),
    ("medication-ordered", "MedicationRequest", ORDER | {"intent": "plan"}, None, False),
    ("medication-ordered", "MedicationRequest", {"status": "stopped", "intent": "order"}, ORDER, False),
    ("appointment-booked", "Appointment", BOOKED, None, True),
    ("appointment-booked", "Appointment", BOOKED, BOOKED, False),
    ("appointment-changed", "Appointment", BOOKED | {"start": "2026-01-06T12:00:00Z"}, BOOKED, True),
    ("appointment-changed", "Appointment", BOOKED | {"comment": "x"}, BOOKED, False),
    ("appointment-changed", "Appointment", BOOKED | {"participant": [{"actor": {"reference": "x"}}]}, BOOKED, True),
    ("appointment-cancelled", "Appointment", {"status": "cancelled"}, BOOKED, True),
    ("appointment-cancelled", "Appointment", {"status": "noshow"}, BOOKED, False),
    ("patient-merged", "Patient", LINKED, {}, True),
    ("patient-merged", "Patient", LINKED, LINKED, False),
    ("patient-merged", "Patient", {"link": [{"type": "replaces", "other": {"reference": "Patient/2"}}]}, {}, False),
    ("demographics-changed", "Patient", {"gender": "male"}, {"gender": "female"}, True),
    ("demographics-changed", "Patient", LINKED | {"active": False}, {"active": True}, False),
    ("demographics-changed", "Patient", {"gender": "male"}, None, False),
]


@pytest.mark.parametrize(("topic", "kind", "now", "before", "expected"), CASES)
def test_a_topic_tells_its_events_from_other_changes(
    topic: str, kind: str, now: dict[str, Any], before: dict[str, Any] | None, expected: bool
) -> None:
    assert happens(topic, kind, now, before) is expected


@pytest.mark.parametrize("name", list(topics()))
def test_a_delete_is_no_event_of_any_topic_and_every_topic_has_a_case_for_and_against(name: str) -> None:
    topic = topics().get(name)
    documents = [now for one, _, now, _, _ in CASES if one == name]
    assert not any(topic.happens(changed(topic.resource, now, kind="delete", before=now)) for now in documents)
    assert {expected for one, _, _, _, expected in CASES if one == name} == {True, False}


def test_no_canonical_means_two_topics() -> None:
    told = Counter(canonical for _, topic in topics().items() for canonical in topic.canonicals)
    assert max(told.values()) == 1
    for _, topic in topics().items():
        assert all(topic_at(canonical) is topic for canonical in topic.canonicals)


@cache
def told_by(pathway: str) -> Counter[str]:
    """How many events of each topic some runs of a pathway are."""
    site = build_site(SiteOptions("a", patients=50, stepped=True))
    site.pathways.add(shipped_pathway(pathway))
    for _ in range(6):
        site.pathways.start(pathway)
    site.clock.advance(200 * 86400.0)
    changes = site.log.changes
    return Counter({name: sum(map(topic.happens, changes)) for name, topic in topics().items()})


@pytest.mark.parametrize(
    ("topic", "pathway", "events"),
    [
        ("encounter-start", "elective-surgery", 6),
        ("encounter-end", "elective-surgery", 6),
        ("admission", "elective-surgery", 6),
        ("discharge", "elective-surgery", 6),
        ("admission", "chest-pain", 0),
        ("transfer", "sepsis", 6),
        ("result-available", "sepsis", 12),
        ("document-signed", "elective-surgery", 6),
        ("medication-ordered", "sepsis", 6),
        ("appointment-booked", "no-show-clinic", 6),
        ("appointment-changed", "no-show-clinic", 1),
        ("appointment-cancelled", "no-show-clinic", 1),
        ("patient-merged", "merged-duplicates", 6),
        ("demographics-changed", "merged-duplicates", 1),
    ],
)
def test_pathways_bring_about_at_least_so_many_events(topic: str, pathway: str, events: int) -> None:
    assert told_by(pathway)[topic] >= events


def test_a_stay_is_admitted_once_and_discharged_once() -> None:
    for pathway in ("elective-surgery", "sepsis", "hip-fracture"):
        told = told_by(pathway)
        assert told["admission"] == told["discharge"] == 6, (pathway, told)
