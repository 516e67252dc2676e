"""How alike two piles of answers are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mockehr.recording.likeness import Pile, identifies, likenesses, mean
from mockehr.recording.questions import read_recorded

GOAL = {"resourceType": "Goal", "status": "x"}
SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def pile(*resources: dict[str, Any]) -> Pile:
    made = Pile()
    for resource in resources:
        made.add(resource)
    return made


def test_tokens_weigh_the_share_of_resources_that_carry_them() -> None:
    recorded = pile({"resourceType": "Goal", "note": [{}]}, {"resourceType": "Goal"})
    (row,) = likenesses(recorded, pile({"resourceType": "Goal", "status": "x"}))
    assert (row.recorded, row.shown) == (2, 1)
    assert row.recall == pytest.approx(1 / 1.5)  # resourceType 1, note 0.5
    assert row.precision == pytest.approx(1 / 2)
    assert row.missing == (("Goal.note", 0.5),)
    assert row.foreign == (("Goal.status", 1.0),)


def test_what_is_not_shown_at_all_counts_as_nothing() -> None:
    (row,) = likenesses(pile({"resourceType": "Goal"}), Pile())
    assert (row.recall, row.precision) == (0.0, 0.0)
    assert mean([row]) == (0.0, 0.0)
    assert mean([]) == (0.0, 0.0)


def test_bundles_are_counted_apart_from_what_they_hold() -> None:
    made = pile({"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "Goal"}}]})
    assert made.counts == {"Bundle": 1, "Goal": 1}


@pytest.mark.parametrize("vendor", ["epic", "oracle", "meditech"])
def test_the_figures_are_those_of_another_measure(vendor: str) -> None:
    measure, folder = SHARED / "tools" / "parity.py", SHARED / "data" / "recorded"
    if not measure.is_file():
        pytest.skip("the recordings and their measure are not beside this checkout")
    other = "oracle" if vendor == "epic" else "epic"
    command = [sys.executable, str(measure), str(folder / vendor), str(folder / other), "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows = {row.kind: row for row in likenesses(*(read_recorded(folder / name).pile for name in (vendor, other)))}
    for group in told["groups"]:
        row = rows[group["group"]]
        assert (round(row.recall, 3), round(row.precision, 3)) == (group["recall"], group["precision"]), row.kind
    assert rows.keys() == {group["group"] for group in told["groups"]}


def test_an_envelope_without_its_type_is_still_an_envelope() -> None:
    (envelope, goal) = sorted(likenesses(*[pile({"type": "searchset", "entry": [{"resource": GOAL}]})] * 2), key=str)
    assert (envelope.kind, goal.kind) == ("Bundle", "Goal")


@pytest.mark.parametrize(
    ("body", "can"),
    [
        ({"resourceType": "Goal"}, True),
        ({"entry": [], "type": "searchset"}, True),
        ({"entry": []}, False),
        ({"type": "searchset"}, False),
        ({"resource": "Goal", "detail": "not found"}, False),
    ],
)
def test_only_answers_in_fhir_can_be_compared(body: dict[str, Any], can: bool) -> None:
    assert identifies(body) is can


def test_what_is_missing_is_listed_by_weight() -> None:
    recorded = pile({"resourceType": "Goal", "note": [{}], "status": "x"}, {"resourceType": "Goal", "status": "x"})
    (row,) = likenesses(recorded, pile({"resourceType": "Goal"}))
    assert [weight for _, weight in row.missing] == sorted((weight for _, weight in row.missing), reverse=True)
    assert len({weight for _, weight in row.missing}) > 1
