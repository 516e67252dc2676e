"""Charts as a clinician, an informatician and a data-quality engineer would read them."""

import base64
import json
import re
import subprocess
import sys
from collections import defaultdict
from html import unescape
from itertools import pairwise

import pytest

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.population.chart import draw_chart, staff_of
from mockehr.population.chart.codes import row, table
from mockehr.population.chart.times import day_start
from mockehr.population.npi import check_digit
from mockehr.population.population import Population

CHANCE = Chance("coherence")
POPULATION = Population(CHANCE, 5000, as_of=STEPPED_START)
STAFF = staff_of(POPULATION.directory.resources)
DRUGS = {entry["display"]: entry for entry in table("rxnorm").values()}
YEAR = 365.25 * 86400


@pytest.fixture(scope="module")
def charts():
    return [
        draw_chart(CHANCE, POPULATION.person(index), STAFF, as_of=STEPPED_START).resources for index in range(700)
    ]


def of_type(chart, kind):
    return [resource for resource in chart if resource["resourceType"] == kind]


def code_of(resource):
    return resource["code"]["coding"][0]["code"]


def seconds(text):
    if len(text) == 10:
        return day_start(text)
    hours, minutes, rest = text[11:].rstrip("Z").split(":")
    return day_start(text) + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def age_at(chart, text):
    return (seconds(text) - day_start(chart[0]["birthDate"])) / YEAR


