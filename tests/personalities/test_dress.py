"""What holds for every vendor: references resolve, originals stay, the same comes out again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mockehr.core.chance import Chance
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Dresser, SiteFacts


def links(node: Any, within: str = "") -> Iterator[str]:
    """Every relative reference and attachment URL."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and (key == "reference" or (key == "url" and value.startswith("Binary/"))):
                yield value
            yield from links(value, key)
    elif isinstance(node, list):
        for item in node:
            yield from links(item, within)


def test_every_reference_leads_to_a_resource(ward: Any) -> None:
    served = [made for _, made in ward.pairs] + ward.beside + ward.shared
    there = {f"{one['resourceType']}/{one['id']}" for one in served}
    asked = set()
    for one in served:
        contained = {f"#{inner['id']}" for inner in one.get("contained", ())}
        asked |= {link for link in links(one) if link not in contained}
    assert len(asked) > 100
    assert asked - there == set()


def test_ids_lead_back_to_the_clean_resource(ward: Any) -> None:
    ids = ward.personality.ids(ward.facts)
    for clean, made in ward.pairs:
        index, ordinal = ids.decode(made["resourceType"], made["id"])
        named = clean["id"].removeprefix("p").split("-")
        assert [str(index), *([str(ordinal)] if len(named) > 1 else [])] == named


def test_ids_are_never_used_twice(ward: Any) -> None:
    served = [made for _, made in ward.pairs] + ward.beside
    keys = [f"{one['resourceType']}/{one['id']}" for one in served]
    assert len(keys) == len(set(keys))


def test_dressing_leaves_the_clean_chart_alone(ward: Any) -> None:
    assert ward.untouched


def test_dressing_twice_gives_the_same(ward: Any) -> None:
    clean = [one for one, _ in ward.pairs if one["id"].startswith("p0")]
    ids = ward.personality.ids(ward.facts)
    first, second = (
        [ward.personality.dress(one, Dresser.over(clean, ids=ids, facts=ward.facts)) for one in clean] for _ in "ab"
    )
    assert first == second


def test_us_core_examples_of_other_origin_can_be_dressed(ward: Any) -> None:
    foreign = {
        "resourceType": "Observation",
        "id": "imported-1",
        "status": "final",
        "code": {"text": "Something"},
        "subject": {"reference": "Patient/imported-2", "display": "A. Person"},
        "contained": [{"resourceType": "Device", "id": "x"}],
        "device": {"reference": "#x"},
    }
    made = ward.personality.dress(foreign, Dresser(ward.personality.ids(ward.facts), ward.facts))
    assert made["id"] == "imported-1"
    assert made["subject"]["reference"] == "Patient/imported-2"
    assert made["device"]["reference"] == "#x"


def test_generic_adds_version_and_time_only(generic_ward: Any) -> None:
    clean, made = generic_ward.pairs[0]
    meta = made.pop("meta")
    assert set(meta) == {"versionId", "lastUpdated", "profile"}
    assert {**made, "meta": clean["meta"]} == clean


def test_two_sites_do_not_share_ids() -> None:
    personality = load_personality("epic")
    clean = {"resourceType": "Patient", "id": "p0", "gender": "female"}
    made = []
    for seed in (1, 2):
        facts = SiteFacts("site", Chance(seed).key)
        made.append(personality.dress(clean, Dresser.over([clean], ids=personality.ids(facts), facts=facts)))
    assert made[0]["id"] != made[1]["id"]
    assert made[0]["identifier"] != made[1]["identifier"]
