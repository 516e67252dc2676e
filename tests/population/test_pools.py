"""The committed pools are what the manifest says, sorted, and full of what encodings break on."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import faker
import pytest
from ruamel.yaml import YAML

from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName
from mockehr.population import draw_pools
from mockehr.population.pools import SEXES, families, given, given_table, middle_names, postcodes

POOLS = data_root("corpora") / "pools"


def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((POOLS / "manifest.yaml").read_text(encoding="utf-8"))
    return loaded


def test_the_manifest_names_every_pool_with_its_checksum() -> None:
    files = manifest()["files"]
    assert {entry.name for entry in POOLS.iterdir()} == {*files, "manifest.yaml"}
    for name, facts in files.items():
        assert sha256((POOLS / name).read_bytes()).hexdigest() == facts["sha256"], name


def test_family_names_are_western_and_an_eighth_carries_diacritics() -> None:
    pool = families()
    accented = 0
    for entry, name in enumerate(pool.names.texts):
        assert name.encode("cp1252")
        if not name.isascii():
            accented += pool.table.cumulative[entry + 1] - pool.table.cumulative[entry]
    assert 0.12 <= accented / pool.table.total <= 0.15
    assert {"Núñez", "Müller", "Brontë", "O’Brien", "Smith", "Nguyen"} <= set(pool.names.texts)


@pytest.mark.parametrize("sex", SEXES)
def test_given_names_are_western_and_some_carry_diacritics(sex: Any) -> None:
    names = given(sex).names.texts
    assert all(name.encode("cp1252") for name in names)
    assert 40 < sum(not name.isascii() for name in names) < len(names) / 2


def test_fashions_change_with_the_decade() -> None:
    position = given("female").names.texts.index("Dorothy")

    def share(decade: int) -> float:
        table = given_table("female", decade)
        return (table.cumulative[position + 1] - table.cumulative[position]) / table.total

    assert share(1920) > 5 * share(1990)


@pytest.mark.parametrize("sex", SEXES)
def test_second_names_that_are_names_are_given_names_too(sex: Any) -> None:
    seconds = [text for text in middle_names(sex).texts if text and not text.endswith(".")]
    assert len(seconds) == 26
    assert set(seconds) <= set(given(sex).names.texts)


def test_postcodes_keep_their_state_and_unknown_states_are_explained() -> None:
    assert postcodes("MA") == (1001, 2791)
    with pytest.raises(UnknownName, match="no state named 'XX'"):
        postcodes("XX")


@pytest.mark.slow
def test_drawing_again_with_the_same_faker_gives_the_same_pools(tmp_path: Any) -> None:
    drawn_with = manifest()["source"]
    if f"Faker {faker.VERSION}," not in drawn_with:
        pytest.skip(f"the pools come from another Faker than {faker.VERSION}: {drawn_with}")
    draw_pools.draw(tmp_path)
    for entry in POOLS.iterdir():
        assert (tmp_path / entry.name).read_bytes() == entry.read_bytes(), entry.name
