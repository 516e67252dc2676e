"""Whatever is known of a vendor has a test that names it, and tests name nothing that is not in the notes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockehr.core.errors import MockehrError
from mockehr.personalities.behaviours import Behaviour, _rows, as_markdown, behaviours
from mockehr.personalities.load import load_personality, personality_names

TESTS = Path(__file__).resolve().parents[1]


def named() -> Iterator[tuple[str, str]]:
    """(vendor, id) of every `@pytest.mark.behaviour` below the tests."""
    for file in sorted(TESTS.rglob("test_*.py")):
        text = file.read_text("utf-8")
        if "mark.behaviour(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.behaviour":
                vendor, *ids = (ast.literal_eval(one) for one in node.args)
                yield from ((vendor, id) for id in ids)


def test_every_known_behaviour_is_named_by_a_test_and_no_other_is() -> None:
    tested = set(named())
    rows = [one for vendor in personality_names() for one in behaviours(vendor)]
    known = {(one.vendor, one.id) for one in rows if one.known}
    noted = {(one.vendor, one.id) for one in rows}
    assert sorted(known - tested) == [], "rows of notes.md that no test names"
    assert sorted(tested - noted) == [], "ids that are in nobody's notes.md"


@pytest.mark.parametrize("vendor", personality_names())
def test_rows_have_ids_of_their_own_and_name_settings_that_there_are(vendor: str) -> None:
    rows = behaviours(vendor)
    assert len({row.id for row in rows}) == len(rows)
    settings = load_personality(vendor).settings
    for row in rows:
        assert row.text
        assert row.label
        assert row.source
        for name in row.settings:
            at = settings
            for part in name.split("."):
                assert part in at, f"{vendor} {row.id}: there is no setting {name}"
                at = at[part]
                if not hasattr(at, "keys"):
                    break


@pytest.mark.parametrize("vendor", personality_names())
def test_what_sites_of_a_vendor_may_be_like_can_be_built(vendor: str) -> None:
    from mockehr.personalities.variance import variance_of

    found = variance_of(vendor)
    for environment in found.environments.values():
        load_personality(vendor, environment.settings)
    for trait in found.traits:
        assert trait.source
        assert sum(choice.share for choice in trait.choices) > 0
        for choice in trait.choices:
            try:
                load_personality(vendor, choice.settings)
            except MockehrError as error:
                pytest.fail(f"{vendor}: {trait.name}.{choice.name}: {error}")


def test_the_document_about_vendors_is_up_to_date() -> None:
    document = Path(__file__).resolve().parents[2] / "simulator" / "VENDORS.md"
    told = as_markdown(personality_names())
    assert document.read_text("utf-8") == told, "write it anew: mockehr vendor table > simulator/VENDORS.md"


def test_rows_are_read_with_area_settings_and_bars() -> None:
    rows = tuple(
        _rows(
            "x",
            "# X\n## Search\n| id | Behaviour | Where | Label | Source |\n|---|---|---|---|---|\n"
            "| a-b | says `x\\|y` | `search.total`, rules.py | D/O | S1 |\n\n| no | table | of | ours | s |\n",
        )
    )
    assert rows == (Behaviour("x", "Search", "a-b", "says `x|y`", "`search.total`, rules.py", "D/O", "S1"),)
    assert rows[0].settings == ("search.total",)
    assert rows[0].known
    assert not Behaviour("x", "", "c", "t", "w", "NF", "s").known
