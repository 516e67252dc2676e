"""Plausible hospitals, drawn from a seed."""

from __future__ import annotations

from collections import Counter

import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import UnknownName
from mockehr.personalities.load import laid_over
from mockehr.personalities.variance import Choice, Trait, draw_site, variance_of

TRAIT = Trait("release", "made up", (Choice("new", 3, {"release": {"version": "2"}}), Choice("old", 1)))


def key_of(seed: int) -> Chance:
    return Chance(seed)


def test_shares_are_kept_over_many_hospitals() -> None:
    drawn = Counter(TRAIT.draw(Chance(seed).key).name for seed in range(800))
    assert 0.68 < drawn["new"] / 800 < 0.82


def test_a_hospital_is_the_same_whenever_it_is_drawn() -> None:
    assert TRAIT.draw(Chance(5).key) is TRAIT.draw(Chance(5).key)


def test_nothing_is_drawn_unless_asked_for() -> None:
    drawn = draw_site("epic", Chance(1).key)
    assert (drawn.layers, drawn.choices, drawn.corruptions) == ((), {}, ())


def test_words_that_are_not_known_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="sandbox"):
        draw_site("epic", Chance(1).key, environment="sandbx")
    with pytest.raises(UnknownName, match="realistic"):
        draw_site("epic", Chance(1).key, variance="realisic")


def test_a_personality_of_ones_own_has_no_variance() -> None:
    assert variance_of("folder/own.yaml").traits == ()


def test_layers_lie_over_one_another_section_by_section() -> None:
    made = laid_over({"a": {"b": 1, "c": 1}}, {"a": {"c": 2}}, {"d": [1]})
    assert made == {"a": {"b": 1, "c": 2}, "d": [1]}
