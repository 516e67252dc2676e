"""JSON over several lines."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.indent import indented

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_it_is_what_others_write_too(value: Any) -> None:
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert indented(compact.encode()) == json.dumps(value, ensure_ascii=False, indent=2).encode()


def test_digits_and_broken_octets_stay() -> None:
    assert indented(b'{"a":1.10,"b":["Pe\xf1a\\"{",{}]}') == (
        b'{\n  "a": 1.10,\n  "b": [\n    "Pe\xf1a\\"{",\n    {}\n  ]\n}'
    )


@given(st.binary())
def test_what_is_no_json_never_raises(body: bytes) -> None:
    assert isinstance(indented(body), bytes)
