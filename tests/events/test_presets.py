"""Rules of delivery that senders document, by name."""

from __future__ import annotations

import pytest

from mockehr.core.errors import ConfigError
from mockehr.events import Policy, policy_from
from mockehr.events.policy import PRESETS


def test_a_preset_is_the_base_of_the_other_settings() -> None:
    made = policy_from({"preset": "health-gorilla-steady", "timeout": "3s"}, Policy(order="fifo"))
    assert (made.ladder, made.accepts, made.timeout, made.order) == ((900.0,), (200, 202), 3.0, "any")


def test_a_preset_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError) as refused:
        policy_from({"preset": "redux"})
    assert "redox" in refused.value.problems[0]


@pytest.mark.parametrize("name", ["off_never", "off_stale_after"])
def test_bounds_of_patience_are_no_negative_numbers(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        policy_from({name: -1})


def test_redox_takes_all_below_400_and_health_gorilla_two_statuses() -> None:
    assert [PRESETS["redox"].takes(status) for status in (200, 302, 399, 400, 0)] == [True, True, True, False, False]
    assert [PRESETS["health-gorilla"].takes(status) for status in (200, 201, 202, 204)] == [True, False, True, False]
