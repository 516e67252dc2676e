"""Every reader of a client's records: the truth read through it is the truth, and one planted change is found."""

from __future__ import annotations

import copy
import csv
import gzip
import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockehr.core.errors import ConfigError, EnvironmentProblem, UsageError
from mockehr.core.exchange import JSON
from mockehr.core.paths import replace
from mockehr.sites.holdings import Records, Unreadable, records_from, row_from
from mockehr.sites.holdings.ndjson import NdjsonRecords
from mockehr.sites.truth import compare

MAPPING = """
tables:
  - type: Observation
    id: id
    {more}
    columns:
      person: {{path: subject.reference, prefix: Patient/}}
      text: code.text
      value: valueQuantity.value
      "on": {{path: effectiveDateTime, format: "%d.%m.%Y %H:%M:%S", zone: UTC}}
      state: {{path: status, codes: {{F: final, P: preliminary}}}}
"""
ELEMENTS = ("subject.reference", "code.text", "valueQuantity.value", "effectiveDateTime", "status")
COLUMNS = ("id", "person", "text", "value", "on", "state")
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


def result(id: str, text: str = "Glucose", value: float = 7.5, state: str = "final", at: int = 1) -> JSON:
    return {
        "resourceType": "Observation",
        "id": id,
        "status": state,
        "code": {"text": text},
        "subject": {"reference": f"Patient/p{id}"},
        "effectiveDateTime": f"2026-01-0{at}T07:30:00Z",
        "valueQuantity": {"value": value, "unit": "mmol/L"},
    }


@st.composite
def truths(draw: st.DrawFn) -> dict[str, JSON]:
    """Some Observations by `Type/id`."""
    made = draw(
        st.lists(
            st.builds(
                result, st.integers(1, 99).map(str), TEXTS, st.integers(-90, 90).map(lambda n: n / 4),
                st.sampled_from(["final", "preliminary"]), st.integers(1, 9),
            ),
            min_size=1, max_size=4, unique_by=lambda one: one["id"],
        )
    )  # fmt: skip
    return {f"Observation/{one['id']}": one for one in made}


def cells(one: JSON) -> list[Any]:
    day, _, time = one["effectiveDateTime"].partition("T")
    year, month, number = day.split("-")
    state = {"final": "F", "preliminary": "P"}.get(one["status"], one["status"])
    person = one["subject"]["reference"].removeprefix("Patient/")
    at = f"{number}.{month}.{year} {time[:8]}"
    return [one["id"], person, one["code"]["text"], one["valueQuantity"]["value"], at, state]


def by_ndjson(folder: Path, held: Iterable[JSON]) -> Records:
    (folder / "a.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in held))
    return records_from(folder / "a.ndjson")


def by_packed_bundle(folder: Path, held: Iterable[JSON]) -> Records:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in held]}
    (folder / "a.json.gz").write_bytes(gzip.compress(json.dumps(bundle).encode()))
    return records_from(str(folder / "a.json.gz"))


def by_function(folder: Path, held: Iterable[JSON]) -> Records:
    return records_from(lambda: [json.dumps(one) for one in held])


def by_csv(folder: Path, held: Iterable[JSON]) -> Records:
    (folder / "a.yaml").write_text(MAPPING.format(more=""))
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *(cells(one) for one in held)])
    return records_from(folder / "a.csv", folder / "a.yaml")


def by_sql(folder: Path, held: Iterable[JSON]) -> Records:
    pytest.importorskip("sqlalchemy", reason="the extra mockehr[sql] is not installed")
    (folder / "a.db").unlink(missing_ok=True)
    (folder / "b.yaml").write_text(MAPPING.format(more="table: results"))
    database = sqlite3.connect(folder / "a.db")
    database.execute('create table results (id text, person text, text text, value real, "on" text, state text)')
    database.executemany("insert into results values (?, ?, ?, ?, ?, ?)", [cells(one) for one in held])
    database.commit()
    database.close()
    return records_from(f"sqlite:///{folder / 'a.db'}", folder / "b.yaml")


