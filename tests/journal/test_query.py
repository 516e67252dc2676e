from __future__ import annotations

import pytest

from mockehr.core.exchange import Decision, Exchange, Interaction, Reply
from mockehr.journal import Question, near_misses


def read() -> Exchange:
    exchange = Exchange("fhir", path="/Patient/1", client="app", interaction=Interaction("read", "Patient", "1"))
    exchange.number = 4
    exchange.reply = Reply(404)
    fired = Decision("r", "latency", "on_request", "fired")
    exchange.decisions = (fired, Decision("s", "reset", "on_wire", "skipped"))
    return exchange


@pytest.mark.parametrize(
    "question",
    [
        Question(),
        Question(channel="fhir", client="app", method="GET", interaction="read", resource="Patient", id="1"),
        Question(path="/Patient/*", status=404, direction="in", after=3),
        Question(quirk="latency", rule="r"),
    ],
)
def test_a_question_that_fits_has_no_differences(question: Question) -> None:
    assert question.difference(read()) == []
    assert question.matches(read())


@pytest.mark.parametrize(
    ("question", "difference"),
    [
        (Question(status=200), "status: got 404, wanted 200"),
        (Question(path="/Obs*"), "path: got '/Patient/1', wanted '/Obs*'"),
        (Question(quirk="reset"), "quirk: got ['latency'], wanted 'reset'"),
        (Question(after=4), "after: got 4, wanted 4"),
    ],
)
def test_each_difference_names_field_and_both_values(question: Question, difference: str) -> None:
    assert question.difference(read()) == [difference]


def test_near_misses_come_with_the_fewest_differences_then_newest_first() -> None:
    exchanges = [Exchange("fhir", "GET"), Exchange("token", "PUT"), Exchange("fhir", "PUT")]
    for number, exchange in enumerate(exchanges):
        exchange.number = number
    misses = near_misses(Question(channel="fhir", method="POST"), exchanges, limit=2)
    assert [m.exchange.number for m in misses] == [2, 0]
    assert misses[0].differences == ("method: got 'PUT', wanted 'POST'",)
