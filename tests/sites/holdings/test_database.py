"""Records in a database."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from mockehr.core.errors import ConfigError, EnvironmentProblem, UsageError
from mockehr.sites.holdings import Row, records_from


def mapping(folder: Path, place: str) -> Path:
    file = folder / "m.yaml"
    file.write_text(f"tables:\n  - type: Patient\n    id: mrn\n    {place}\n    columns: {{born: birthDate}}\n")
    return file


def database(folder: Path) -> str:
    made = sqlite3.connect(folder / "a.db")
    made.execute("create table people (mrn integer, born text, gone integer)")
    made.executemany(
        "insert into people values (?, ?, ?)", [(1, "1980-01-02", 0), (2, None, 0), (3, "1990-01-01", 1)]
    )
    made.commit()
    made.close()
    return f"sqlite:///{folder / 'a.db'}"


def test_without_sqlalchemy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(EnvironmentProblem, match="mockehr\\[sql\\]"):
        records_from("sqlite:///a.db", mapping(tmp_path, "table: people"))


def test_a_table_or_a_query_gives_rows(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra mockehr[sql] is not installed")
    url = database(tmp_path)
    whole = list(records_from(url, mapping(tmp_path, "table: main.people")))
    assert [one.key for one in whole if isinstance(one, Row)] == ["Patient/1", "Patient/2", "Patient/3"]
    some = list(records_from(url, mapping(tmp_path, "query: select mrn, born from people where gone = 0")))
    assert [one.elements for one in some if isinstance(one, Row)] == [
        {"birthDate": "1980-01-02"},
        {"birthDate": None},
    ]


def test_what_is_wrong_with_a_database_is_told(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra mockehr[sql] is not installed")
    url = database(tmp_path)
    with pytest.raises(EnvironmentProblem, match="no such table: peple"):
        list(records_from(url, mapping(tmp_path, "table: peple")))
    with pytest.raises(ConfigError, match=r"m.yaml:3: tables\[0\].id: tables\[0\] has no column 'mrn'"):
        list(records_from(url, mapping(tmp_path, "query: select born, gone as mrm from people")))
    with pytest.raises(ConfigError, match="say table, or query"):
        list(records_from(url, mapping(tmp_path, "file: x.csv")))
    with pytest.raises(UsageError, match="none that SQLAlchemy takes"):
        records_from("nothing://", mapping(tmp_path, "table: people"))
    with pytest.raises(EnvironmentProblem, match="driver"):
        records_from("postgresql+psycopg2://host/name", mapping(tmp_path, "table: people"))
