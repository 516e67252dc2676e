"""How far control operations reach where several processes serve."""

from __future__ import annotations

import pytest

from mockehr.api.reach import REACHES, reach_of, refusal, together, told
from mockehr.control.facade import operations
from mockehr.core.errors import ConfigError, EnvironmentProblem, MockehrError, UnknownName, UsageError, VerdictFailed


def test_what_is_said_of_an_operation_is_said_of_one_that_there_is() -> None:
    assert [name for name in REACHES if name not in operations()] == []


def test_an_operation_of_which_nothing_is_said_is_refused_if_it_changes_something() -> None:
    refused = {name for name, op in operations().items() if op.verb != "GET" and name not in REACHES}
    for name in (*refused, "site add", "site remove"):
        with pytest.raises(UsageError, match="several workers"):
            reach_of(operations().get(name))


def test_counts_are_added_and_settings_of_the_same_name_are_not() -> None:
    rule = {"name": "r", "use": "page-repeats", "where": {}, "when": {"first": 3}, "with": {"entries": 2, "seen": 9}}
    answers = [{"rules": [rule | {"seen": n, "fired": n - 1}], "corruptions": ["c"]} for n in (1, 4)]
    assert together("added", answers) == {"rules": [rule | {"seen": 5, "fired": 3}], "corruptions": ["c"]}
    sites = [{"sites": [{"name": "a", "entries": n, "changes": 1, "patients": 10}]} for n in (2, 3)]
    assert together("added", sites) == {"sites": [{"name": "a", "entries": 5, "changes": 2, "patients": 10}]}


def test_what_fired_anywhere_is_told_and_numbers_of_the_store_are_told_once() -> None:
    answers = [{"now": "t", "fired": ["a"], "pending": 1}, {"now": "t", "fired": ["b", "c"], "pending": 2}]
    assert together("everywhere", answers) == {"now": "t", "fired": ["a", "b", "c"], "pending": 3}
    assert together("everywhere", [{"snapshot": "s", "changes": 4}] * 2) == {"snapshot": "s", "changes": 4}


@pytest.mark.parametrize(
    "error",
    [
        UsageError("what", nearest="near", remedy="do", reference="there"),
        UnknownName("quirk", "latncy", ["latency"]),
        ConfigError("what", ["one", "two"], remedy="do"),
        VerdictFailed("no"),
        EnvironmentProblem("busy", remedy="wait"),
    ],
)
def test_a_refusal_is_the_same_in_another_process(error: MockehrError) -> None:
    again = refusal(told(error))
    assert type(again) is type(error)
    assert isinstance(again, MockehrError)
    assert (again.as_json(), str(again)) == (error.as_json(), str(error))


def test_a_value_error_stays_one() -> None:
    again = refusal(told(ValueError("time does not run backwards")))
    assert (type(again), str(again)) == (ValueError, "time does not run backwards")
