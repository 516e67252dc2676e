"""How Oracle Health searches. Sources: simulator/mockehr/personalities/oracle/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.personalities.conftest import House, body_of
from tests.personalities.rounds import all_pages


def words(house: House, target: str, status: int = 400) -> str:
    reply = house.fhir(target)
    assert reply.status == status, (target, reply.status, reply.body[:200])
    return str(body_of(reply)["issue"][0]["details"]["text"])


def found_by(house: House, target: str) -> list[dict[str, Any]]:
    return [one["resource"] for one in house.read(target).get("entry", ())]


def pages(house: House, target: str) -> list[list[dict[str, Any]]]:
    """The resources of a search, page by page."""
    made = []
    while target:
        bundle = house.read(target)
        made.append([one["resource"] for one in bundle.get("entry", ())])
        after = next((one["url"] for one in bundle.get("link", ()) if one["relation"] == "next"), "")
        target = after.removeprefix(house.base + "/")
    return made


@pytest.mark.behaviour(
    "oracle",
    "document-rules",
    "medication-rules",
    "immunization-rules",
    "procedure-rules",
    "care-plan-rules",
    "related-person-rules",
    "coverage-rules",
    "communication-rules",
    "charge-rules",
    "provenance-rules",
    "schedule-by-id",
)
@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("DocumentReference?patient=1&date=2020&period=ge2020", "only one of date, period"),
        ("DocumentReference?patient=1&period=ge2020", "both ge and lt"),
        ("MedicationRequest?patient=1&_lastUpdated=ge2020-01-01", "_lastUpdated must have a time"),
        ("MedicationRequest?patient=1&-timing-boundsPeriod=lt2020", "prefix of ge"),
        ("MedicationAdministration?patient=1&effective-time=2020-01-01", "must have a time"),
        ("Immunization?patient=1,2", "only one patient"),
        ("Immunization?patient=1&_lastUpdated=lt2020-01-01", "gt or ge"),
        ("Procedure?patient=1&date=2020-01-01", "date must have a time"),
        ("CarePlan?patient=1", "category must be provided"),
        ("CarePlan?patient=1&category=careteam", "assess-plan"),
        ("CarePlan?patient=1&category=assess-plan&date=ge2020-01-01", "both ge and le"),
        ("RelatedPerson?patient=1", "-relationship-level must be provided"),
        ("RelatedPerson?patient=1&-relationship-level=Encounter", "must be Patient"),
        ("Coverage?subscriber=1", "patient or -encounter"),
        ("Communication?category=x", "recipient must be provided"),
        ("Communication?category=x&recipient=1&received=2020-01-01&-email-status=x", "received must have a time"),
        ("ChargeItem?-status=billable&account=1", "-status may be provided only with context"),
        ("ChargeItem?-status=x&context=1", "must be billable"),
        ("Provenance?target=Patient/1", "not supported"),
        ("Schedule?actor=1", "_id must be provided"),
    ],
)
def test_searches_against_a_types_rules_are_refused(house: Callable[..., House], target: str, told: str) -> None:
    assert told in words(house("oracle"), target)


@pytest.mark.behaviour("oracle", "patient-starts")
def test_names_match_by_their_beginning_and_exactly(house: Callable[..., House]) -> None:
    found = house("oracle")
    family = found.read(f"Patient/{found.patient()}")["name"][0]["family"]
    ids = [one["id"] for one in found_by(found, f"Patient?family={family[:3].lower()}")]
    assert found.patient() in ids
    assert found.patient() in [one["id"] for one in found_by(found, f"Patient?family:exact={family}")]
    assert found_by(found, f"Patient?family:exact={family[:3]}") == []


@pytest.mark.behaviour("oracle", "too-many-patients")
def test_more_patients_than_the_limit_are_too_many(house: Callable[..., House]) -> None:
    most = {"search": {"types": {"Patient": {"most_matches": 3}}}}
    found = house("oracle", settings=most)
    assert "3" in words(found, "Patient?birthdate=ge1900-01-01&birthdate=le2100-01-01", 422)
    assert found.fhir(f"Patient?_id={found.patient()}").status == 200
    assert house("oracle").site.personality.settings["search"]["types"]["Patient"]["most_matches"] == 1000


@pytest.mark.behaviour("oracle", "observation-order")
def test_the_first_page_of_results_has_all_social_history(house: Callable[..., House]) -> None:
    found = house("oracle")
    told = pages(found, f"Observation?patient={found.patient(3)}&_count=30")
    assert len(told) > 1
    flat = [one for page in told for one in page]
    social = [one["id"].startswith("SH-") for one in flat]
    assert any(social)
    assert social == sorted(social, reverse=True)
    moments = [one.get("effectiveDateTime", "") for one in flat if not one["id"].startswith("SH-")]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.behaviour("oracle", "encounter-order")
def test_pages_of_visits_go_from_oldest_to_newest_and_are_mixed_within(house: Callable[..., House]) -> None:
    found, mixed = house("oracle"), False
    for index in range(12):
        told = pages(found, f"Encounter?patient={found.patient(index)}&_count=4")
        starts = [[one["period"]["start"] for one in page] for page in told]
        assert all(max(one) <= min(other) for one, other in pairwise(starts))
        mixed = mixed or any(page != sorted(page) for page in starts)
    assert mixed


@pytest.mark.behaviour("oracle", "encounter-order")
def test_an_old_visit_that_was_written_late_is_on_the_first_page(house: Callable[..., House]) -> None:
    found = house("oracle", fresh=7)
    patient = found.patient(3)
    old = {
        "resourceType": "Encounter", "id": "w1", "status": "finished", "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{patient}"}, "period": {"start": "1970-01-01T00:00:00.000Z"},
    }  # fmt: skip
    found.site.store.commit(old, kind="create", source="control")
    first, *others = pages(found, f"Encounter?patient={patient}&_count=2")
    assert others
    assert "w1" in [one["id"] for one in first]


@pytest.mark.behaviour("oracle", "condition-by-encounter", "unpaged-types")
def test_a_visits_conditions_are_its_diagnoses_and_all_problems(house: Callable[..., House]) -> None:
    found, seen = house("oracle"), 0
    for index in range(12):
        patient = found.patient(index)
        bundle = found.read(f"Condition?patient={patient}&_count=1")
        everything = [one["resource"] for one in bundle.get("entry", ())]
        assert [one["relation"] for one in bundle["link"]] == ["self"]
        assert "total" not in bundle
        visits = [one["encounter"]["reference"] for one in everything if "encounter" in one]
        problems = {one["id"] for one in everything if "problem-list-item" in str(one["category"])}
        if not visits or not problems:
            continue
        visit = visits[0].rpartition("/")[2]
        told = found_by(found, f"Condition?patient={patient}&encounter={visit}")
        assert {one["id"] for one in told} == problems | {
            one["id"] for one in everything if one.get("encounter", {}).get("reference") == visits[0]
        }
        seen += 1
    assert seen


@pytest.mark.behaviour("oracle", "own-parameters", "related-person-rules", "location-rules")
def test_the_vendors_own_parameters_find(house: Callable[..., House]) -> None:
    found = house("oracle")
    patient = next(one for index in range(12) if "contact" in (one := found.read(f"Patient/{found.patient(index)}")))
    related = found_by(found, f"RelatedPerson?patient={patient['id']}&-relationship-level=Patient")
    assert {one["patient"]["reference"] for one in related} == {f"Patient/{patient['id']}"}
    wards = found_by(found, "Location?-physicalType=wa")
    assert {one["physicalType"]["text"] for one in wards} == {"Nurse Unit(s)"}
    orders = f"MedicationRequest?patient={patient['id']}"
    bounded = found_by(found, f"{orders}&-timing-boundsPeriod=ge2990-01-01")
    assert {one["id"] for one in bounded} <= {one["id"] for one in all_pages(found, orders)}
    assert bounded  # a period without an end goes on for ever


@pytest.mark.behaviour("oracle", "provenance-beside", "provenance-rules")
def test_provenance_comes_along_with_clinical_records(house: Callable[..., House]) -> None:
    found = house("oracle")
    told = found_by(found, f"DocumentReference?patient={found.patient()}&_revinclude=Provenance:target")
    kinds = {one["resourceType"] for one in told}
    assert kinds == {"DocumentReference", "Provenance"}
    target = next(one["target"][0]["reference"] for one in told if one["resourceType"] == "Provenance")
    assert found_by(found, f"Provenance?target={target}")


@pytest.mark.behaviour("oracle", "cannot-render", "one-fails-all")
def test_a_record_without_a_required_element_fails_alone_and_in_searches(house: Callable[..., House]) -> None:
    found = house("oracle", fresh=5)
    patient = found.patient(7)
    one = found_by(found, f"MedicationRequest?patient={patient}")[0]
    broken = {name: value for name, value in one.items() if name != "status"}
    broken["meta"] = {**one["meta"], "versionId": "1"}
    found.site.store.commit(broken, kind="update", source="control")
    for target in (f"MedicationRequest/{one['id']}", f"MedicationRequest?patient={patient}&_count=100"):
        reply = found.fhir(target)
        assert reply.status == 500
        assert body_of(reply) == {
            "resourceType": "OperationOutcome",
            "issue": [
                {"severity": "fatal", "code": "required", "location": ["/f:MedicationRequest/f:status"]},
            ],
        }
    assert found.fhir(f"MedicationRequest?patient={found.patient(6)}").status == 200


@pytest.mark.behaviour("oracle", "page-sizes", "page-contexts")
def test_pages_lead_on_to_the_end(house: Callable[..., House]) -> None:
    found = house("oracle")
    patient = found.patient(3)
    for kind, size in (("Observation", 50), ("Encounter", 10), ("MedicationRequest", 25), ("DiagnosticReport", 10)):
        target = f"{kind}?patient={patient}"
        told = pages(found, target)
        assert all(len(page) == size for page in told[:-1]), kind
        ids = [one["id"] for one in all_pages(found, target)]
        assert len(ids) == len(set(ids)) == sum(len(page) for page in told)
    bundle = found.read(f"Observation?patient={patient}&_count=5")
    after = next(one["url"] for one in bundle["link"] if one["relation"] == "next")
    assert urlsplit(after).query.endswith("&-pageDirection=NEXT")
    assert "-pageContext=" in after
