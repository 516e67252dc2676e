import pytest

from mockehr.fhir.search.quantity import bounds
from mockehr.fhir.search.units import convert, unit

UCUM = "http://unitsofmeasure.org"


def observation(**value):
    return {"resourceType": "Observation", **value}


GLUCOSE = observation(valueQuantity={"value": 100, "unit": "mg/dl", "system": UCUM, "code": "mg/dL"})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("value-quantity=100", True),
        ("value-quantity=gt99", True),
        (f"value-quantity=100|{UCUM}|mg/dL", True),
        (f"value-quantity=1.00|{UCUM}|g/L", True),
        (f"value-quantity=ge1|{UCUM}|g/L", True),
        (f"value-quantity=gt1|{UCUM}|g/L", False),
        ("value-quantity=100||mg/dL", True),
        ("value-quantity=100||mg/dl", True),
        ("value-quantity=1.0||g/L", True),
        (f"value-quantity=100|{UCUM}|mmol/L", False),
        ("value-quantity=100|http://other.org|mg/dL", False),
        ("value-quantity=lt100", False),
        ("value-quantity=90,100", True),
    ],
)
def test_quantities_match_by_number_and_unit(matches, query, expected):
    assert matches(GLUCOSE, query) is expected


def test_a_comparator_makes_the_value_a_range(matches):
    below = observation(valueQuantity={"value": 5, "comparator": "<"})
    assert matches(below, "value-quantity=lt4")
    assert not matches(below, "value-quantity=gt5")
    assert not matches(below, "value-quantity=5")
    above = observation(valueQuantity={"value": 5, "comparator": ">="})
    assert matches(above, "value-quantity=gt1000")


def test_a_range_is_what_lies_between_its_ends(matches):
    years = {"system": UCUM, "code": "a"}
    condition = {
        "resourceType": "Condition",
        "onsetRange": {"low": {"value": 40, **years}, "high": {"value": 50, **years}},
    }
    assert matches(condition, f"onset-age=gt45|{UCUM}|a")
    assert not matches(condition, f"onset-age=lt40|{UCUM}|a")
    assert matches(condition, f"onset-age=gt500|{UCUM}|mo")


def test_quantities_without_a_number_match_nothing(matches):
    for value in ({}, {"value": "100"}, {"value": None}, {"value": True}, {"low": {}}, "100", None):
        assert bounds(value) is None
    assert not matches(observation(valueQuantity={"unit": "mg"}), "value-quantity=ne5")


@pytest.mark.parametrize(
    ("value", "code", "other_value", "other"),
    [
        (150, "[lb_av]", 68.0388555, "kg"),
        (98.6, "[degF]", 37, "Cel"),
        (72, "[in_i]", 182.88, "cm"),
        (5, "10*3/uL", 5, "10*9/L"),
        (30, "kg/m2", 30000, "g/m2"),
        (60, "{beats}/min", 1, "/s"),
        (50, "%", 0.5, "1"),
        (1, "wk", 7, "d"),
    ],
)
def test_units_of_one_dimension_convert(value, code, other_value, other):
    first, second = unit(code), unit(other)
    assert first.dimension == second.dimension
    assert convert(value, first) == convert(other_value, second)


def test_units_beyond_the_table_and_of_other_dimensions_stay_apart():
    assert unit("furlong") is None
    assert unit("mg").dimension != unit("mL").dimension
    assert unit("mg/dL").dimension != unit("mmol/L").dimension


@pytest.mark.parametrize("query", ["value-quantity=a", "value-quantity=5|mg", "value-quantity=5|a|b|c"])
def test_unusable_quantities_are_problems(problem, query):
    assert "cannot be used" in problem("Observation", query)
    assert "not supported" in problem("Observation", "value-quantity:exact=5")
