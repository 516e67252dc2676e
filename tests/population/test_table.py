"""Weight tables: both directions agree exactly; prefixes are runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.population.table import Lexicon, Table


@given(weights=st.lists(st.integers(1, 1000), min_size=1, max_size=40), size=st.integers(1, 3000))
def test_the_slots_of_an_entry_are_those_that_carry_it(weights: list[int], size: int) -> None:
    table = Table(weights)
    carried = [table.at(slot, size) for slot in range(size)]
    assert carried == sorted(carried)
    for entry in range(len(weights)):
        assert list(table.slots((entry, entry + 1), size)) == [n for n, at in enumerate(carried) if at == entry]


@given(weights=st.lists(st.integers(1, 1000), min_size=1, max_size=20), size=st.integers(1, 5000))
def test_shares_follow_the_weights_to_within_one(weights: list[int], size: int) -> None:
    table = Table(weights)
    for entry, weight in enumerate(weights):
        assert abs(len(table.slots((entry, entry + 1), size)) - size * weight / table.total) < 1


def test_a_lexicon_finds_prefixes_equals_and_parts() -> None:
    lexicon = Lexicon(["Muller", "Müller", "Muñoz", "Smith"])

    def found(runs: list[tuple[int, int]]) -> list[str]:
        return [text for first, last in runs for text in lexicon.texts[first:last]]

    assert found(lexicon.starting("MU")) == ["Muller", "Müller", "Muñoz"]
    assert found(lexicon.equal("müller")) == ["Muller", "Müller"]
    assert found(lexicon.exact("Müller")) == ["Müller"]
    assert found(lexicon.exact("müller")) == []
    assert found(lexicon.containing("it")) == ["Smith"]
    assert found(lexicon.starting("x")) == []
    assert len(found(lexicon.starting(""))) == 4


def test_an_unsorted_lexicon_is_refused() -> None:
    with pytest.raises(ValueError, match="sorted"):
        Lexicon(["b", "a"])
