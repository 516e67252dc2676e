"""Birth dates and their slot ranges agree to the day, at sizes where every weight counts."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.population.life import Lives, pyramid
from mockehr.population.pools import SEXES, Sex

TODAY = date(2026, 1, 5).toordinal()
FIRST = date(1922, 1, 1).toordinal()


@given(sex=st.sampled_from(SEXES), size=st.integers(1, 1 << 40), day=st.integers(FIRST, TODAY))
def test_everyone_before_a_slot_range_is_older_and_nobody_in_it(sex: Sex, size: int, day: int) -> None:
    ages = pyramid(sex, TODAY)
    first = ages.before(day, size)
    if first < size:
        assert ages.born(first, size) >= day
    if first > 0:
        assert ages.born(first - 1, size) < day


@pytest.mark.parametrize("sex", SEXES)
@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 12, 31), date(2024, 2, 29)])
def test_births_reach_from_the_oldest_to_yesterday(sex: Sex, today: date) -> None:
    ages, size = pyramid(sex, today.toordinal()), 50_000_000
    assert ages.born(0, size) == date(today.year - 104, 1, 1).toordinal()
    assert ages.born(size - 1, size) == today.toordinal() - 1
    assert ages.before(today.toordinal(), size) == size
    assert ages.before(ages.born(0, size), size) == 0


@given(size=st.integers(0, 5000))
def test_cells_cover_everyone_once_and_keep_sex_and_decade(size: int) -> None:
    lives = Lives(b"key", size, TODAY)
    edges = [edge for cell in lives.cells for edge in (cell.low, cell.high)]
    assert edges == sorted(edges)
    assert sum(cell.high - cell.low for cell in lives.cells) == size
    for position, cell in enumerate(lives.cells):
        for slot in (cell.low, cell.high - 1):
            assert lives.cell_of(slot) == position
            assert date.fromordinal(lives.born(slot)).year // 10 * 10 == cell.decade
            assert (slot < lives.females) == (cell.sex == "female")
