from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from mockehr.core.chance import Chance
from mockehr.pathways.scalars import Amount, Diagnosis, Percent, Span, Vaccine, coded, rate, text_of_rate
from mockehr.population.chart.codes import CVX, ICD10


@pytest.mark.parametrize(
    ("text", "a_day"), [("200/h", 4800), ("5/min", 7200), ("1/d", 1), ("0.5 / h", 12), (3, 72), ("4", 96), ("0", 0)]
)
def test_a_rate_is_written_by_the_hour_minute_or_day(text: str | float, a_day: float) -> None:
    assert rate(text) * 86400 == pytest.approx(a_day)


@pytest.mark.parametrize("text", ["often", "5/month", "-1/h", ""])
def test_what_is_no_rate_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="200/h"):
        rate(text)


def test_a_rate_reads_back_by_the_hour() -> None:
    assert text_of_rate(rate("5/min")) == "300/h"


def test_a_span_is_one_duration_or_two_bounds() -> None:
    spans = TypeAdapter(Span)
    stream = Chance(1).stream("a")
    assert spans.validate_python("20m").draw(stream) == 1200
    drawn = [spans.validate_python({"from": "30m", "to": "2h"}).draw(stream) for _ in range(50)]
    assert min(drawn) >= 1800
    assert max(drawn) < 7200
    assert len(set(drawn)) == 50
    with pytest.raises(ValidationError, match="`from` is longer"):
        spans.validate_python({"from": "2h", "to": "30m"})


def test_an_amount_is_a_number_or_two_bounds() -> None:
    amounts = TypeAdapter(Amount)
    stream = Chance(1).stream("a")
    assert amounts.validate_python(7.1).draw(stream) == 7.1
    assert 5 <= amounts.validate_python({"from": 5, "to": 6}).draw(stream) < 6


@pytest.mark.parametrize(("text", "share"), [("40%", 0.4), (0.4, 0.4), ("100%", 1.0), ("2.5 %", 0.025)])
def test_a_share_is_a_percentage_or_a_number(text: str | float, share: float) -> None:
    assert TypeAdapter(Percent).validate_python(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["140%", "many", 1.2, -0.1])
def test_no_share_is_beyond_all(text: str | float) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Percent).validate_python(text)


def test_a_code_takes_its_name_from_the_table_or_brings_it() -> None:
    codes = TypeAdapter(Diagnosis)
    assert coded(ICD10, codes.validate_python("I10"))["text"] == "Essential (primary) hypertension"
    told = coded(ICD10, codes.validate_python("I21.4 Non-ST elevation (NSTEMI) myocardial infarction"))
    assert told["coding"] == [
        {"system": ICD10, "code": "I21.4", "display": "Non-ST elevation (NSTEMI) myocardial infarction"}
    ]
    with pytest.raises(ValidationError, match="write its name behind it"):
        codes.validate_python("I21.4")


def test_a_code_that_yaml_reads_as_a_number_is_a_code() -> None:
    assert coded(CVX, TypeAdapter(Vaccine).validate_python(140))["coding"][0]["code"] == "140"
