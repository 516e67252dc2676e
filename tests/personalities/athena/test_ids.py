"""athenahealth's ids, both ways."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.personalities.athena.ids import AthenaIds, bare, slot_number, slot_value
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.ids import WRITTEN_FROM
from mockehr.personalities.load import load_personality

FACTS = SiteFacts("north", Chance("ids").key, tenant="195900")
PLACES = [(0, 0), (0, 17), (12, 3), (999_999, 250), (9_999_999, 4095), (None, 0), (None, 41)]


@pytest.fixture(scope="module")
def ids() -> AthenaIds:
    found = load_personality("athena", facts=FACTS).ids(FACTS)
    assert isinstance(found, AthenaIds)
    return found


@pytest.mark.behaviour("athena", "id-grammar", "id-tokens")
@pytest.mark.parametrize(
    ("kind", "flavour", "form"),
    [
        ("Patient", "", r"a-195900\.E-\d+"),
        ("Encounter", "", r"a-195900\.encounter-\d+"),
        ("ServiceRequest", "", r"a-195900\.ambulatoryorder-\d+"),
        ("Condition", "encounter-diagnosis", r"a-195900\.EncounterDx-\d+"),
        ("Condition", "problem-list-item", r"a-195900\.Problem-\d+"),
        ("Condition", "health-concern", r"a-195900\.AmbulatoryPlanProblem-\d+"),
        ("Observation", "laboratory", r"a-195900\.resultamb-\d+"),
        ("Observation", "vital-signs", r"a-195900\.vitalamb-\d+"),
        ("Observation", "blood-pressure", r"a-195900\.vitalamb-bp-\d+-\d+"),
        ("Observation", "occupation", r"a-195900\.occupation-\d+"),
        ("Observation", "smoking-status", r"a-195900\.smokingStatus-\d+"),
        ("AllergyIntolerance", "", r"a-195900\.pa-\d+"),
        ("Device", "", r"a-195900\.implantabledevice-\d+"),
        ("DiagnosticReport", "", r"a-195900\.clinicalresult-\d+"),
        ("DocumentReference", "laboratory", r"a-195900\.laboratoryReport-\d+"),
        ("DocumentReference", "history", r"a-195900\.hpiNote-\d+"),
        ("DocumentReference", "note", r"a-195900\.hpiTemplate-\d+"),
        ("Immunization", "historical", r"a-195900\.historical-\d+"),
        ("Immunization", "", r"a-195900\.clinical-\d+"),
        ("Goal", "", r"a-195900\.ClinicalEncounterGoal-\d+"),
        ("Goal", "plan", r"a-195900\.AmbulatoryPlanGoal-\d+"),
        ("CarePlan", "", r"a-195900\.AmbulatoryCarePlan-\d+"),
        ("CareTeam", "", r"a-195900\.AmbulatoryCareTeam-\d+"),
        ("Procedure", "", r"a-195900\.prda\.\d+\.\d+"),
        ("Procedure", "history", r"a-195900\.shb\.\d+\.\d+"),
        ("Practitioner", "", r"a-195900\.Provider-\d+"),
        ("Organization", "clinical-provider", r"a-1\.CP-\d+"),
        ("Organization", "provider-group", r"a-195900\.PG-\d+"),
        ("Location", "", r"a-195900\.Department-\d+"),
    ],
)
def test_ids_tell_the_practice_and_the_kind_and_lead_back(ids: AthenaIds, kind: str, flavour: str, form: str) -> None:
    seen = set()
    for index, ordinal in PLACES:
        if kind == "Patient" and ordinal:
            continue
        id = ids.encode(kind, index, ordinal, flavour)
        assert re.fullmatch(form, id)
        assert ids.decode(kind, id) == (index, ordinal)
        seen.add(id)
    fresh = ids.fresh(kind, 7)
    assert ids.decode(kind, fresh) == (WRITTEN_FROM + 7, 0)
    assert fresh not in seen
    assert ids.own(kind, 7, flavour) not in seen


@pytest.mark.parametrize(
    "text", ["", "a-195900", "a-7.E-60178", "a-1.E-60178", "a-195900.E-060178", "a-195900.E-60177",
             "a-195900.e-60178", "E-60178", "60178", "a-195900.E-60181", "a-195900.E-6017x", "a-195900.pa-60178"]
)  # fmt: skip
def test_what_was_never_given_out_leads_nowhere(ids: AthenaIds, text: str) -> None:
    assert ids.decode("Patient", text) is None


def test_the_practice_is_one_and_its_number_is_told_by_whoever_says_it() -> None:
    facts: Any = SiteFacts("north", Chance("ids").key, tenant="4711")
    vendor = load_personality("athena", facts=facts)
    assert vendor.ids(facts).encode("Organization", None, 0, "practice") == "a-1.Practice-4711"
    assert vendor.settings["events"]["athena"]["practice"] == "4711"
    assert vendor.settings["hl7"]["sending_facility"].startswith("4711^")
    drawn = [SiteFacts("north", Chance(seed).key) for seed in ("x", "y")]
    numbers = {load_personality("athena", facts=one).tenant(one) for one in drawn}
    assert len(numbers) == 2
    assert all(number.isdigit() for number in numbers)


def test_slots_have_numbers_that_nothing_else_has(ids: AthenaIds) -> None:
    for value in (0, 1, 5_000_000):
        assert slot_value(slot_number(value)) == value
        assert ids.decode("Appointment", ids.own("Appointment", value)) is None
    assert slot_value(int(bare(ids.encode("Appointment", 3, 5)))) is None
    assert slot_value(int(bare(ids.fresh("Appointment", 5)))) is None
