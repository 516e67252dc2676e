"""A ContactPoint as XTN in dialects with other tables of types."""

from __future__ import annotations

import pytest

from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import telecom_xtn


@pytest.mark.parametrize(
    ("types", "use", "expected"),
    [
        ((), "mobile", ["555-0100", "", "CP"]),
        ((), "home", ["555-0100"]),
        (("PRN", "PH"), "mobile", ["555-0100", "PRN", "CP"]),
        (("HOM",), "mobile", ["555-0100", "HOM", "CP"]),
        (("HOM",), "work", ["555-0100", "BUS"]),
    ],
)
def test_a_number_tells_what_it_is_as_far_as_the_dialect_has_types(
    types: tuple[str, ...], use: str, expected: list[str]
) -> None:
    dialect = Dialect("odd", "APP", "FAC", phone_types=types)
    assert telecom_xtn({"system": "phone", "use": use, "value": "555-0100"}, dialect) == expected