Reader = Callable[[Path, Iterable[JSON]], Records]
READERS = [by_ndjson, by_packed_bundle, by_function, by_csv, by_sql]
OTHER = {"subject.reference": "Patient/nobody", "valueQuantity.value": 1234.5, "status": "amended"}
OTHER |= {"code.text": "Something else", "effectiveDateTime": "2025-12-31T00:00:00Z"}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(truth=truths(), path=st.sampled_from(ELEMENTS), data=st.data())
def test_the_truth_is_the_same_through_each_reader_and_one_change_is_found_at_its_path(
    tmp_path: Path, reader: Reader, truth: dict[str, JSON], path: str, data: st.DataObject
) -> None:
    assert compare(truth, reader(tmp_path, truth.values())).ok
    key = data.draw(st.sampled_from(sorted(truth)))
    held = copy.deepcopy(truth)
    assert replace(held[key], path, OTHER[path]) == 1
    report = compare(truth, reader(tmp_path, held.values()))
    found = report.wrong_patient if path == "subject.reference" else report.altered
    assert [(one.key, one.path, one.got) for one in found] == [(key, path, OTHER[path])]
    assert [len(some) for some in report.findings().values() if some] == [1]
    twice = compare(truth, reader(tmp_path, [*truth.values(), truth[key]]))
    assert [(one.key, one.times) for one in twice.duplicated] == [(key, 2)]


def test_lines_that_are_no_json_or_no_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b'\xef\xbb\xbf{"id": 1}\n\n{"id":\n[1]\n{"id": "N\xfa\xf1ez"}\n')
    first, *wrong = NdjsonRecords(file)
    assert first == {"id": 1}
    assert [one.place for one in wrong if isinstance(one, Unreadable)] == ["a.ndjson:3", "a.ndjson:4", "a.ndjson:5"]
    assert "no UTF-8 (octet 0xfa" in str(wrong[2])


def test_a_folder_is_read_file_by_file_and_entries_that_are_no_resources_are_told(tmp_path: Path) -> None:
    (tmp_path / "b.ndjson").write_text('{"id": 2}\n')
    entries = [{"resource": {"id": 1}}, {"request": {}}, {"resource": 5}]
    (tmp_path / "a.json").write_text(json.dumps([{"resourceType": "Bundle", "entry": entries}, {"id": 3}]))
    (tmp_path / "notes.txt").write_text("no records")
    found = list(records_from(tmp_path))
    assert [one for one in found if isinstance(one, dict)] == [{"id": 1}, {"id": 3}, {"id": 2}]
    assert [str(one) for one in found if isinstance(one, Unreadable)] == ["a.json: item 0: entry 2: no JSON object"]
    (tmp_path / "c.json").write_text("{")
    (broken,) = records_from(tmp_path / "c.json")
    assert "no JSON" in str(broken)


def test_what_a_program_gives_may_be_dicts_texts_and_models_and_nothing_else() -> None:
    from fhir.resources.R4B.patient import Patient

    found = list(records_from([{"id": "1"}, b'{"id": "2"}', Patient(id="3"), "{", 5]))
    assert found[:3] == [{"id": "1"}, {"id": "2"}, {"id": "3", "resourceType": "Patient"}]
    assert [str(one) for one in found[3:]][1] == "record 5: no resource, but int"
    assert row_from({"resourceType": "Patient", "id": "1", "elements": {"gender": "male"}}) in records_from(
        [row_from({"resourceType": "Patient", "id": "1", "elements": {"gender": "male"}})]
    )
    assert isinstance(row_from({"id": "1"}), Unreadable)


def test_a_place_without_records_and_a_table_without_a_mapping_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no records at"):
        records_from(tmp_path / "none.ndjson")
    (tmp_path / "a.csv").write_text("id\n")
    for place in (tmp_path / "a.csv", "sqlite:///a.db"):
        with pytest.raises(UsageError, match="nothing says what its columns mean"):
            records_from(place)


