import base64
import json
import re
from collections import Counter
from html import unescape

import pytest

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.population.chart import Chart, Staff, draw_chart, medications, staff_of
from mockehr.population.chart.times import day_start
from mockehr.population.population import Population

CHANCE = Chance("charts")
POPULATION = Population(CHANCE, 5000, as_of=STEPPED_START)
STAFF = staff_of(POPULATION.directory.resources)
SHARED = re.compile(r"^(Practitioner|Organization|Location|Medication)/d(\d+)$")
DATE = re.compile(r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$")


def chart(index: int) -> Chart:
    return draw_chart(CHANCE, POPULATION.person(index), STAFF, as_of=STEPPED_START)


@pytest.fixture(scope="module")
def charts() -> list[Chart]:
    return [chart(index) for index in range(250)]


def of_type(one: Chart, kind: str) -> list[dict]:
    return [resource for resource in one.resources if resource["resourceType"] == kind]


def strings(node, key=""):
    if isinstance(node, dict):
        for name, value in node.items():
            yield from strings(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value, key)
    elif isinstance(node, str):
        yield key, node


def test_the_same_seed_gives_equal_charts_in_any_order():
    forwards = {index: chart(index) for index in range(30)}
    again = Chance("charts")
    persons = Population(again, 5000, as_of=STEPPED_START)
    for index in reversed(range(30)):
        drawn = draw_chart(again, persons.person(index), STAFF, as_of=STEPPED_START)
        assert json.dumps(drawn.resources) == json.dumps(forwards[index].resources)
        assert drawn.times == forwards[index].times


def test_another_seed_gives_another_chart():
    other = draw_chart(Chance("other"), POPULATION.person(3), STAFF, as_of=STEPPED_START)
    assert other.resources != chart(3).resources


def test_drawing_changes_nothing_that_charts_share():
    before = json.dumps(chart(5).resources)
    for index in range(6, 40):
        chart(index)
    assert json.dumps(chart(5).resources) == before


def test_the_patient_comes_first_and_ids_tell_the_position(charts):
    for one in charts:
        assert one.resources[0]["id"] == f"p{one.index}"
        assert one.resources[0]["resourceType"] == "Patient"
        assert len({resource["id"] for resource in one.resources}) == len(one.resources) == len(one.times)
        for ordinal, resource in enumerate(one.resources[1:], 1):
            assert resource["id"] == f"p{one.index}-{ordinal}"


def test_every_reference_resolves_in_the_chart_or_the_directory(charts):
    sizes = {kind: len(members) for kind, members in POPULATION.directory.resources.items()}
    sizes["Medication"] = len(medications())
    for one in charts:
        known = {f"{resource['resourceType']}/{resource['id']}" for resource in one.resources}
        for key, text in strings(list(one.resources)):
            if key == "reference" or (key == "url" and text.startswith("Binary/")):
                shared = SHARED.match(text)
                assert text in known or (shared and int(shared[2]) < sizes[shared[1]]), text


def test_clean_resources_have_no_version_and_no_last_update(charts):
    for one in charts:
        for resource in one.resources:
            assert set(resource.get("meta", {"profile": ()})) == {"profile"}


def test_a_chart_has_a_handful_of_problems_and_a_bounded_size(charts):
    sizes = sorted(len(one.resources) for one in charts)
    assert 70 <= sizes[len(sizes) // 2] <= 110
    assert sizes[0] >= 15
    assert sizes[-1] <= 240
    assert sum(40 <= size <= 120 for size in sizes) >= 0.75 * len(sizes)


def test_everybody_but_a_newborn_has_between_one_and_six_problems(charts):
    for one in charts:
        if one.resources[0]["birthDate"] > "2025-12-01":
            continue
        problems = {
            (condition["code"]["text"], condition["onsetDateTime"])
            for condition in of_type(one, "Condition")
            if not condition["code"]["coding"][0]["code"].startswith(("Z00", "Z59", "J44.1"))
        }
        assert 1 <= len(problems) <= 6


def test_every_prescription_is_explained_by_a_condition(charts):
    seen = 0
    for one in charts:
        conditions = {f"Condition/{resource['id']}" for resource in of_type(one, "Condition")}
        for request in of_type(one, "MedicationRequest"):
            assert request["reasonReference"][0]["reference"] in conditions
            seen += 1
    assert seen > 300


def test_about_half_of_the_prescriptions_name_the_drug_by_reference(charts):
    requests = [request for one in charts for request in of_type(one, "MedicationRequest")]
    referring = sum("medicationReference" in request for request in requests)
    assert 0.38 < referring / len(requests) < 0.62


def test_nobody_is_given_what_an_allergy_forbids(charts):
    checked = 0
    for one in charts:
        allergens = {allergy["code"].get("text") for allergy in of_type(one, "AllergyIntolerance")}
        if not allergens & {"penicillin G", "amoxicillin"}:
            continue
        checked += 1
        assert "amoxicillin" not in json.dumps(of_type(one, "MedicationRequest"))
    assert checked > 5


def test_nothing_happens_after_death(charts):
    dead = [one for one in charts if "deceasedDateTime" in one.resources[0]]
    assert dead
    for one in dead:
        limit = day_start(one.resources[0]["deceasedDateTime"])
        assert max(one.times) <= limit
        planned = {"dueDate"}
        for resource in one.resources[1:]:
            for key, text in strings(resource):
                if DATE.match(text) and key not in planned:
                    assert day_start(text) <= limit, (resource["resourceType"], key, text)
        assert not [plan for plan in of_type(one, "Appointment") if plan["status"] == "booked"]
        assert all(request["status"] != "active" for request in of_type(one, "MedicationRequest"))


def test_nothing_but_plans_lies_in_the_future_and_nothing_before_birth(charts):
    for one in charts:
        born = day_start(one.resources[0]["birthDate"])
        for resource in one.resources:
            assert born <= one.recorded(resource) <= STEPPED_START
            for key, text in strings(resource):
                if DATE.match(text) and key != "dueDate" and resource["resourceType"] != "Appointment":
                    assert born <= day_start(text) <= STEPPED_START, (resource["resourceType"], key, text)


def test_the_living_have_exactly_one_appointment_to_come(charts):
    for one in charts:
        booked = [plan for plan in of_type(one, "Appointment") if plan["status"] == "booked"]
        assert len(booked) == (0 if "deceasedDateTime" in one.resources[0] else 1)
        assert all(day_start(plan["start"]) >= STEPPED_START for plan in booked)


def test_notes_speak_of_the_patient_and_can_be_read(charts):
    formats = Counter()
    for one in charts[:60]:
        binaries = of_type(one, "Binary")
        for binary in binaries:
            text = base64.b64decode(binary["data"]).decode()
            assert one.resources[0]["name"][0]["family"] in unescape(text)
            assert one.resources[0]["birthDate"] in text
            formats[binary["contentType"]] += 1
    assert set(formats) == {"text/plain", "text/html"}


def test_older_encounters_carry_the_older_classification_beside_the_newer(charts):
    systems = Counter()
    for one in charts:
        for condition in of_type(one, "Condition"):
            named = [coding["system"] for coding in condition["code"]["coding"]]
            assert named[0] == "http://hl7.org/fhir/sid/icd-10-cm"
            older = "http://hl7.org/fhir/sid/icd-9-cm" in named
            assert older == (condition["recordedDate"] < "2015-10-01")
            systems[older] += 1
    assert systems[True] > 10


def test_a_staff_without_names_gives_references_without_displays():
    bare = draw_chart(CHANCE, POPULATION.person(8), Staff(3, 2, 2), as_of=STEPPED_START)
    for key, text in strings(list(bare.resources)):
        if key == "reference" and (shared := SHARED.match(text)):
            limit = {"Practitioner": 3, "Organization": 2, "Location": 2}.get(shared[1], 1000)
            assert int(shared[2]) < limit


def test_newborns_and_the_very_old_have_charts_too():
    for birth in ("2026-01-05", "2026-01-02", "2025-12-20", "2025-06-01", "1916-02-29"):
        person = POPULATION.person(11)
        changed = type(person)(
            **{name: getattr(person, name) for name in person.__slots__} | {"birth_date": birth, "deceased": ""}
        )
        drawn = draw_chart(CHANCE, changed, STAFF, as_of=STEPPED_START)
        assert of_type(drawn, "Encounter")
        assert max(drawn.times) <= STEPPED_START


def test_medications_are_the_targets_of_references():
    assert [medication["id"] for medication in medications()[:2]] == ["d0", "d1"]
    assert all(medication["code"]["coding"][0]["system"].endswith("rxnorm") for medication in medications())
