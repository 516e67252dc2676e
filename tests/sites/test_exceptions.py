"""What a client parked, and what it was to be parked as."""

from __future__ import annotations

import pytest

from mockehr.population.corruption.base import corruptions
from mockehr.sites.exceptions import FAILURES, FITTING, OWN, Parked, alternatives, fitting, handled, parked_from


def test_every_corruption_has_a_type_of_failure_and_own_ones_are_corruptions() -> None:
    known = corruptions()
    for name, cls in known.items():
        assert set(cls.about.ledger) <= set(FITTING), name
        assert fitting(name, cls.about.ledger)[0] in FAILURES
    assert set(OWN) <= set(known)
    assert {kind for kinds in (*FITTING.values(), *OWN.values()) for kind in kinds} <= set(FAILURES)
    assert fitting("status-out-of-range", ("E7",))[0] == "code"
    assert fitting("anything", ()) == ("other",)
    assert alternatives("unit") == {"unit", "parse"}


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ({"resourceType": "Patient", "id": "1"}, "Patient/1"),
        ({"reference": "https://north.example.org/fhir/Patient/1"}, "Patient/1"),
        ({"messageId": "MSG7"}, "Message/MSG7"),
    ],
)
def test_a_parked_record_is_named_in_three_ways(line: dict[str, str], key: str) -> None:
    (one,) = parked_from([("a:1", line | {"type": "unit", "reason": "mg or g?"})])
    assert one == Parked(key, "unit", "mg or g?")


def test_a_line_that_names_no_record_or_no_type_of_failure_is_told() -> None:
    found = list(
        parked_from([("a:1", {"id": "1"}), ("a:2", [1]), ("a:3", {"reference": "Patient/1", "type": "unti"})])
    )
    assert [one for one in found if isinstance(one, Parked)] == [Parked("Patient/1")]
    told = [one for one in found if isinstance(one, str)]
    assert [one[:18] for one in told[:2]] == ["a:1: names no reco", "a:2: names no reco"]
    assert "'unti'; nearest: unit" in told[2]


def test_states_are_counted_by_the_first_type_of_each_record() -> None:
    states = {"A/1": "parked", "A/2": "lost", "A/3": "kept"}
    found = handled(states, {"A/1": ("unit", "parse"), "A/2": ("unit",)})  # type: ignore[arg-type]
    assert [str(one) for one in found] == [
        "unit: 2 injected: 1 parked, 1 lost in silence",
        "other: 1 injected: 1 kept as served",
    ]