def table(folder: Path, octets: bytes, head: str = "") -> list[Any]:
    (folder / "m.yaml").write_text(head + MAPPING.format(more=""))
    (folder / "t.csv").write_bytes(octets)
    return list(records_from(folder / "t.csv", folder / "m.yaml"))


def test_a_column_that_is_not_there_is_told_with_line_and_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        table(tmp_path, b"id,persn,text,value,on,state\n")
    (problem,) = refused.value.problems
    assert "m.yaml:7: tables[0].columns.person: t.csv has no column 'person'; nearest: persn" in problem


def test_rows_of_another_width_without_an_id_or_out_of_their_quotes_are_unreadable(tmp_path: Path) -> None:
    head = b"id,person,text,value,on,state\n"
    rows = (
        b'1,p1,"two\nlines",7,01.01.2026 00:00:00,F\n2,p2\n\n,p3,x,7,,F\nObservation/4,p4,,7e,soon,Q\n5,"p5"x,,,,\n'
    )
    found = table(tmp_path, head + rows)
    assert [str(one) for one in found if isinstance(one, Unreadable)] == [
        "t.csv:4: 2 cells, where the header has 6",
        "t.csv:6: no id in column 'id'",
        "t.csv:8: no CSV: ',' expected after '\"'; the rest was not read",
    ]
    assert (found[0].key, found[0].place, found[0].elements["code.text"]) == (
        "Observation/1",
        "t.csv:2",
        "two\nlines",
    )
    odd = next(one for one in found if getattr(one, "id", "") == "4")
    assert odd.elements == {
        "subject.reference": "Patient/p4", "code.text": None, "valueQuantity.value": "7e",
        "effectiveDateTime": "soon", "status": "Q",
    }  # fmt: skip


def test_a_file_in_windows_1252_is_read_as_the_mapping_says_and_otherwise_refused(tmp_path: Path) -> None:
    truth = {"Observation/1": result("1", "Größe")}
    text = "id,person,text,value,on,state\n1,p1,Größe,7.5,01.01.2026 07:30:00,F\n"
    assert compare(truth, table(tmp_path, text.encode("cp1252"), "encoding: windows-1252\n")).ok
    assert compare(truth, table(tmp_path, b"\xef\xbb\xbf" + text.encode())).ok
    with pytest.raises(UsageError, match=r"not in utf-8: .*0xf6"):
        table(tmp_path, text.encode("cp1252"))
    (wrong,) = compare(truth, table(tmp_path, text.encode(), "encoding: windows-1252\n")).misdecoded
    assert wrong.damage == "UTF-8 read as Windows-1252"


def test_several_tables_lie_beside_each_other_and_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "delimiter: ';'\nabsent: ['', '-']\ntables:\n"
        "  - {type: Patient, id: mrn, file: p.csv, columns: {born: birthDate}, constants: {active: true}}\n"
        "  - {type: Condition, id: id, file: c.csv, columns: {day: onsetDateTime.toDate()}}\n"
    )
    (tmp_path / "p.csv").write_text("mrn;born\n1;1980-01-02\n2;-\n")
    (tmp_path / "c.csv").write_text("id;day\n7;2020-02-03\n")
    truth = {
        "Patient/1": {"resourceType": "Patient", "id": "1", "active": True, "birthDate": "1980-01-02"},
        "Patient/2": {"resourceType": "Patient", "id": "2", "active": True},
        "Condition/7": {"resourceType": "Condition", "id": "7", "onsetDateTime": "2020-02-03T10:00:00-05:00"},
    }
    assert compare(truth, records_from(tmp_path, tmp_path / "m.yaml")).ok
    truth["Patient/2"]["active"] = False
    assert [one.path for one in compare(truth, records_from(tmp_path, tmp_path / "m.yaml")).altered] == ["active"]
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(UsageError, match="is empty"):
        list(records_from(tmp_path, tmp_path / "m.yaml"))
    (tmp_path / "c.csv").unlink()
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        list(records_from(tmp_path, tmp_path / "m.yaml"))
