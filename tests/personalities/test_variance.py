"""Plausible hospitals, drawn from a seed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError, UnknownName
from mockehr.personalities.load import laid_over, personality_names
from mockehr.personalities.variance import Choice, Trait, _environment, _trait, draw_site, variance_of

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


@pytest.mark.parametrize("told", [{"setings": {}}, {"corruption": []}])
def test_words_in_an_environment_that_mean_nothing_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="x: production"):
        _environment("production", told, "x")


@pytest.mark.parametrize(
    "told",
    [
        {"source": "s", "choices": {"one": {"share": 1, "setings": {}}}},
        {"source": "s", "choices": {"one": {"share": 1}}, "shares": {}},
    ],
)
def test_words_in_a_trait_that_mean_nothing_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="x: release"):
        _trait("release", told, "x")


@pytest.mark.parametrize("vendor", [name for name in personality_names() if variance_of(name).traits])
def test_every_vendors_hospitals_are_spread_as_its_file_says(vendor: str) -> None:
    drawn = [draw_site(vendor, Chance(seed).key, variance="realistic").choices for seed in range(200)]
    for trait in variance_of(vendor).traits:
        counted, all_of = Counter(one[trait.name] for one in drawn), sum(one.share for one in trait.choices)
        for choice in trait.choices:
            share = choice.share / all_of
            assert abs(counted[choice.name] / 200 - share) < 4.5 * (share * (1 - share) / 200) ** 0.5 + 0.005, choice


def test_a_trait_more_shifts_no_other_draw() -> None:
    traits = variance_of("epic").traits
    for seed in range(20):
        among = draw_site("epic", Chance(seed).key, variance="realistic").choices
        assert among == {trait.name: trait.draw(Chance(seed).key).name for trait in reversed(traits)}


@pytest.mark.parametrize("told", [{}, {"share": "x"}, {"share": True}])
def test_a_choice_without_a_share_in_numbers_is_refused_in_words(told: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"acme: page\.a: share is .*, which is no number"):
        _trait("page", {"source": "choice", "choices": {"a": told}}, "acme")
