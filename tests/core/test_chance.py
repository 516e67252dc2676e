from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.chance import Chance


@given(st.integers(), st.text(max_size=8), st.text(max_size=8))
def test_a_stream_depends_on_seed_and_names_only(seed: int, name: str, other: str) -> None:
    chance = Chance(seed)
    before = [chance.stream(name).word() for _ in range(2)]
    chance.stream(other).token(100)
    assert before == [Chance(seed).stream(name).word()] * 2
    assert (chance.key(name, other) == chance.key(other, name)) == (name == other)


def test_names_are_kept_apart() -> None:
    assert Chance(1).key("ab", "c") != Chance(1).key("a", "bc")
    assert Chance(1).key("a") != Chance(2).key("a")


@given(st.integers(), st.integers(1, 2**63))
def test_draws_stay_within_their_bounds(seed: int, limit: int) -> None:
    dice = Chance(seed).stream("x")
    assert 0 <= dice.below(limit) < limit
    assert 0 <= dice.random() < 1
    assert 3 <= dice.between(3, 5) <= 5
    assert abs(dice.normal(0, 1)) <= 3.5
    assert dice.weighted("ab", [0, 1]) == "b"
    assert 0 <= Chance(seed).draw("y") < 1


def test_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Chance(1).stream("x").below(0)


def test_a_sample_holds_distinct_options_and_at_most_all() -> None:
    dice = Chance(1).stream("x")
    assert sorted(dice.sample(range(5), 9)) == [0, 1, 2, 3, 4]
    assert len(set(dice.sample(range(100), 50))) == 50
    assert dice.sample([1, 2, 3], -1) == []


def test_tokens_have_the_length_asked_for_and_a_uuid_is_one() -> None:
    dice = Chance(1).stream("x")
    assert [len(dice.token(n)) for n in (0, 1, 9)] == [0, 1, 9]
    assert len(dice.hex(7)) == 7
    assert UUID(dice.uuid()).version == 4
