import pytest


def component(code, value):
    return {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value}}


PRESSURE = {
    "resourceType": "Observation",
    **component("bp", 1),
    "component": [component("sys", 120), component("dia", 80)],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("component-code-value-quantity=sys$gt110", True),
        ("component-code-value-quantity=dia$gt110", False),
        ("component-code-value-quantity=dia$gt110,sys$gt110", True),
        ("combo-code-value-quantity=bp$1", True),
        ("combo-code-value-quantity=dia$80", True),
        ("code-value-quantity=sys$120", False),
    ],
)
def test_all_parts_have_to_hold_for_one_and_the_same_element(matches, query, expected):
    assert matches(PRESSURE, query) is expected


def test_unusable_composites_are_problems(problem):
    assert "write token$quantity" in problem("Observation", "code-value-quantity=sys")
    assert "no number" in problem("Observation", "code-value-quantity=sys$x")
    assert "not supported" in problem("Observation", "code-value-quantity:not=sys$1")
