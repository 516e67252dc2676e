from __future__ import annotations

import pytest

from mockehr.core.errors import (
    ConfigError,
    EnvironmentProblem,
    MockehrError,
    UnknownName,
    UsageError,
    VerdictFailed,
    nearest_names,
)


def test_an_error_says_what_happened_the_nearest_the_remedy_and_where_to_read() -> None:
    error = UsageError("No.", nearest="yes", remedy="Say yes.", reference="page 1")
    assert str(error) == "No.\n  nearest: yes\n  remedy: Say yes.\n  see: page 1"
    assert error.as_json() == {
        "error": "UsageError", "what": "No.", "nearest": "yes", "remedy": "Say yes.", "reference": "page 1",
    }  # fmt: skip
    assert str(UsageError("No.")) == "No."


@pytest.mark.parametrize(
    ("kind", "status"),
    [(UsageError, 2), (EnvironmentProblem, 3), (VerdictFailed, 1), (ConfigError, 2), (MockehrError, 1)],
)
def test_each_kind_has_its_exit_status(kind: type[MockehrError], status: int) -> None:
    assert kind("x").exit_code == status


def test_a_configuration_error_lists_every_problem() -> None:
    assert str(ConfigError("Bad.", ["a", "b"])) == "Bad.\n  - a\n  - b"


def test_a_long_list_of_names_is_cut_and_an_empty_registry_says_so() -> None:
    assert "and 3 more" in UnknownName("x", "y", [f"n{i}" for i in range(15)]).remedy
    assert "There is no x at all so far" in UnknownName("x", "y", []).remedy


def test_nearest_names_are_like_it_or_share_a_part() -> None:
    assert nearest_names("lost", ["lost-response", "reset"]) == ["lost-response"]
    assert nearest_names("zzz", ["reset"]) == []
