from decimal import Decimal

import pytest

from mockehr.fhir.search.context import Context
from mockehr.fhir.search.number import compile_number, parse_number, plain_number
from mockehr.fhir.search.parse import InvalidValue, parse_parameter
from mockehr.fhir.search.table import lookup


def matcher(query):
    definition = lookup("Observation", "value-quantity")
    return compile_number(parse_parameter("factor-override", query), definition, Context())[1]


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        ("100", [99.5, 100, 100.4], [99.4, 100.5]),
        ("100.00", [99.995, 100.004], [99.99, 100.005]),
        ("ne100", [99.4, 101], [100]),
        ("gt100", [100.1], [100, 99]),
        ("ge100", [100, 101], [99.9]),
        ("lt100", [99.9], [100]),
        ("le100", [100, 99], [100.1]),
        ("sa100", [100.1], [100]),
        ("eb100", [99.9], [100]),
        ("ap100", [90, 110, 100], [89, 111]),
        ("-5", [-5, -5.4], [5, -4.4]),
        ("1.5e1", [15, 14.6], [14]),
        ("1,7", [1, 7], [4]),
    ],
)
def test_numbers_match_within_the_precision_written(query, inside, outside):
    test = matcher(query)
    assert [value for value in inside if not test(value)] == []
    assert [value for value in outside if test(value)] == []


def test_only_finite_numbers_count_as_numbers():
    assert plain_number(Decimal("1.50")) == 1.5
    for other in (True, "5", None, float("nan"), float("inf"), 10**400, Decimal("1e999"), [1]):
        assert plain_number(other) is None


@pytest.mark.parametrize("text", ["", "abc", "nan", "1e999", "1.", ".5", "0x10", "ge", "١"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(InvalidValue, match="no number"):
        parse_number(text)
