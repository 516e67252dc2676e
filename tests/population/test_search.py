"""Search over functions equals brute force, and costs nothing however many patients there are."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.folding import fold
from mockehr.population.permutation import Permutation
from mockehr.population.person import Person
from mockehr.population.population import Population
from mockehr.population.search import Among, AnyOf, Between, Contains, Criterion, Equals, Exact, Starts

SIZES = (0, 1, 2, 7, 60, 500, 2000)
POPULATIONS = {size: Population(Chance(f"search {size}"), size, as_of=STEPPED_START) for size in SIZES}
PEOPLE = {size: [population.person(index) for index in range(size)] for size, population in POPULATIONS.items()}

NAMED: dict[str, Callable[[Person], list[str]]] = {
    "family": lambda person: [person.family],
    "given": lambda person: [*person.given, person.preferred] if person.preferred else list(person.given),
    "postcode": lambda person: [person.postcode],
    "city": lambda person: [person.city],
}
VALUED: dict[str, Callable[[Person], list[str]]] = {
    "birth_date": lambda person: [person.birth_date],
    "sex": lambda person: [person.sex],
    "mrn": lambda person: [str(person.mrn_number)],
    "phone": lambda person: [person.phone_home, person.phone_mobile],
    "email": lambda person: [person.email],
    "general_practitioner": lambda person: [str(person.general_practitioner)],
    "site_of_care": lambda person: [str(person.site_of_care)],
}
TEXTS = {
    "family": ["", "s", "Smi", "smith", "NUN", "Núñez", "o'b", "O’Brien", "mu", "de la", "zzz", "é", "\U0010ffff"],
    "given": ["", "mar", "Mary", "j", "J.", "Michael", "jose", "José", "Ann", "zoe", "x", "Jack", "bo"],
    "postcode": ["", "6", "60", "61", "99", "60123"],
    "city": ["", "east", "New ", "lake", "ville"],
}


def holds(criterion: Criterion, person: Person) -> bool:
    """The meaning of a criterion, spelled out on one person."""
    match criterion:
        case AnyOf(criteria):
            return any(holds(part, person) for part in criteria)
        case Among(indexes):
            return person.index in indexes
        case Between(_, low, high):
            return (not low or low <= person.birth_date) and (not high or person.birth_date < high)
        case Equals(trait, text) | Exact(trait, text) if trait in VALUED:
            return bool(text) and text in VALUED[trait](person)
        case Starts(trait, text):
            return any(fold(value).startswith(fold(text)) for value in NAMED[trait](person))
        case Equals(trait, text):
            return any(fold(value) == fold(text) for value in NAMED[trait](person))
        case Exact(trait, text):
            return text in NAMED[trait](person)
        case Contains(trait, text):
            return any(fold(text) in fold(value) for value in NAMED[trait](person))


def days() -> st.SearchStrategy[str]:
    written = st.dates().map(lambda day: day.isoformat())
    return written | st.sampled_from(["1960-02-29", "1980-01-01", "1999-12-31", "2026-01-04", "2026-01-05"])


def values(trait: str, size: int) -> st.SearchStrategy[str]:
    look = (NAMED | VALUED)[trait]
    present = [value for person in PEOPLE[size][:200] for value in look(person)]
    listed = TEXTS.get(trait, ["", "nobody", "7", "312-555-0123", "female", "2000-02-29"])
    if trait == "birth_date":
        listed = ["2000-02-29"]
    return st.sampled_from(listed + present)


def criteria(size: int) -> st.SearchStrategy[Criterion]:
    named = [
        st.builds(kind, st.just(trait), values(trait, size))
        for trait in NAMED
        for kind in (Starts, Equals, Exact, Contains)
    ]
    valued = [st.builds(kind, st.just(trait), values(trait, size)) for trait in VALUED for kind in (Equals, Exact)]
    between = st.builds(Between, st.just("birth_date"), st.just("") | days(), st.just("") | days())
    among = st.lists(st.integers(-2, 2001), max_size=5).map(lambda indexes: Among(tuple(indexes)))
    single: st.SearchStrategy[Any] = st.one_of(*named, *valued, between, among)
    return single | st.lists(single, max_size=3).map(lambda parts: AnyOf(tuple(parts)))


@settings(max_examples=250, deadline=None)
@given(data=st.data(), size=st.sampled_from(SIZES))
def test_a_selection_equals_brute_force(data: st.DataObject, size: int) -> None:
    wanted = data.draw(st.lists(criteria(size), max_size=3))
    selection = POPULATIONS[size].find(wanted)
    expected = {p.index for p in PEOPLE[size] if all(holds(criterion, p) for criterion in wanted)}
    found = list(selection)
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert selection.count == len(expected) <= selection.ceiling
    assert [index for index in range(size) if index in selection] == sorted(expected)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), size=st.sampled_from(SIZES[3:]), limit=st.integers(1, 30))
def test_pages_add_up_to_the_selection_in_any_order_of_asking(data: st.DataObject, size: int, limit: int) -> None:
    wanted = data.draw(st.lists(criteria(size), max_size=3))
    selection = POPULATIONS[size].find(wanted)
    everyone = list(selection)
    assert [i for start in range(0, len(everyone), limit) for i in selection.page(start, limit)] == everyone
    start = data.draw(st.integers(0, len(everyone) + 2))
    assert selection.page(start, limit) == everyone[start : start + limit]
    assert POPULATIONS[size].find(wanted).page(start, limit) == everyone[start : start + limit]
    cap = data.draw(st.integers(0, size + 1))
    assert POPULATIONS[size].find(wanted).count_up_to(cap) == min(cap, len(everyone))


def test_every_address_and_number_finds_its_bearer() -> None:
    population = POPULATIONS[2000]
    for person in PEOPLE[2000][:150]:
        if person.email:
            assert list(population.find([Equals("email", person.email.upper())])) == [person.index]
        if person.phone_mobile:
            written = "+1 (" + person.phone_mobile.replace("-", ") ", 1)
            assert person.index in population.find([Equals("phone", written)])
        assert list(population.find([Equals("mrn", str(person.mrn_number))])) == [person.index]


def test_phones_shared_by_many_still_lead_back() -> None:
    population = Population(Chance(3), 1_000_000, as_of=STEPPED_START)
    number = next(p.phone_home for p in map(population.person, range(100)) if p.phone_home)
    bearers = list(population.find([Equals("phone", number)]))
    assert 10 < len(bearers) == population.find([Equals("phone", number)]).count < 60
    for index in bearers:
        person = population.person(index)
        assert number in (person.phone_home, person.phone_mobile)


def test_whoever_matches_two_alternatives_is_found_once() -> None:
    person = PEOPLE[2000][0]
    either = AnyOf((Starts("family", person.family[0]), Starts("given", person.given[0][0]), Among((0, 1, 2))))
    selection = POPULATIONS[2000].find([either])
    expected = [p.index for p in PEOPLE[2000] if holds(either, p)]
    assert sorted(selection) == expected
    assert selection.count == len(expected) < selection.ceiling
    assert selection.page(0, 2000) == list(selection)
    assert selection.page(len(expected) - 3, 10) == list(selection)[-3:]


def test_results_are_sorted_by_family_when_family_leads() -> None:
    population = POPULATIONS[2000]
    names = [fold(population.person(index).family) for index in population.find([Starts("family", "m")])]
    assert names == sorted(names)
    assert len(names) > 50


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Counts evaluations of permutations while it is open."""
    codes = {Permutation.slot.__code__, Permutation.index.__code__}
    count = {"evaluations": 0}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in codes:
            count["evaluations"] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(before)


