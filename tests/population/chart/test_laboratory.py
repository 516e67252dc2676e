from itertools import pairwise

import pytest

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.population.chart.areas import diabetes
from mockehr.population.chart.chart import draw_chart
from mockehr.population.chart.course import Course
from mockehr.population.chart.laboratory import filtration
from mockehr.population.chart.subject import staff_of
from mockehr.population.chart.times import DAY, YEAR
from mockehr.population.population import Population

CHANCE = Chance("laboratory")


@pytest.fixture(scope="module")
def charts():
    persons = Population(CHANCE, 5000, as_of=STEPPED_START)
    staff = staff_of(persons.directory.resources)
    return [draw_chart(CHANCE, persons.person(index), staff, as_of=STEPPED_START) for index in range(500)]


def measured(chart, loinc):
    """(time, value) of one measurement, in order."""
    found = []
    for resource in chart.resources:
        if resource["resourceType"] != "Observation" or "valueQuantity" not in resource:
            continue
        if resource["code"]["coding"][0]["code"] == loinc:
            found.append((resource["effectiveDateTime"], resource["valueQuantity"]["value"]))
    return sorted(found)


def panels(chart):
    """The values of every laboratory report, by LOINC code."""
    known = {f"Observation/{resource['id']}": resource for resource in chart.resources}
    for report in chart.resources:
        if report["resourceType"] == "DiagnosticReport" and "specimen" in report:
            results = [known[reference["reference"]] for reference in report["result"]]
            yield {
                result["code"]["coding"][0]["code"]: result["valueQuantity"]["value"]
                for result in results
                if "valueQuantity" in result
            }


def test_treatment_brings_hba1c_down_over_months():
    marker = diabetes.AREA.markers[0]
    course = Course(diabetes.AREA, "E11.9", 0.0, 0.5, Chance(1).stream("dice"))
    untreated = course.level(marker, 5.3, 2 * YEAR)
    course.treated = 2 * YEAR
    levels = [course.level(marker, 5.3, 2 * YEAR + days * DAY) for days in (0, 30, 120, 400)]
    assert levels[0] == untreated > levels[1] > levels[2] > levels[3]
    assert levels[3] == pytest.approx(marker.treated, abs=0.05)


def test_diabetics_have_a_higher_hba1c_and_glucose_than_others(charts):
    ill, well = [], []
    for chart in charts:
        codes = {
            resource["code"]["coding"][0]["code"]
            for resource in chart.resources
            if resource["resourceType"] == "Condition"
        }
        (ill if codes & {"E11.9", "E11.65"} else well).extend(value for _, value in measured(chart, "4548-4"))
    assert len(ill) > 40
    assert len(well) > 10
    assert sum(ill) / len(ill) > 6.4
    assert max(well) < 6.4


def test_red_cell_indices_follow_from_each_other(charts):
    checked = 0
    for chart in charts:
        for values in panels(chart):
            if {"718-7", "4544-3", "787-2", "789-8", "786-4"} <= set(values):
                assert values["787-2"] == pytest.approx(values["4544-3"] * 10 / values["789-8"], abs=0.4)
                assert values["786-4"] == pytest.approx(values["718-7"] / values["4544-3"] * 100, abs=0.3)
                checked += 1
    assert checked > 100


def test_ldl_is_what_friedewald_makes_of_the_other_three(charts):
    checked = 0
    for chart in charts:
        for values in panels(chart):
            if {"2093-3", "2571-8", "2085-9", "13457-7"} <= set(values):
                assert values["13457-7"] == pytest.approx(
                    values["2093-3"] - values["2085-9"] - values["2571-8"] / 5, abs=1
                )
                checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    ("creatinine", "age", "sex", "rate"),
    [(1.0, 50, "male", 92), (1.0, 50, "female", 69), (0.6, 30, "female", 124), (2.5, 70, "male", 27)],
)
def test_the_filtration_rate_is_that_of_ckd_epi_2021(creatinine, age, sex, rate):
    assert round(filtration(creatinine, age, sex)) == pytest.approx(rate, abs=1)


def test_weight_of_adults_drifts_and_does_not_jump(charts):
    checked = 0
    for chart in charts:
        if chart.resources[0]["birthDate"] > "1985" or any(
            "Pregnan" in str(one.get("code")) for one in chart.resources
        ):
            continue
        weights = [value for _, value in measured(chart, "29463-7")]
        for earlier, later in pairwise(weights):
            assert abs(later - earlier) < 0.3 * earlier
            checked += 1
    assert checked > 300


def test_body_mass_index_is_weight_over_height_squared(charts):
    checked = 0
    for chart in charts:
        heights = [value for _, value in measured(chart, "8302-2")]
        weights, indices = dict(measured(chart, "29463-7")), dict(measured(chart, "39156-5"))
        if chart.resources[0]["birthDate"] > "1985" or not heights:
            continue
        for at, index in indices.items():
            assert index == pytest.approx(weights[at] / (heights[0] / 100) ** 2, abs=0.1)
            checked += 1
    assert checked > 300
