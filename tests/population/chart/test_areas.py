import pytest

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.population.chart import codes, problems
from mockehr.population.chart.analytes import ANALYTES, FINDINGS, PANELS, SPECIMENS
from mockehr.population.chart.areas import AREAS
from mockehr.population.chart.chart import draw_chart
from mockehr.population.chart.studies import STUDIES
from mockehr.population.chart.subject import staff_of
from mockehr.population.population import Population

VITALS = {"sbp", "dbp", "hr", "rr", "spo2", "temperature", "bmi"}


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_an_area_speaks_only_of_what_exists(area):
    for code, _ in area.diagnoses:
        assert codes.diagnosis(code, older=True)["coding"][1]["system"] == codes.ICD9
    for contact in area.contacts:
        assert not contact.sharpens or codes.diagnosis(contact.sharpens)
        assert not contact.procedure or codes.operation(contact.procedure)
        assert not contact.study or contact.study in STUDIES
        assert set(contact.panels) <= set(PANELS)
        assert all(codes.drug(drug) for drug in contact.drugs)
    assert all(isinstance(line, tuple) and all(codes.drug(drug) for drug in line) for line in area.therapy)
    assert {panel for panel, _ in area.watched} <= set(PANELS)
    assert {marker.name for marker in area.markers} <= VITALS | set(ANALYTES)
    assert list(area.prevalence) == sorted(area.prevalence)
    if area.target is not None:
        assert codes.loinc(area.target.measure)
        assert codes.unit(area.target.unit)


def test_area_names_are_unique():
    assert len({area.name for area in AREAS}) == len(AREAS)


def test_panels_ask_for_known_analytes_and_specimens():
    for panel in PANELS.values():
        assert codes.loinc(panel.order)
        assert panel.specimen in SPECIMENS
        assert all(name in ANALYTES or name in FINDINGS for name in panel.analytes)


def test_every_area_occurs_in_some_chart_and_every_drug_is_prescribed_to_somebody():
    chance = Chance("areas")
    persons = Population(chance, 5000, as_of=STEPPED_START)
    staff = staff_of(persons.directory.resources)
    diagnosed, prescribed = set(), set()
    for index in range(900):
        for resource in draw_chart(chance, persons.person(index), staff, as_of=STEPPED_START).resources:
            if resource["resourceType"] == "Condition":
                diagnosed.add(resource["code"]["coding"][0]["code"])
            elif resource["resourceType"] == "MedicationRequest":
                drug = resource.get("medicationReference") or resource["medicationCodeableConcept"]
                prescribed.add(str(drug))
    for area in AREAS:
        assert {code for code, _ in area.diagnoses} & diagnosed, area.name
    text = " ".join(prescribed)
    unused = [row["display"] for row in codes.table("rxnorm").values() if row["display"] not in text]
    assert not unused


def test_leaving_an_area_out_does_not_change_the_problems_of_the_others(monkeypatch):
    chance = Chance("areas")
    persons = Population(chance, 5000, as_of=STEPPED_START)
    staff = staff_of(persons.directory.resources)

    def problems_of(index):
        chart = draw_chart(chance, persons.person(index), staff, as_of=STEPPED_START)
        return {
            (resource["code"]["text"], resource["onsetDateTime"])
            for resource in chart.resources
            if resource["resourceType"] == "Condition" and resource["category"][0]["text"] == "Problem List Item"
        }

    before = [problems_of(index) for index in range(120)]
    monkeypatch.setattr(problems, "AREAS", tuple(area for area in AREAS if area.name != "rhinitis"))
    after = [problems_of(index) for index in range(120)]
    hay_fever = {entry for found in before for entry in found if "rhinitis" in entry[0]}
    assert hay_fever
    kept = [one - hay_fever <= two for one, two in zip(before, after, strict=True) if one]
    assert sum(kept) >= 0.95 * len(kept)


def test_nobody_takes_the_same_long_term_drug_twice():
    chance = Chance("areas")
    persons = Population(chance, 5000, as_of=STEPPED_START)
    staff = staff_of(persons.directory.resources)
    seen = 0
    for index in range(300):
        active = [
            str(one.get("medicationReference", {}).get("display") or one["medicationCodeableConcept"]["text"])
            for one in draw_chart(chance, persons.person(index), staff, as_of=STEPPED_START).resources
            if one["resourceType"] == "MedicationRequest"
            and one["status"] == "active"
            and one["courseOfTherapyType"]["coding"][0]["code"] == "continuous"
        ]
        assert len(active) == len(set(active))
        seen += len(active)
    assert seen > 200
