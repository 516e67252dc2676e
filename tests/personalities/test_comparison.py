"""What differs between vendors and sites."""

from __future__ import annotations

import pytest

from mockehr.personalities.behaviours import Behaviour
from mockehr.personalities.comparison import ABSENT, _speaks, differences
from mockehr.personalities.load import load_personality


def test_settings_that_differ_are_named_by_their_path() -> None:
    found = {one.setting: one for one in differences({"a": {"b": 1, "c": 2}, "d": 0}, {"a": {"b": 1, "c": 3}})}
    assert {name: (one.first, one.second) for name, one in found.items()} == {"a.c": (2, 3), "d": (0, ABSENT)}


def test_a_vendor_does_not_differ_from_itself() -> None:
    oracle = load_personality("oracle").settings
    assert list(differences(oracle, oracle, ("oracle",))) == []


def test_differences_have_the_sources_of_whichever_vendor_speaks_of_them() -> None:
    generic, oracle = (load_personality(name).settings for name in ("generic", "oracle"))
    found = {one.setting: one.sources for one in differences(generic, oracle, ("generic", "oracle"))}
    assert any(source.startswith("oracle ") for sources in found.values() for source in sources)


def test_a_section_against_a_single_value_differs_as_a_whole() -> None:
    found = [(one.setting, one.first, one.second) for one in differences({"a": {"b": 1}}, {"a": 5})]
    assert found == [("a", {"b": 1}, 5)]


@pytest.mark.parametrize(
    ("setting", "speaks"), [("search.total", True), ("search.total.kind", True), ("search.totals", False)]
)
def test_a_row_speaks_of_its_setting_and_of_all_below_it(setting: str, speaks: bool) -> None:
    row = Behaviour("x", "Search", "a", "text", "`search.total`, rules.py", "O", "S1")
    assert _speaks(row, setting) is speaks
