"""Mapping files: faults with their line, and how cells become elements."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import ConfigError, UsageError
from mockehr.sites.holdings.cells import row_of
from mockehr.sites.holdings.element_path import kind_at, same_moment, steps, values_at
from mockehr.sites.holdings.mapping import load_mapping
from mockehr.sites.holdings.model import Row

PERSON = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    "name": [{"family": "A", "given": ["B", "C"]}, {"family": "D"}],
    "birthDate": "1980-01-02",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("birthDate", ["1980-01-02"]),
        ("name.family", ["A", "D"]),
        ("name[1].family", ["D"]),
        ("name[0].given", ["B", "C"]),
        ("name[0].given[1]", ["C"]),
        ("name[7].family", []),
        ("identifier.where(system='urn:b').value", ["2"]),
        ("identifier.where(system = 'urn:c').value", []),
        ("birthDate.toDate()", ["1980-01-02"]),
        ("gender", []),
    ],
)
def test_a_path_leads_to_its_values(path: str, found: list[Any]) -> None:
    assert values_at(PERSON, path) == found


@pytest.mark.parametrize(
    "path", ["", "[0].a", "a[x]", "a..b", "a.", "a.toDate().b", "where(a='b')", "a b", "a.where(b)"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="is no element path"):
        steps(path)


def test_the_type_at_a_path_is_that_of_the_standard() -> None:
    assert kind_at("Patient", "identifier.where(system='x').value") == "string"
    assert kind_at("Observation", "valueQuantity.value") == "decimal"
    assert kind_at("Patient", "contact.name.family") == "string"
    assert kind_at("Condition", "onsetDateTime.toDate()") == "date"
    with pytest.raises(UsageError, match="HumanName has no element famly") as refused:
        kind_at("Patient", "name.famly")
    assert refused.value.nearest == "family"
    with pytest.raises(UsageError, match="has no element value") as choice:
        kind_at("Observation", "value")
    assert "valueQuantity" in choice.value.nearest


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2026-01-05T07:00:00-05:00", "2026-01-05T12:00:00Z", True),
        ("2026-01-05T07:00:00-05:00", "2026-01-05T07:00:00Z", False),
        ("2026-01-05", "2026-01-05", False),
        ("2026-13-05T07:00:00Z", "2026-13-05T07:00:00Z", False),
        (5, "2026-01-05T12:00:00Z", False),
    ],
)
def test_moments_are_compared_whatever_their_offset(one: Any, other: Any, same: bool) -> None:
    assert same_moment(one, other) is same


def test_every_fault_of_a_mapping_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(
        "encoding: utf-9\ntables:\n  - type: Patient\n    id: mrn\n    colums: {}\n    columns:\n      a: birthDate\n"
    )
    with pytest.raises(ConfigError) as refused:
        load_mapping(file)
    assert [one.partition("m.yaml:")[2][:2] for one in refused.value.problems] == ["1:", "5:"]
    file.write_text(
        "tables:\n  - type: Patiet\n    id: x\n    columns: {}\n  - type: Patient\n    id: mrn\n    columns:\n"
        "      a: birthdate\n      b: name\n      c: 'name['\n    constants: {activ: true}\n"
    )
    with pytest.raises(ConfigError) as wrong:
        load_mapping(file)
    told = wrong.value.problems
    assert ["nearest: Patient" in told[0], "nearest: birthDate" in told[1]] == [True, True]
    assert "'name' is a HumanName, which is no single value" in told[2]
    assert "is no element path" in told[3]
    assert "m.yaml:11: tables[1].constants.activ" in told[4]


def test_tables_are_a_list_with_one_place_and_a_zone_that_there_is(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    for text, words in [
        ("tables: {}\n", "is a list of tables"),
        ("tables: [{type: Patient, id: x, columns: {}, table: a, query: b}]\n", "say one of them"),
        ("tables: [{type: Patient, id: x, columns: {a: {path: birthDate, zone: Mars/X}}}]\n", "no time zone"),
    ]:
        file.write_text(text)
        with pytest.raises(ConfigError, match=words):
            load_mapping(file)


def read(folder: Path, column: str, cell: Any) -> Any:
    (folder / "m.yaml").write_text(f"tables: [{{type: Observation, id: id, columns: {{c: {column}}}}}]\n")
    (table,) = load_mapping(folder / "m.yaml").tables
    row = row_of(table, {"id": 1, "c": cell}, "x")
    assert isinstance(row, Row)
    (value,) = row.elements.values()
    return value


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("valueQuantity.value", "7.50", 7.5),
        ("valueQuantity.value", "5", 5),
        ("valueQuantity.value", Decimal("7.50"), 7.5),
        ("valueQuantity.value", Decimal("7.00"), 7),
        ("valueQuantity.value", "<5", "<5"),
        ("valueQuantity.value", "nan", "nan"),
        ("valueBoolean", "T", True),
        ("valueBoolean", 0, False),
        ("valueBoolean", "maybe", "maybe"),
        ("valueDateTime", datetime(2026, 1, 5, 12, tzinfo=UTC), "2026-01-05T12:00:00Z"),
        ("valueDateTime", date(2026, 1, 5), "2026-01-05"),
        ("{path: valueDateTime, format: '%m/%d/%Y %H:%M', zone: America/New_York}", "01/05/2026 07:00",
         "2026-01-05T12:00:00Z"),
        ("{path: valueDateTime, format: '%d.%m.%Y'}", "05.01.2026", "2026-01-05"),
        ("{path: note.text, split: '|'}", "a| b", ["a", "b"]),
        ("{path: valueString, prefix: x}", 5, "x5"),
        ("{path: status, codes: {1: final}}", 1, "final"),
        ("valueString", b"\xc3\xa9", "é"),
        ("valueString", None, None),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_its_elements_type(tmp_path: Path, column: str, cell: Any, value: Any) -> None:
    found = read(tmp_path, column, cell)
    assert (found, type(found)) == (value, type(value))
