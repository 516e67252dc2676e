"""The ids of eClinicalWorks: one to one, and nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.chance import Chance
from mockehr.personalities.ecw.ids import LONG, PREFIX, SHORT, PracticeIds
from mockehr.personalities.ids import WRITTEN_FROM

IDS = PracticeIds(Chance("x").key, {"Observation": LONG})


@given(st.sampled_from(["Observation", "Condition"]), st.none() | st.integers(0, 2**40), st.integers(0, 2**40 - 1))
def test_ids_lead_back(kind: str, index: int | None, ordinal: int) -> None:
    text = IDS.encode(kind, index, ordinal)
    assert len(text) == (LONG if kind == "Observation" else SHORT)
    assert text[-1] not in ".-_"
    assert IDS.decode(kind, text) == (index, ordinal)


def test_what_was_never_given_out_is_nothing() -> None:
    text = IDS.encode("Condition", 3, 4)
    assert IDS.decode("Observation", text) is None
    assert IDS.decode("Goal", text) is None
    assert IDS.decode("Condition", text[:-1]) is None
    for place in (0, PREFIX, SHORT - 1):
        for letter in ("A", "_", "é", "9"):
            other = text[:place] + letter + text[place + 1 :]
            assert IDS.decode("Condition", other) in ((3, 4) if other == text else None, None)
    assert IDS.decode("Condition", text[:PREFIX] + "." * 22) is None


def test_written_ids_are_none_of_the_populations() -> None:
    assert IDS.decode("Condition", IDS.fresh("Condition", 1)) == (WRITTEN_FROM + 1, 0)


@pytest.mark.parametrize("other", ["y", "z"])
def test_another_practice_has_another_prefix(other: str) -> None:
    assert PracticeIds(Chance(other).key, {}).prefix != IDS.prefix