def nodes(node, path=""):
    """Every dict of a resource with the path to it."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value, path)


def measured(chart, loinc):
    """(time, value) of one measurement, in order."""
    return sorted(
        (one["effectiveDateTime"], one["valueQuantity"]["value"])
        for one in of_type(chart, "Observation")
        if code_of(one) == loinc and "valueQuantity" in one
    )


def diagnoses(chart):
    return {code_of(condition) for condition in of_type(chart, "Condition")}


def drug_of(request):
    named = request.get("medicationReference", {}).get("display") or request["medicationCodeableConcept"]["text"]
    return DRUGS[named]


def pregnancies(chart):
    """(first day, last day) of every pregnancy; one that goes on has no last day."""
    return {
        (one["onsetDateTime"], one.get("abatementDateTime", "9999-01-01"))
        for one in of_type(chart, "Condition")
        if code_of(one) == "Z34.80"
    }


# form of codes and numbers


def test_loinc_codes_carry_their_check_digit():
    for code in table("loinc"):
        if code.startswith(("LA", "LP")):
            continue
        body, _, check = code.partition("-")
        total = 0
        for place, digit in enumerate(reversed(body)):
            doubled = int(digit) * (1 if place % 2 else 2)
            total += doubled - 9 if doubled > 9 else doubled
        assert -total % 10 == int(check), code


def test_diagnosis_and_drug_codes_have_their_form(charts):
    forms = {
        "http://hl7.org/fhir/sid/icd-10-cm": r"[A-TV-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?",
        "http://hl7.org/fhir/sid/icd-9-cm": r"(\d{3}|V\d\d|E\d{3})(\.\d{1,2})?",
        "http://www.cms.gov/Medicare/Coding/ICD10": r"[0-9A-HJ-NP-Z]{7}",
        "http://www.nlm.nih.gov/research/umls/rxnorm": r"\d{3,7}",
        "http://hl7.org/fhir/sid/ndc": r"\d{11}",
        "http://hl7.org/fhir/sid/cvx": r"\d{2,3}",
        "http://snomed.info/sct": r"\d{6,18}",
    }
    seen = set()
    for chart in charts:
        for _, node in nodes(list(chart)):
            if node.get("system") in forms and "code" in node:
                assert re.fullmatch(forms[node["system"]], node["code"]), node
                seen.add(node["system"])
    assert seen == set(forms)


def test_concept_numbers_of_snomed_end_in_their_check_digit(charts):
    times = ["0123456789", "1234067895", "2340178956", "3401289567", "4012395678"]
    times += ["5987604321", "6598710432", "7659821043", "8765932104", "9876543210"]
    turns = ["0123456789", "1576283094", "5803796142", "8916043527"]
    turns += ["9453126870", "4286573901", "2793806415", "7046913258"]

    def check(number):
        found = 0
        for place, digit in enumerate(reversed(number)):
            found = int(times[found][int(turns[place % 8][int(digit)])])
        return found

    numbers = {
        node["code"]
        for chart in charts
        for _, node in nodes(list(chart))
        if node.get("system") == "http://snomed.info/sct"
    }
    assert len(numbers) > 30
    assert not [number for number in numbers if check(number)]


def test_every_concept_says_in_words_what_it_means(charts):
    for chart in charts:
        for resource in chart:
            for path, node in nodes(resource):
                if "coding" in node:
                    assert node.get("text"), (resource["resourceType"], path, node)


def test_every_unit_is_a_code_of_ucum(charts):
    for chart in charts:
        for resource in chart:
            for path, node in nodes(resource):
                if "value" in node and "unit" in node:
                    assert node["system"] == "http://unitsofmeasure.org", (resource["resourceType"], path)
                    assert row("ucum", node["code"])["unit"] == node["unit"]


def test_nobody_can_be_reached_or_paid_by_the_numbers_in_a_chart(charts):
    members = [member for kind in POPULATION.directory.resources.values() for member in kind]
    checked = 0
    for resource in [*(chart[0] for chart in charts), *members]:
        for point in resource.get("telecom", ()):
            if point["system"] == "email":
                assert point["value"].endswith(("@example.org", "@example.com", "@example.net"))
            elif point["system"] in ("phone", "fax"):
                assert re.search(r"555\D?01\d\d$", point["value"]), point
            checked += 1
        for identifier in resource.get("identifier", ()):
            if identifier.get("system") == "http://hl7.org/fhir/sid/us-npi":
                assert int(identifier["value"][9]) != check_digit(identifier["value"][:9])
                checked += 1
            if identifier.get("system") == "http://hl7.org/fhir/sid/us-ssn":
                assert identifier["value"].startswith(("000", "9"))
    assert checked > 400


# time


def test_periods_end_after_they_begin(charts):
    for chart in charts:
        for resource in chart:
            for path, node in nodes(resource):
                if {"start", "end"} <= set(node):
                    assert seconds(node["start"]) <= seconds(node["end"]), (resource["id"], path, node)


def test_nobody_is_in_two_places_at_once(charts):
    for chart in charts:
        periods = sorted((one["period"]["start"], one["period"]["end"]) for one in of_type(chart, "Encounter"))
        for (_, end), (start, _) in pairwise(periods):
            assert end <= start, (chart[0]["id"], end, start)


def test_problems_begin_before_they_are_recorded_and_end_after_they_began(charts):
    for chart in charts:
        for one in of_type(chart, "Condition"):
            assert chart[0]["birthDate"] <= one["onsetDateTime"] <= one["recordedDate"][:10]
            over = one["clinicalStatus"]["coding"][0]["code"] == "resolved"
            assert over == ("abatementDateTime" in one)
            assert one["onsetDateTime"] <= one.get("abatementDateTime", "9999")


def test_what_belongs_to_an_encounter_happens_in_it_or_soon_after(charts):
    fields = {
        "Observation": "effectiveDateTime",
        "DiagnosticReport": "effectiveDateTime",
        "MedicationRequest": "authoredOn",
        "Condition": "recordedDate",
        "Immunization": "occurrenceDateTime",
    }
    checked = 0
    for chart in charts:
        periods = {f"Encounter/{one['id']}": one["period"] for one in of_type(chart, "Encounter")}
        for resource in chart:
            if resource["resourceType"] not in fields or "encounter" not in resource:
                continue
            name = fields[resource["resourceType"]]
            period = periods[resource["encounter"]["reference"]]
            assert period["start"] <= resource[name] <= period["end"], (resource["id"], resource[name], period)
            if "issued" in resource:
                assert resource[name] <= resource["issued"]
                assert seconds(resource["issued"]) <= seconds(period["end"]) + 2 * 86400
            checked += 1
    assert checked > 20000


def test_every_report_comes_after_its_results_which_are_of_the_same_visit(charts):
    checked = 0
    for chart in charts:
        known = {f"{one['resourceType']}/{one['id']}": one for one in chart}
        for report in of_type(chart, "DiagnosticReport"):
            for reference in report.get("result", ()):
                result = known[reference["reference"]]
                assert result["subject"] == report["subject"]
                assert result["encounter"] == report["encounter"]
                assert result["effectiveDateTime"] == report["effectiveDateTime"]
                assert result["issued"] <= report["issued"]
                checked += 1
    assert checked > 5000


def test_notes_are_signed_after_the_results_they_tell_of(charts):
    checked = 0
    for chart in charts:
        for note in of_type(chart, "DocumentReference"):
            visit = note["context"]["encounter"][0]["reference"]
            text = words(chart, note)
            for one in of_type(chart, "Observation"):
                flagged = one.get("interpretation", [{"text": "Normal"}])[0]["text"] in ("High", "Low")
                if flagged and one["encounter"]["reference"] == visit and "valueQuantity" in one:
                    shown = f"{one['valueQuantity']['value']} {one['valueQuantity']['unit']}"
                    assert shown in text
                    assert one["issued"] <= note["date"]
                    checked += 1
    assert checked > 400


def words(chart, note):
    """The text of a note."""
    attachment = note["content"][0]["attachment"]
    data = attachment.get("data")
    if data is None:
        place = attachment["url"].partition("/")[2]
        data = next(one["data"] for one in of_type(chart, "Binary") if one["id"] == place)
    return unescape(base64.b64decode(data).decode())


def test_notes_name_the_pressure_that_was_measured(charts):
    checked = 0
    for chart in charts:
        pressures = {
            one["encounter"]["reference"]: "/".join(str(part["valueQuantity"]["value"]) for part in one["component"])
            for one in of_type(chart, "Observation")
            if code_of(one) == "85354-9" and "dataAbsentReason" not in one
        }
        for note in of_type(chart, "DocumentReference"):
            told = pressures.get(note["context"]["encounter"][0]["reference"])
            if told:
                assert f"BP {told} mmHg" in words(chart, note)
                checked += 1
    assert checked > 400


def test_notes_tell_of_positive_tests(charts):
    checked = 0
    for chart in charts:
        positive = {
            one["encounter"]["reference"]
            for one in of_type(chart, "Observation")
            if one.get("interpretation", [{}])[0].get("text") == "Abnormal"
        }
        for note in of_type(chart, "DocumentReference"):
            if note["context"]["encounter"][0]["reference"] in positive:
                assert " positive" in words(chart, note)
                checked += 1
    assert checked > 3


def test_provenance_is_recorded_no_earlier_than_what_it_speaks_of(charts):
    covered = defaultdict(int)
    for chart in charts:
        dates = {"Condition": "recordedDate", "Immunization": "recorded", "DocumentReference": "date"}
        known = {f"{one['resourceType']}/{one['id']}": one for one in chart}
        for provenance in of_type(chart, "Provenance"):
            for target in provenance["target"]:
                found = known[target["reference"]]
                name = dates.get(found["resourceType"])
                assert name is None or found[name] <= provenance["recorded"]
                covered[found["resourceType"]] += 1
    wanted = {"Condition", "AllergyIntolerance", "MedicationRequest", "Immunization", "DocumentReference"}
    assert wanted <= set(covered)


# bodies


def test_children_grow_and_never_shrink(charts):
    checked = 0
    for chart in charts:
        heights = [(seconds(at), value) for at, value in measured(chart, "8302-2")]
        for (before, shorter), (after, taller) in pairwise(heights):
            assert taller >= shorter
            assert taller - shorter <= 3 + 40 * (after - before) / YEAR
            checked += 1
    assert checked > 150


def test_children_weigh_what_children_of_their_age_weigh(charts):
    # wider than the third and the ninety-seventh percentile, by growth charts of WHO and CDC
    bounds = ((0, 2.2, 6.5), (0.5, 5, 11), (1, 6.5, 14), (2, 8.5, 19), (4, 11.5, 28), (6, 14, 38), (10, 20, 68))
    checked = 0
    for chart in charts:
        for at, weight in measured(chart, "29463-7"):
            age = age_at(chart, at)
            if age < 13:
                _, low, _ = max(bound for bound in bounds if bound[0] <= age)
                high = next((bound[2] for bound in bounds if bound[0] >= age), 85)
                assert low <= weight <= high, (chart[0]["id"], age, weight)
                checked += 1
    assert checked > 150


def test_vital_signs_are_those_of_the_age(charts):
    checked = 0
    for chart in charts:
        for at, rate in measured(chart, "9279-1"):
            low, high = (24, 60) if age_at(chart, at) < 1 else (16, 44) if age_at(chart, at) < 5 else (11, 34)
            assert low <= rate <= high, (chart[0]["id"], age_at(chart, at), rate)
            checked += 1
        for at, rate in measured(chart, "8867-4"):
            low, high = (95, 175) if age_at(chart, at) < 1 else (70, 155) if age_at(chart, at) < 5 else (45, 140)
            assert low <= rate <= high, (chart[0]["id"], age_at(chart, at), rate)
    assert checked > 800


def test_a_weight_follows_the_one_before(charts):
    for chart in charts:
        expecting = pregnancies(chart)
        weights = [(seconds(at), value) for at, value in measured(chart, "29463-7")]
        for (before, lighter), (after, heavier) in pairwise(weights):
            if not expecting and after - before < 0.5 * YEAR and lighter > 30:
                assert abs(heavier - lighter) < 0.08 * lighter + 1, (chart[0]["id"], lighter, heavier)


def test_blood_pressure_is_that_of_the_age(charts):
    checked = 0
    for chart in charts:
        for one in of_type(chart, "Observation"):
            if code_of(one) != "85354-9" or "dataAbsentReason" in one:
                continue
            systolic, diastolic = (part["valueQuantity"]["value"] for part in one["component"])
            low, high = (70, 130) if age_at(chart, one["effectiveDateTime"]) < 12 else (85, 205)
            assert low <= systolic <= high, (chart[0]["id"], systolic)
            assert 35 <= diastolic <= min(125, systolic - 18)
            checked += 1
    assert checked > 2000


def test_fever_has_a_reason(charts):
    feverish = re.compile(r"J02|H66|J20|J06|J18")
    checked = 0
    for chart in charts:
        for _, heat in measured(chart, "8310-5"):
            assert 35.8 <= heat <= 40.8
            if heat >= 37.8:
                assert any(feverish.match(code) for code in diagnoses(chart)), chart[0]["id"]
                checked += 1
    assert checked > 20


# laboratory


def test_marked_results_are_explained_by_a_problem(charts):
    explained = (
        ("4548-4", lambda value: value >= 6.5, r"E11"),
        ("3016-3", lambda value: value > 8, r"E03"),
        ("98979-8", lambda value: value < 55, r"N18"),
        ("718-7", lambda value: value < 11, r"D50|N18|Z34"),
        ("6690-2", lambda value: value > 12.5, r"J18"),
        ("13457-7", lambda value: value > 190, r"E78"),
    )
    for loinc, marked, problems in explained:
        found = 0
        for chart in charts:
            for at, value in measured(chart, loinc):
                if marked(value):
                    known = any(re.match(problems, code) for code in diagnoses(chart))
                    assert known, (chart[0]["id"], loinc, at, value)
                    found += 1
        assert found, loinc


def test_flags_agree_with_values_and_ranges(charts):
    seen = defaultdict(int)
    for chart in charts:
        for one in of_type(chart, "Observation"):
            if "referenceRange" not in one or "valueQuantity" not in one:
                continue
            bounds, value = one["referenceRange"][0], one["valueQuantity"]["value"]
            low, high = (bounds.get(side, {}).get("value") for side in ("low", "high"))
            flag = one["interpretation"][0]["coding"][0]["code"]
            expected = "L" if low is not None and value < low else "H" if high is not None and value > high else "N"
            assert flag == expected, (one["id"], value, bounds, flag)
            assert {bounds[side]["code"] for side in ("low", "high") if side in bounds} == {
                one["valueQuantity"]["code"]
            }
            seen[flag] += 1
    assert min(seen[flag] for flag in "LHN") > 50


def test_the_range_of_hemoglobin_and_creatinine_is_that_of_the_sex(charts):
    ranges = defaultdict(set)
    for chart in charts:
        for one in of_type(chart, "Observation"):
            if code_of(one) in ("718-7", "4544-3", "2160-0", "2276-4") and "referenceRange" in one:
                ranges[code_of(one)].add((chart[0]["gender"], json.dumps(one["referenceRange"])))
    for code, found in ranges.items():
        assert len(found) == len({sex for sex, _ in found}) == len({text for _, text in found}), code


def test_few_results_of_the_healthy_are_out_of_range(charts):
    chronic = re.compile(r"E11|N18|D50|E78|E03|I48|K80|Z34|J18|J44|E66")
    flags = [
        one["interpretation"][0]["coding"][0]["code"]
        for chart in charts
        if not any(chronic.match(code) for code in diagnoses(chart))
        for one in of_type(chart, "Observation")
        if "referenceRange" in one
    ]
    assert len(flags) > 1000
    assert 0.01 < sum(flag != "N" for flag in flags) / len(flags) < 0.12


def test_the_filtration_rate_is_that_of_the_stage_of_kidney_disease(charts):
    stages = {"N18.30": (29, 60), "N18.31": (43, 61), "N18.32": (28, 47)}
    checked = 0
    for chart in charts:
        for one in of_type(chart, "Condition"):
            if code_of(one) not in stages:
                continue
            low, high = stages[code_of(one)]
            for at, rate in measured(chart, "98979-8"):
                if seconds(at) > day_start(one["onsetDateTime"]) + 1.2 * YEAR:
                    assert low <= rate <= high, (chart[0]["id"], code_of(one), rate)
                    checked += 1
    assert checked > 20


def test_filtration_rates_are_for_adults_only(charts):
    ages = [age_at(chart, at) for chart in charts for at, _ in measured(chart, "98979-8")]
    assert min(ages) >= 17.99
    assert len(ages) > 300


def test_who_is_said_to_have_streptococci_has_a_positive_test(charts):
    found = [
        one["interpretation"][0]["coding"][0]["code"]
        for chart in charts
        for one in of_type(chart, "Observation")
        if code_of(one) == "78012-2" and "J02.0" in diagnoses(chart)
    ]
    assert found
    assert set(found) == {"A"}


def test_the_clotting_time_is_long_only_after_warfarin_was_prescribed():
    checked = 0
    old = [index for index in range(1500) if POPULATION.person(index).birth_date < "1970"]
    for index in old:
        chart = draw_chart(CHANCE, POPULATION.person(index), STAFF, as_of=STEPPED_START).resources
        begun = [one["authoredOn"] for one in of_type(chart, "MedicationRequest") if drug_of(one)["code"] == "855332"]
        for at, value in measured(chart, "6301-6"):
            assert value < 1.5 or min(begun, default="9999") < at, chart[0]["id"]
            checked += value > 1.5
    assert checked > 3


# drugs


def test_drugs_suit_the_age(charts):
    checked = 0
    for chart in charts:
        for request in of_type(chart, "MedicationRequest"):
            drug, age = drug_of(request), age_at(chart, request["authoredOn"])
            assert drug.get("youngest", 0) - 0.01 <= age < drug.get("oldest", 200), (drug["display"], age)
            tablets = drug["unit"] in ("{tbl}", "{capsule}")
            assert not tablets or age >= 4.99, (drug["display"], age)
            checked += age < 12
    assert checked > 20


def test_no_drug_is_given_against_an_allergy_or_another_problem(charts):
    checked = 0
    classes = {entry["display"]: entry["class"] for entry in table("ingredients").values()}
    for chart in charts:
        forbidden = {classes.get(one["code"]["text"]) for one in of_type(chart, "AllergyIntolerance")} - {None}
        thinned = {"855332", "1364445"} & {drug_of(one)["code"] for one in of_type(chart, "MedicationRequest")}
        if thinned or any(code.startswith("N18") for code in diagnoses(chart)):
            forbidden.add("nsaid")
        for request in of_type(chart, "MedicationRequest"):
            assert drug_of(request).get("class") not in forbidden, (chart[0]["id"], drug_of(request)["display"])
            checked += bool(forbidden)
    assert checked > 50


def test_nobody_with_child_is_given_what_harms_the_child(charts):
    harmful = {"314076", "979485", "617310", "312961", "259255", "855332", "198014", "197806"}
    checked = 0
    for chart in charts:
        for began, ended in pregnancies(chart):
            for request in of_type(chart, "MedicationRequest"):
                active = request["status"] == "active" and ended == "9999-01-01"
                if active or began <= request["authoredOn"][:10] <= ended:
                    assert drug_of(request)["code"] not in harmful, (chart[0]["id"], drug_of(request)["display"])
                    checked += 1
    assert checked > 5


def test_an_active_long_term_prescription_was_written_or_renewed_lately(charts):
    checked = 0
    for chart in charts:
        if "deceasedDateTime" in chart[0]:
            continue
        for request in of_type(chart, "MedicationRequest"):
            if request["status"] == "active":
                supply = request["dispenseRequest"]
                days = supply["expectedSupplyDuration"]["value"] * (supply["numberOfRepeatsAllowed"] + 1)
                assert seconds(request["authoredOn"]) + (days + 200) * 86400 > STEPPED_START, request["id"]
                checked += 1
    assert checked > 200


# who can have what


def test_only_women_of_an_age_to_bear_children_are_pregnant(charts):
    checked = 0
    for chart in charts:
        spans = pregnancies(chart)
        for began, _ in spans:
            assert chart[0]["gender"] == "female"
            assert 16.9 <= age_at(chart, began) < 45
            checked += 1
        for first, second in pairwise(sorted(spans)):
            assert first[1] < second[0]
    assert checked > 5


def test_children_rarely_smoke_and_nobody_unlearns_having_smoked(charts):
    children, smoking = 0, 0
    for chart in charts:
        told = sorted(
            (one["effectiveDateTime"], one["valueCodeableConcept"]["text"])
            for one in of_type(chart, "Observation")
            if code_of(one) == "72166-2"
        )
        for at, status in told:
            if age_at(chart, at) < 18:
                children += 1
                smoking += not status.startswith("Never")
        for (_, before), (_, after) in pairwise(told):
            assert before.startswith("Never") or not after.startswith("Never")
    assert children > 20
    assert smoking < 0.12 * children


def test_screening_of_the_bowel_is_for_those_of_45_to_75(charts):
    ages = [
        age_at(chart, one["performedPeriod"]["start"])
        for chart in charts
        for one in of_type(chart, "Procedure")
        if code_of(one) == "0DJD8ZZ"
    ]
    assert len(ages) > 10
    assert min(ages) >= 45
    assert max(ages) < 76


def test_medicare_begins_at_65_or_later(charts):
    checked = 0
    for chart in charts:
        for one in of_type(chart, "Coverage"):
            if one["type"]["text"] == "MEDICARE":
                assert age_at(chart, one["period"]["start"]) >= 64.9
                assert not [part for part in one["class"] if "mployer" in part.get("name", "")]
                checked += 1
    assert checked > 30


def test_infants_have_no_allergies_yet(charts):
    none, some = 0, 0
    for chart in charts:
        for one in of_type(chart, "AllergyIntolerance"):
            infant = age_at(chart, one["recordedDate"]) < 1
            assert not infant or one["code"]["text"] == "No known allergy"
            none += infant
            some += "onsetDateTime" in one
            assert one.get("onsetDateTime", "") <= one["recordedDate"]
    assert none > 3
    assert some > 100


def test_a_kept_appointment_is_an_encounter_and_was_made_before(charts):
    for chart in charts:
        starts = {one["period"]["start"] for one in of_type(chart, "Encounter")}
        for one in of_type(chart, "Appointment"):
            assert one["created"] <= one["start"] <= one["end"]
            assert one["status"] == "booked" or one["start"] in starts


# immunizations


def doses(chart):
    found = defaultdict(list)
    for one in of_type(chart, "Immunization"):
        if one["status"] == "completed":
            found[one["vaccineCode"]["coding"][0]["code"]].append(one["occurrenceDateTime"])
    return found


def test_childhood_vaccines_are_given_at_the_ages_of_the_schedule(charts):
    youngest = {"20": 0.115, "10": 0.115, "49": 0.115, "133": 0.115, "03": 0.99, "21": 0.99, "83": 0.99}
    youngest |= {"115": 9, "165": 9, "114": 9, "187": 50, "33": 65, "197": 65, "135": 65, "208": 11.99, "150": 0.5}
    latest = {"20": 7, "10": 7, "49": 2, "133": 3, "03": 7, "21": 7, "83": 3, "08": 1.5}
    checked = 0
    for chart in charts:
        for code, times in doses(chart).items():
            for at in times:
                age = age_at(chart, at)
                assert youngest.get(code, 0) - 0.01 <= age <= latest.get(code, 130), (chart[0]["id"], code, age)
                checked += 1
    assert checked > 400


def test_doses_of_one_vaccine_lie_at_least_three_weeks_apart(charts):
    for chart in charts:
        for code, times in doses(chart).items():
            for earlier, later in pairwise(sorted(times)):
                assert seconds(later) - seconds(earlier) >= 20 * 86400, (chart[0]["id"], code)


def test_children_of_seven_have_their_whole_series(charts):
    checked = 0
    for chart in charts:
        if 7 < age_at(chart, "2026-01-01") < 18 and "deceasedDateTime" not in chart[0]:
            given = doses(chart)
            checked += 1
            assert (
                len(given["20"]) + sum(one["status"] == "not-done" for one in of_type(chart, "Immunization")) >= 4
            ), chart[0]["id"]
    assert checked > 20


def test_products_are_given_in_the_years_in_which_they_were_in_use(charts):
    used = {
        "133": ("2010-03", "9999"),
        "150": ("2013-07", "2024-07"),
        "197": ("2020-07", "2024-07"),
        "165": ("2015-01", "9999"),
        "187": ("2018-01", "9999"),
        "208": ("2020-12", "2023-10"),
    }
    for chart in charts:
        for code, times in doses(chart).items():
            first, last = used.get(code, ("1900", "9999"))
            assert all(first <= at <= last for at in times), (chart[0]["id"], code, times)


# the population


def test_common_conditions_are_about_as_common_as_in_the_united_states(charts):
    adults = [chart for chart in charts if age_at(chart, "2026-01-01") >= 18]
    bounds = {"I10": (0.2, 0.5), "E11": (0.05, 0.17), "E78": (0.15, 0.42), "J45": (0.03, 0.13), "F": (0.06, 0.25)}
    for code, (low, high) in bounds.items():
        share = sum(any(one.startswith(code) for one in diagnoses(chart)) for chart in adults) / len(adults)
        assert low <= share <= high, (code, share)
    masses = [values[-1][1] for chart in adults if (values := measured(chart, "39156-5"))]
    assert 25 < sorted(masses)[len(masses) // 2] < 30
    assert 0.22 < sum(mass >= 30 for mass in masses) / len(masses) < 0.5


def test_infants_have_smaller_charts(charts):
    small = [len(chart) for chart in charts if age_at(chart, "2026-01-01") < 2]
    sizes = sorted(len(chart) for chart in charts)
    assert small
    assert sum(small) / len(small) < sizes[len(sizes) // 2]


def test_a_chart_depends_on_nothing_of_the_process():
    script = (
        "import json,sys;from mockehr.core.chance import Chance;from mockehr.core.clock import STEPPED_START as t\n"
        "from mockehr.population.chart import draw_chart,staff_of\n"
        "from mockehr.population.population import Population\n"
        "c=Chance('coherence');p=Population(c,5000,as_of=t);s=staff_of(p.directory.resources)\n"
        "json.dump([draw_chart(c,p.person(i),s,as_of=t).resources for i in range(12)],sys.stdout)"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 100000