def test_ten_million_patients_are_counted_without_a_single_evaluation() -> None:
    with counted() as count:
        population = Population(Chance(7), 10_000_000, as_of=STEPPED_START)
        assert population.find([Starts("family", "smi")]).count > 100_000
        assert population.find([Starts("given", "mar")]).count > 100_000
        born = Between("birth_date", "1980-01-01", "1990-01-01")
        assert 100_000 < population.find([Equals("sex", "female"), born]).count < 1_000_000
        assert population.find([]).count == 10_000_000
    assert count["evaluations"] == 0


def test_a_page_of_ten_million_evaluates_once_per_patient_however_deep_it_lies() -> None:
    population = Population(Chance(7), 10_000_000, as_of=STEPPED_START)
    selection = population.find([Starts("family", "smi")])
    for offset in (0, 50_000, selection.count - 20):
        with counted() as count:
            page = selection.page(offset, 20)
        assert count["evaluations"] == 20
        assert all(fold(population.person(index).family).startswith("smi") for index in page)


def test_several_criteria_enumerate_the_smallest_set_only() -> None:
    population = Population(Chance(7), 1_000_000, as_of=STEPPED_START)
    rare = population.find([Exact("family", "Brontë")])
    with counted() as count:
        found = population.find([Equals("sex", "female"), Exact("family", "Brontë")]).count
    assert 0.4 < found / rare.count < 0.6
    assert count["evaluations"] == 2 * rare.count


def test_the_page_that_follows_goes_on_where_the_last_one_ended() -> None:
    wanted = [Equals("sex", "female"), Starts("family", "mu")]
    selection = Population(Chance(7), 1_000_000, as_of=STEPPED_START).find(wanted)
    first = selection.page(0, 200)
    with counted() as count:
        second = selection.page(200, 20)
    assert len(second) == 20
    assert not set(first) & set(second)
    assert count["evaluations"] < 200


def test_size_costs_no_memory() -> None:
    def weight(size: int) -> int:
        tracemalloc.start()
        population = Population(Chance(7), size, as_of=STEPPED_START)
        population.find([Starts("family", "smi")]).page(0, 20)
        grown = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert population.size == size
        return grown

    weight(10_000)
    assert abs(weight(10_000_000) - weight(10_000)) < 20_000


@pytest.mark.parametrize(
    "criterion",
    [
        Starts("birth_date", "19"),
        Contains("mrn", "1"),
        Between("family", "a", "b"),
        Between("birth_date", "1980", "1990"),
        Equals("birth_date", "1980-13-01"),
    ],
)
def test_what_cannot_be_asked_is_explained(criterion: Criterion) -> None:
    with pytest.raises(UsageError, match="remedy"):
        POPULATIONS[60].find([criterion])


def test_an_unknown_trait_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="nearest: family"):
        POPULATIONS[60].find([Equals("familly", "Smith")])


def test_a_page_before_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="page"):
        POPULATIONS[60].find([]).page(-1, 5)
