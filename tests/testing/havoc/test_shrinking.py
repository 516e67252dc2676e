"""The smallest schedule: nothing can be left out, and each rule is as plain as the break allows."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mockehr.testing.havoc.shrinking import shrunk


def planned(*uses: str, **more: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple(("north", {"use": use, **more}) for use in uses)


@given(st.permutations("abcdefgh"), st.sets(st.sampled_from("abcdefgh"), max_size=3))
def test_exactly_what_is_needed_stays_in_its_order(order: list[str], needed: set[str]) -> None:
    found = shrunk(planned(*order), lambda some: needed <= {str(rule["use"]) for _, rule in some})
    assert [rule["use"] for _, rule in found] == [use for use in order if use in needed]


def test_a_rule_becomes_plain_where_it_may() -> None:
    rule = {"use": "a", "where": {"channel": "fhir"}, "when": {"skip": 4, "at_most": 3}, "with": {"b": 600.0, "c": 5}}

    def breaks(some: Any) -> bool:
        return any(one.get("with", {}).get("b", 0) >= 10 for _, one in some)

    ((_, found),) = shrunk((("north", rule),), breaks)
    assert found == {"use": "a", "when": {"first": 1}, "with": {"b": 600.0 / 32}}


def test_a_rule_that_a_setting_of_another_made_needful_goes_with_it() -> None:
    def breaks(some: Any) -> bool:
        rules = {rule["use"]: rule.get("with", {}).get("after", 0.0) for _, rule in some}
        return "a" in rules and 0 < rules["a"] <= (4.0 if "b" in rules else 1.0)

    found = shrunk((("n", {"use": "a", "with": {"after": 4.0}}), ("n", {"use": "b"})), breaks)
    assert [rule["use"] for _, rule in found] == ["a"]
