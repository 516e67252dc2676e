"""Dirty resources differ from the clean ones, and say how."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, find, given, settings

from mockehr.testing.strategies import Dirt, dirty, resources

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "gender": "female",
    "name": [{"family": "Smith", "given": ["Ann"]}],
    "birthDate": "1970-01-01",
}
THOROUGH = settings(max_examples=2000, derandomize=True, database=None, deadline=None)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dirty(resources("Patient")))
def test_what_is_dirty_differs_and_says_what_was_done(dirt: Dirt) -> None:
    assert dirt.document != dirt.clean
    assert 1 <= len(dirt.deeds) <= 3
    assert dirt.document["resourceType"] == "Patient"


@given(dirty(PATIENT, most=1))
def test_one_deed_is_one_change_and_the_given_one_stays(dirt: Dirt) -> None:
    assert len(dirt.deeds) == 1
    assert PATIENT["name"] == [{"family": "Smith", "given": ["Ann"]}]
    assert dirt.clean == PATIENT


@pytest.mark.parametrize("deed", ["dropped", "null", "wrong type", "unknown code", "odd text", "repeated"])
def test_every_deed_is_done(deed: str) -> None:
    found = find(dirty(PATIENT), lambda dirt: any(one.endswith(deed) for one in dirt.deeds), settings=THOROUGH)
    assert len(found.deeds) == 1, "it shrinks to that one"
    if deed == "dropped":
        assert len(orjson.dumps(found.document)) < len(orjson.dumps(PATIENT))
