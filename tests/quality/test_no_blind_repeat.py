"""The probe `no-blind-repeat` tells clients that cope from clients that do not."""

from typing import Any

import pytest

from mockehr.core.exchange import Effects

PROBE = "no-blind-repeat"
NOTE = {"resourceType": "Observation", "subject": {"reference": "Patient/1"}, "valueString": "a"}
REORDERED = dict(reversed(NOTE.items()))
UNKNOWN: list[dict[str, Any]] = [
    {"effects": Effects(lost=True)},
    {"effects": Effects(reset="before")},
    {"effects": Effects(reset="midway")},
    {"effects": Effects(cut_at=10)},
    {"quirk": "malformed-success"},
]


@pytest.mark.parametrize("how", UNKNOWN)
def test_sending_the_same_again_fails(traffic: Any, how: dict[str, Any]) -> None:
    traffic.call("POST /Observation", 201, sent=NOTE, **how)
    repeat = traffic.call("POST /Observation", 201, sent=REORDERED)
    finding = traffic.judged(PROBE)
    assert finding.verdict == "fail"
    assert finding.evidence[0].entry == repeat.number


@pytest.mark.parametrize("how", UNKNOWN)
def test_looking_first_passes(traffic: Any, how: dict[str, Any]) -> None:
    traffic.call("POST /Observation", 201, sent=NOTE, **how)
    traffic.page("GET /Observation?patient=1&category=vital-signs", [])
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "pass"


def test_a_committed_write_that_was_answered_500_is_of_unknown_outcome(traffic: Any) -> None:
    traffic.call("POST /Observation", 500, sent=NOTE).changes = (1,)
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "fail"


def test_a_conditional_repeat_passes_and_so_does_none(traffic: Any) -> None:
    traffic.call("POST /Observation", 201, sent=NOTE, effects=Effects(lost=True))
    assert traffic.judged(PROBE).verdict == "pass"
    traffic.call("POST /Observation", 200, sent=NOTE, headers={"if-none-exist": "identifier=x|1"})
    assert traffic.judged(PROBE).verdict == "pass"


@pytest.mark.parametrize(
    "look", ["GET /Condition?patient=1", "GET /Observation?patient=2", "GET /Observation?subject=Patient/2"]
)
def test_looking_where_it_cannot_be_is_not_looking(traffic: Any, look: str) -> None:
    traffic.call("POST /Observation", 201, sent=NOTE, effects=Effects(lost=True))
    traffic.page(look, [])
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "fail"


def test_a_look_that_was_not_answered_is_not_looking(traffic: Any) -> None:
    traffic.call("POST /Observation", 201, sent=NOTE, effects=Effects(lost=True))
    traffic.call("GET /Observation?patient=1", 503)
    traffic.page("GET /Observation?patient=1", [], effects=Effects(lost=True))
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "fail"


def test_another_body_is_no_repeat_and_a_plain_success_no_occasion(traffic: Any) -> None:
    traffic.call("POST /Observation", 201, sent=NOTE)
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "not-applicable"
    traffic.call("POST /Observation", 201, sent=NOTE, effects=Effects(lost=True))
    traffic.call("POST /Observation", 201, sent=NOTE | {"valueString": "b"})
    assert traffic.judged(PROBE).verdict == "pass"


@pytest.mark.parametrize("how", [Effects(cut_at=10), Effects(reset="midway"), Effects(hang=True, misstated=9)])
@pytest.mark.parametrize("status", [400, 401, 422])
def test_a_refusal_is_known_by_its_status_though_its_body_was_cut(traffic: Any, status: int, how: Effects) -> None:
    traffic.call("POST /Observation", status, sent=NOTE, effects=how)
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "not-applicable"


@pytest.mark.parametrize("how", [Effects(lost=True), Effects(reset="before"), Effects(hang=True)])
def test_a_refusal_of_which_nothing_came_through_is_of_unknown_outcome(traffic: Any, how: Effects) -> None:
    traffic.call("POST /Observation", 401, sent=NOTE, effects=how)
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "fail"


def test_an_error_of_the_server_whose_body_was_cut_is_of_unknown_outcome(traffic: Any) -> None:
    traffic.call("POST /Observation", 503, sent=NOTE, effects=Effects(cut_at=10))
    traffic.call("POST /Observation", 201, sent=NOTE)
    assert traffic.judged(PROBE).verdict == "fail"
