"""What each step writes, and which message tells of it; and what cannot be done as things stand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from mockehr.config.load import load_text
from mockehr.core.changes import QUIET, Change
from mockehr.fhir.validate import validate_document
from mockehr.pathways.schema import pathway_from
from mockehr.pathways.step import steps
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

DAY = 86400.0


def played(text: str, *, persons: str = "", patients: int = 30, days: float = 40) -> Site:
    """A site at which these steps were taken."""
    site = build_site(SiteOptions("a", patients=patients, stepped=True))
    told = f"persons: {persons}\n" if persons else ""
    site.pathways.add(pathway_from(load_text(f"name: p\ntitle: t\n{told}steps:\n{text}")))
    site.pathways.start("p")
    site.clock.advance(days * DAY)
    return site


def events(site: Site) -> list[str]:
    return [change.event for change in site.log.changes if change.event != QUIET]


def last(site: Site, kind: str) -> dict[str, Any]:
    found = [change.document for change in site.log.changes if change.resource_type == kind]
    return found[-1]


VISIT = "  - admit: {ward: MED, reason: I10}\n"
LAB = VISIT + "  - order: {profile: bmp}\n"
BOOKED = "  - schedule: {in: 3d}\n"
STEPS = {
    # step: steps that it needs first and itself, the message of the last one, the resource and its status
    "register": ("  - register: {class: emergency, reason: I10}\n", "ADT^A04", "Encounter", "in-progress"),
    "add_person": ("  - add_person\n", "ADT^A28", "Patient", None),
    "preadmit": ("  - preadmit: {reason: I10}\n", "ADT^A05", "Encounter", "planned"),
    "admit": (VISIT, "ADT^A01", "Encounter", "in-progress"),
    "transfer": (VISIT + "  - transfer: ICU\n", "ADT^A02", "Encounter", "in-progress"),
    "leave": (VISIT + "  - leave\n", "ADT^A21", "Encounter", "onleave"),
    "discharge": (VISIT + "  - discharge: hospice\n", "ADT^A03", "Encounter", "finished"),
    "cancel": (VISIT + "  - cancel: admission\n", "ADT^A11", "Encounter", "cancelled"),
    "order": (LAB, "ORM^O01", "ServiceRequest", "active"),
    "result": (LAB + "  - result: bmp\n", "ORU^R01", "DiagnosticReport", "final"),
    "correct": (LAB + "  - result: bmp\n  - correct: {report: bmp, values: {potassium: 4}}\n", "ORU^R01",
                "DiagnosticReport", "corrected"),
    "withdraw": (LAB + "  - result: bmp\n  - withdraw: bmp\n", "ORU^R01", "DiagnosticReport", "entered-in-error"),
    "document": (VISIT + "  - document: {kind: discharge-summary}\n", "MDM^T02", "DocumentReference", "current"),
    "note": (VISIT + "  - note: all well\n", "MDM^T02", "DocumentReference", "current"),
    "schedule": (BOOKED, "SIU^S12", "Appointment", "booked"),
    "reschedule": (BOOKED + "  - reschedule: 5d\n", "SIU^S13", "Appointment", "booked"),
    "cancel_appointment": (BOOKED + "  - cancel_appointment\n", "SIU^S15", "Appointment", "cancelled"),
    "no_show": (BOOKED + "  - no_show\n", "SIU^S26", "Appointment", "noshow"),
    "arrive": (BOOKED + "  - arrive\n", "SIU^S14", "Appointment", "arrived"),
    "procedure": (VISIT + "  - procedure: 0FT44ZZ\n", "ADT^A08", "Procedure", "completed"),
    "diagnose": (VISIT + "  - diagnose: I10\n", "ADT^A08", "Encounter", "in-progress"),
    "allergy": (VISIT + "  - allergy: {to: 723 amoxicillin}\n", "ADT^A08", "AllergyIntolerance", None),
    "prescribe": (VISIT + "  - prescribe: 314076\n", "RDE^O11", "MedicationRequest", "active"),
    "administer": (VISIT + "  - prescribe: {drug: 314076, name: x}\n  - administer: x\n", "RAS^O17",
                   "MedicationAdministration", "completed"),
    "vaccinate": (VISIT + "  - vaccinate: 140\n", "VXU^V04", "Immunization", "completed"),
    "bill": (VISIT + "  - bill: {charge: X1 Thing, price: 9.5, quantity: 2}\n", "DFT^P03", "ChargeItem", "billable"),
    "update_person": ("  - update_person: {family: Newname, phone: 312-555-0144}\n", "ADT^A08", "Patient", None),
    "death": (VISIT + "  - death\n", "ADT^A03", "Encounter", "finished"),
    "measure": (VISIT + "  - measure: {systolic: 120, saturation: 97}\n", "ADT^A01", "Observation", "final"),
    "delay": ("  - delay: 2h\n" + VISIT, "ADT^A01", "Encounter", "in-progress"),
    "repeat": (VISIT + "  - repeat: {times: 3, steps: [{note: x}]}\n", "MDM^T02", "DocumentReference", "current"),
    "choose": ("  - choose: [{steps: [admit]}, {steps: [admit]}]\n", "ADT^A01", "Encounter", "in-progress"),
    "resource": (VISIT + "  - resource: {resourceType: Flag, status: active, code: {text: x},"
                 " subject: {reference: '{patient}'}, period: {start: '{now}'}}\n", "", "Flag", "active"),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_step_writes_a_good_resource_and_is_told_by_its_message(name: str) -> None:
    text, event, kind, status = STEPS[name]
    site = played(text)
    assert site.pathways.counts == {"done": 1}, site.pathways.over
    assert (events(site) or [""])[-1] == event
    assert last(site, kind).get("status") == status
    wrong = [issue for change in site.log.changes for issue in validate_document(change.document) if issue.fails]
    assert wrong == []


PAIR = {
    "swap_beds": ("{a: {}, b: {}}", "  - admit: {person: a}\n  - admit: {person: b}\n  - swap_beds: b\n", "ADT^A17"),
    "merge": ("{a: {}, b: {like: a}}", "  - merge: b\n", "ADT^A40"),
    "unmerge": ("{a: {}, b: {like: a}}", "  - merge: b\n  - unmerge: b\n", "ADT^A37"),
    "birth": ("{a: {sex: female, age: 30}, b: {mother: a}}", "  - birth: b\n", "ADT^A28"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIR)
def test_a_step_about_two_persons_is_told_by_its_message(name: str) -> None:
    persons, text, event = PAIR[name]
    site = played(text, persons=persons)
    assert site.pathways.counts == {"done": 1}, site.pathways.over
    assert events(site)[-1] == event
    wrong = [issue for change in site.log.changes for issue in validate_document(change.document) if issue.fails]
    assert wrong == []


def test_every_step_is_tried_here() -> None:
    assert set(STEPS) | set(PAIR) | {"message"} == set(steps())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("  - discharge\n", "there was no visit"),
        (VISIT + "  - admit: SURG\n", "the stay has begun already"),
        (VISIT + "  - discharge\n  - transfer: ICU\n", "the visit is finished"),
        (VISIT + "  - cancel: transfer\n", "there was no transfer"),
        (VISIT + "  - cancel: discharge\n", "there was no discharge"),
        (VISIT + "  - leave: {back: true}\n", "the visit is in-progress"),
        (BOOKED + "  - no_show\n  - arrive\n", "there is no booked appointment"),
        (VISIT + "  - administer: x\n", "nothing was prescribed as 'x'"),
        (VISIT + "  - document: {update: replace}\n", "there is no document"),
        ("  - register: {appointment: x}\n", "there is no appointment 'x'"),
        (VISIT + "  - death\n  - death\n", "it happened before"),
    ],
)
def test_a_step_that_cannot_be_taken_fails_the_run_and_says_why(text: str, why: str) -> None:
    site = played(text)
    assert site.pathways.counts == {"failed": 1}
    assert why in site.pathways.over[-1].error
    assert "remedy" in site.pathways.over[-1].error


def test_what_a_failed_step_wrote_is_undone_and_its_bed_is_free() -> None:
    site = played("  - register: {ward: MED, appointment: x}\n")
    assert [change.resource_type for change in site.log.changes] == []
    assert site.pathways.hospital.beds.taken == {}


def test_a_transfer_taken_back_leads_to_the_old_bed() -> None:
    site = played(VISIT + "  - transfer: ICU\n  - delay: 10m\n  - cancel: transfer\n")
    places = last(site, "Encounter")["location"]
    assert [place["location"]["display"] for place in places] == ["MED 101 A"]
    assert places[0]["status"] == "active"
    assert "end" not in places[0]["period"]
    assert events(site) == ["ADT^A01", "ADT^A02", "ADT^A12"]


def test_a_discharge_taken_back_claims_the_bed_again() -> None:
    site = played(VISIT + "  - discharge\n  - delay: 10m\n  - cancel: discharge\n")
    visit = last(site, "Encounter")
    assert (visit["status"], "end" in visit["period"]) == ("in-progress", False)
    assert "dischargeDisposition" not in visit["hospitalization"]
    assert [bed.name for bed in site.pathways.hospital.beds.taken] == ["MED 101 A"]


def test_an_emergency_becomes_a_stay_under_the_same_number() -> None:
    site = played("  - register: {class: emergency, reason: I10}\n  - delay: 1h\n  - admit: CARD\n")
    visits = [change.document for change in site.log.changes if change.resource_type == "Encounter"]
    assert events(site) == ["ADT^A04", "ADT^A06"]
    assert len({visit["id"] for visit in visits}) == 1
    assert visits[-1]["classHistory"][0]["class"]["code"] == "EMER"
    assert [place["status"] for place in visits[-1]["location"]] == ["completed", "active"]


def test_a_planned_stay_begins_under_its_number() -> None:
    site = played("  - preadmit: {reason: I10}\n  - delay: 1d\n  - admit: SURG\n")
    assert events(site) == ["ADT^A05", "ADT^A01"]
    assert len({change.id for change in site.log.changes if change.resource_type == "Encounter"}) == 1


def test_two_who_change_beds_have_each_others() -> None:
    persons, text, _ = PAIR["swap_beds"]
    site = played(text, persons=persons)
    encounters = [record.document for record in site.store.overlay("Encounter")]
    assert [one["location"][-1]["location"]["display"] for one in encounters] == ["MED 101 B", "MED 101 A"]
    quiet = [change for change in site.log.changes[-2:] if change.event == QUIET]
    assert len(quiet) == 1


def test_results_once_more_under_one_name_become_final_and_are_corrected() -> None:
    text = LAB + "  - result: {order: bmp, status: preliminary}\n" + "  - result: bmp\n" * 2
    site = played(text)
    reports = [change.document for change in site.log.changes if change.resource_type == "DiagnosticReport"]
    assert [one["status"] for one in reports] == ["preliminary", "final", "corrected"]
    assert len({one["id"] for one in reports}) == 1
    observations = Counter(change.id for change in site.log.changes if change.resource_type == "Observation")
    assert set(observations.values()) == {3}
    assert last(site, "ServiceRequest")["status"] == "completed"


def test_a_correction_changes_what_it_names_alone() -> None:
    site = played(LAB + "  - result: bmp\n  - correct: {report: bmp, values: {potassium: 4.2}, text: hemolyzed}\n")
    versions = Counter(change.id for change in site.log.changes if change.resource_type == "Observation")
    assert sorted(versions.values()) == [1] * 8 + [2]
    changed = last(site, "Observation")
    assert (changed["status"], changed["valueQuantity"]["value"]) == ("corrected", 4.2)
    assert last(site, "DiagnosticReport")["conclusion"] == "hemolyzed"


def test_what_comes_later_does_not_hold_up_what_comes_next() -> None:
    site = played(LAB + "  - result: {order: bmp, after: 5h}\n  - delay: 1h\n  - discharge\n")
    assert events(site) == ["ADT^A01", "ORM^O01", "ADT^A03", "ORU^R01"]
    assert site.pathways.counts == {"done": 1}


def test_a_repeat_waits_between_its_times() -> None:
    site = played(VISIT + "  - repeat: {times: 3, every: 2h, steps: [{note: x}]}\n")
    times = [change.at for change in site.log.changes if change.event == "MDM^T02"]
    assert [later - first for first, later in pairwise(times)] == [7200.0, 7200.0]


def test_a_step_with_a_share_happens_to_that_share_of_patients() -> None:
    site = build_site(SiteOptions("a", patients=30, stepped=True))
    site.pathways.add(pathway_from(load_text("name: p\ntitle: t\nsteps: [{add_person: {chance: 25%}}]")))
    for _ in range(400):
        site.pathways.start("p")
    assert 70 < events(site).count("ADT^A28") < 130


def test_an_event_may_be_told_otherwise_or_not_at_all() -> None:
    site = played("  - update_person: {family: X, event: ADT^A31}\n  - update_person: {family: Y, event: '-'}\n")
    assert events(site) == ["ADT^A31"]


def test_history_is_written_with_its_own_times_and_told_by_nobody() -> None:
    site = build_site(SiteOptions("a", patients=30, stepped=True))
    text = "name: p\ntitle: t\nhistory: [{diagnose: {code: I10, listed: true, at: -30d}}]\nsteps: [add_person]"
    site.pathways.add(pathway_from(load_text(text)))
    site.pathways.start("p")
    condition = site.log.changes[0]
    assert (condition.document["recordedDate"][:10], condition.event) == ("2025-12-06", QUIET)
    assert events(site) == ["ADT^A28"]


def test_the_dead_and_the_merged_come_no_more() -> None:
    site = played(VISIT + "  - death\n", patients=1)
    first = site.pathways.over[-1].patients
    site.pathways.start("p")
    assert site.pathways.over[-1].patients != first


def test_a_newborn_has_a_record_that_is_linked_to_the_mothers() -> None:
    persons, text, _ = PAIR["birth"]
    site = played(text, persons=persons)
    told: dict[str, list[Change]] = {}
    for change in site.log.changes:
        told.setdefault(change.resource_type, []).append(change)
    baby, mother = told["Patient"][-2].document, told["Patient"][-1].document
    related = told["RelatedPerson"][0].document
    assert baby["birthDate"] == "2026-01-05"
    assert baby["name"][0]["family"] == mother["name"][0]["family"]
    assert related["patient"]["reference"] == f"Patient/{baby['id']}"
    assert mother["link"][0]["other"]["reference"] == f"RelatedPerson/{related['id']}"


def test_a_second_registration_is_of_the_same_person_under_another_name() -> None:
    site = played("  - merge: b\n", persons="{a: {}, b: {like: a}}")
    stays, goes = (record.document for record in site.store.overlay("Patient")[::-1])
    assert (stays["birthDate"], stays["gender"]) == (goes["birthDate"], goes["gender"])
    assert stays["name"][0]["family"] != goes["name"][0]["family"]
    assert {stays["active"], goes["active"]} == {True, False}
    assert stays["identifier"][0]["value"] != goes["identifier"][0]["value"]


def test_a_resource_of_ones_own_has_versions_by_its_name() -> None:
    flag = "{resourceType: Flag, status: %s, code: {text: x}, subject: {reference: '{patient}'}}"
    text = "".join(f"  - resource: {{name: f, resource: {flag % status}}}\n" for status in ("active", "inactive"))
    site = played(text)
    assert [(record.version, record.document["status"]) for record in site.store.overlay("Flag")] == [(2, "inactive")]


def test_a_resource_that_names_a_visit_wants_one() -> None:
    flag = "{resourceType: Flag, status: active, code: {text: x}, subject: {reference: '{patient}'}"
    site = played(f"  - resource: {flag}, encounter: {{reference: '{{encounter}}'}}}}\n")
    assert "there was no visit" in site.pathways.over[-1].error


def test_somebody_waits_for_an_appointment_and_comes_when_it_begins() -> None:
    site = played("  - schedule: {in: 9d}\n  - delay: {until: appointment}\n  - arrive\n")
    begins = datetime.fromisoformat(last(site, "Appointment")["start"]).timestamp()
    (came,) = [change.at for change in site.log.changes if change.event == "SIU^S14"]
    assert begins - 1800 <= came <= begins


def test_consulting_hours_are_waited_for_and_those_of_the_day_at_once() -> None:
    # the site's clock begins on a Monday at 12:00 UTC
    site = played(
        "  - delay: 5d\n  - delay: {until: consulting-hours}\n"
        + VISIT
        + "  - delay: {until: daytime}\n  - discharge\n"
    )
    (came,) = [datetime.fromtimestamp(change.at, UTC) for change in site.log.changes if change.event == "ADT^A01"]
    assert came.weekday() == 0
    assert 14 <= came.hour < 22
    assert [change.at for change in site.log.changes if change.event == "ADT^A03"] == [
        pytest.approx(came.timestamp())
    ]


def test_weight_stays_where_it_was_and_specimens_are_older_than_their_results() -> None:
    site = played(LAB + "  - measure: {weight: {from: 60, to: 90}}\n" * 5 + "  - delay: 5h\n  - result: bmp\n")
    weights = [
        change.document["valueQuantity"]["value"]
        for change in site.log.changes
        if change.resource_type == "Observation" and change.document["code"]["coding"][0]["code"] == "29463-7"
    ]
    assert len(weights) == 5
    assert max(weights) - min(weights) < 2
    report, order = last(site, "DiagnosticReport"), last(site, "ServiceRequest")
    assert order["authoredOn"] < report["effectiveDateTime"] < report["issued"]
    assert last(site, "Specimen")["collection"]["collectedDateTime"] == report["effectiveDateTime"]
