"""People are consistent, plausible, synthetic, and a pure function of seed and index."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.core.errors import UnknownName
from mockehr.population.person import Person
from mockehr.population.pools import given
from mockehr.population.population import Population
from mockehr.population.roster import CLINICS, general_practitioners

SIZE = 3000
TODAY = "2026-01-05"


def everybody(seed: int | str = 7, size: int = SIZE) -> list[Person]:
    population = Population(Chance(seed), size, as_of=STEPPED_START)
    return [population.person(index) for index in range(size)]


PEOPLE = tuple(everybody())


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    again = everybody()
    assert list(PEOPLE) == again
    other = everybody(8)
    assert sum(one.family == two.family for one, two in zip(PEOPLE, other, strict=True)) < SIZE / 20


def test_a_person_does_not_depend_on_who_was_asked_for_before() -> None:
    population = Population(Chance(7), SIZE, as_of=STEPPED_START)
    assert [population.person(index) for index in (2999, 5, 5)] == [PEOPLE[2999], PEOPLE[5], PEOPLE[5]]


def test_given_names_fit_the_sex() -> None:
    for person in PEOPLE:
        assert person.given[0] in given(person.sex).names.texts
        assert len(person.given) in (1, 2)
        assert len(set(person.given)) == len(person.given)
    assert 0.5 < sum(len(person.given) == 2 for person in PEOPLE) / SIZE < 0.75


def test_names_have_the_variety_of_a_town() -> None:
    assert len({person.family for person in PEOPLE}) > 700
    assert len({person.given[0] for person in PEOPLE}) > 300
    assert Counter(person.family for person in PEOPLE).most_common(1)[0][0] == "Smith"
    accented = sum(not person.family.isascii() for person in PEOPLE) / SIZE
    assert 0.12 < accented < 0.16


@pytest.mark.parametrize("size", [1, 5, 22, 60, 122])
def test_small_populations_do_not_repeat_one_given_name(size: int) -> None:
    names = Counter(person.given[0] for person in everybody("small", size))
    assert names.most_common(1)[0][1] <= max(1, size // 8)


def test_ages_births_and_deaths_agree() -> None:
    for person in PEOPLE:
        born = date.fromisoformat(person.birth_date)
        assert person.birth_date < TODAY
        assert person.age == 2026 - born.year - ((born.month, born.day) > (1, 5))
        assert 0 <= person.age <= 104
        if person.deceased:
            assert person.birth_date <= person.deceased < TODAY
        if person.age < 18:
            assert person.marital.code == "S"
        if person.age < 13:
            assert not person.email
    ages = Counter(person.age // 20 for person in PEOPLE)
    assert ages[0] > ages[3] > ages[4] > 0
    assert 0.005 < sum(bool(person.deceased) for person in PEOPLE) / SIZE < 0.06
    assert 0.49 < sum(person.sex == "female" for person in PEOPLE) / SIZE < 0.53


def test_ages_follow_the_day_as_of_which_one_asks() -> None:
    later = Population(Chance(7), 500, as_of=STEPPED_START + 20 * 365.25 * 86400)
    people = [later.person(index) for index in range(500)]
    assert max(person.birth_date for person in people) > "2040"
    assert min(person.age for person in people) >= 0


def test_contacts_lie_in_reserved_ranges() -> None:
    for person in PEOPLE:
        for phone in (person.phone_home, person.phone_mobile):
            assert not phone or re.fullmatch(r"[2-9][0-8]\d-555-01\d\d", phone)
        assert not person.email or re.fullmatch(r"[a-z]+\.[a-z]+\d+@example\.(org|com|net)", person.email)
    homes = [person.phone_home for person in PEOPLE if person.phone_home]
    assert len(homes) == len(set(homes)) == SIZE * 3 // 4


def test_places_belong_together() -> None:
    for person in PEOPLE:
        assert person.state == "IL"
        assert 60001 <= int(person.postcode) <= 62999
        assert re.fullmatch(r"\d{2,4} .+", person.street)
    cities = {
        person.postcode: {other.city for other in PEOPLE if other.postcode == person.postcode} for person in PEOPLE
    }
    assert len(cities) == 60
    assert all(len(names) == 1 for names in cities.values())


def test_a_state_with_few_postcodes_still_has_places() -> None:
    population = Population(Chance(1), 50, as_of=STEPPED_START, state="DC")
    assert all(20001 <= int(population.person(index).postcode) <= 20039 for index in range(50))


def test_an_unknown_state_is_refused_with_its_neighbours() -> None:
    with pytest.raises(UnknownName, match="no state named 'OG'"):
        Population(Chance(1), 5, as_of=STEPPED_START, state="OG")


def test_record_numbers_are_unique_and_lead_back() -> None:
    population = Population(Chance(7), SIZE, as_of=STEPPED_START)
    assert sorted(person.mrn_number for person in PEOPLE) == list(range(SIZE))
    assert all(population.index_of_mrn(person.mrn_number) == person.index for person in PEOPLE[:200])
    assert population.index_of_mrn(SIZE) is None
    assert population.index_of_mrn(-1) is None


def test_doctors_work_where_their_patients_go() -> None:
    for person in PEOPLE:
        assert person.site_of_care in CLINICS
        assert person.general_practitioner in general_practitioners(person.site_of_care)
    assert len({person.general_practitioner for person in PEOPLE}) == 16


def test_traits_are_independent() -> None:
    """Knowing the family name's half of the alphabet says nothing of sex, place or record number."""
    for other in (
        lambda person: person.sex == "female",
        lambda person: person.postcode < "61500",
        lambda person: person.mrn_number < SIZE // 2,
        lambda person: person.general_practitioner < 8,
    ):
        overall = sum(map(other, PEOPLE)) / SIZE
        early = [person for person in PEOPLE if person.family < "L"]
        assert abs(sum(map(other, early)) / len(early) - overall) < 0.05


def test_indexes_outside_are_refused() -> None:
    population = Population(Chance(7), 10, as_of=STEPPED_START)
    for index in (-1, 10):
        with pytest.raises(IndexError):
            population.person(index)
