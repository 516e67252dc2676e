"""The file of a store: whose it is, and what is refused."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.fhir.overlay.file import open_file

OWN = {"site": "north", "seed": "7"}


def test_the_file_is_made_with_its_folder_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "north.sqlite"
    for _ in range(2):
        connection = open_file(path, OWN)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
    assert [one.name for one in path.parent.iterdir()] == ["north.sqlite"]


def test_a_file_of_another_site_is_refused_with_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "north.sqlite"
    open_file(path, OWN).close()
    with pytest.raises(EnvironmentProblem) as refused:
        open_file(path, OWN | {"seed": "8"})
    assert "seed '7' there, '8' here" in refused.value.what
    assert "site" not in refused.value.what.partition("site: ")[2]
    assert "another folder" in refused.value.remedy


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "north.sqlite"
    connection = open_file(path, OWN)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    connection.close()
    with pytest.raises(EnvironmentProblem, match="format 99"):
        open_file(path, OWN)


def test_what_is_no_file_of_ours_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text.sqlite", tmp_path / "foreign.sqlite"
    text.write_text("no database at all " * 100)
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    connection.close()
    before = text.read_bytes(), foreign.read_bytes()
    with pytest.raises(EnvironmentProblem, match="not a database"):
        open_file(text, OWN)
    with pytest.raises(EnvironmentProblem, match="something else"):
        open_file(foreign, OWN)
    assert (text.read_bytes(), foreign.read_bytes()) == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(EnvironmentProblem, match="taken") as refused:
        open_file(tmp_path / "taken" / "north.sqlite", OWN)
    assert "folder" in refused.value.remedy


def test_many_may_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / f"{number}.sqlite"
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _, path=path: open_file(path, OWN), range(8)))
        for connection in opened:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            connection.close()
