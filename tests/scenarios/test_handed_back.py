"""What a client writes to its output folder, and where a scenario says that its records are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.core.errors import ConfigError, EnvironmentProblem
from mockehr.scenarios.handed_back import handed_back, names_of, place_of, read_parked
from mockehr.scenarios.schema import FromSection, Scenario
from mockehr.scenarios.trial import Trial
from mockehr.sites.configured import known_names
from mockehr.sites.exceptions import Parked
from mockehr.sites.holdings import Row, Unreadable

MAPPING = "tables: [{type: Patient, id: mrn, columns: {born: birthDate}}]\n"


def told(folder: Path, where: FromSection | None = None, base: Path | None = None) -> list[Any]:
    return list(handed_back(folder, "north", where, base).records)


def test_records_are_looked_for_as_ndjson_then_json_then_csv(tmp_path: Path) -> None:
    assert handed_back(tmp_path, "north").there is False
    (tmp_path / "north.csv").write_text("mrn,born\n1,1980-01-02\n")
    (tmp_path / "north.mapping.yaml").write_text(MAPPING)
    (row,) = told(tmp_path)
    assert isinstance(row, Row)
    assert row.key == "Patient/1"
    (tmp_path / "north.json").write_text('[{"id": "json"}]')
    assert told(tmp_path) == [{"id": "json"}]
    (tmp_path / "north.ndjson").write_text('{"id": "lines"}\n{"id"\n')
    first, broken = told(tmp_path)
    assert (first, broken.place) == ({"id": "lines"}, "north.ndjson:2")
    assert place_of(tmp_path, "north") == tmp_path / "north.ndjson"
    assert handed_back(tmp_path, "north").there
    assert {"north.ndjson", "north.mapping.yaml", "north.exceptions.json"} < set(names_of("north"))


def test_a_table_without_a_mapping_or_with_a_wrong_one_is_a_finding_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "north.csv").write_text("mrn,birth\n1,1980-01-02\n")
    (without,) = told(tmp_path)
    assert "There is no north.mapping.yaml" in str(without)
    (tmp_path / "north.mapping.yaml").write_text(MAPPING)
    (wrong,) = told(tmp_path)
    assert "has no column 'born'" in str(wrong)


def test_the_scenario_may_say_where_the_records_are_and_how_they_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(MAPPING)
    output = tmp_path / "out"
    output.mkdir()
    (output / "north-copy.txt").write_text("mrn,born\n1,1980-01-02\n")
    where = FromSection(file="{site}-copy.txt", mapping="own.yaml")
    (row,) = told(output, where, tmp_path)
    assert isinstance(row, Row)
    assert told(output, FromSection(file="{site}.nothing")) == []


def test_parked_lines_and_counts_are_read_and_what_is_wrong_with_them_is_told(tmp_path: Path) -> None:
    (tmp_path / "north.parked.ndjson").write_text('{"reference": "Patient/1", "type": "unit"}\n{"type": "x"}\n[\n')
    (tmp_path / "north.exceptions.json").write_text('{"unknown-code": 3}')
    found = handed_back(tmp_path, "north")
    assert found.parked == (Parked("Patient/1", "unit"),)
    assert found.counted == {"unknown-code": 3}
    assert [type(one) for one in found.records] == [Unreadable, Unreadable]
    for text in ("[]", '{"a": true}', "{"):
        (tmp_path / "north.exceptions.json").write_text(text)
        bad = handed_back(tmp_path, "north")
        assert (bad.counted, len(list(bad.records))) == (None, 3)
    assert read_parked(tmp_path / "none.ndjson") == ([], [])


def scenario(more: str = "") -> Scenario:
    text = f"title: a\nsites: [{{name: north, patients: 2, clock: stepped}}]\n{more}"
    return validate(Scenario, load_text(text, source="s.yaml"), known=known_names())


def test_a_trial_judges_a_bundle_and_what_was_parked_in_vain(tmp_path: Path) -> None:
    trial = Trial(scenario("verdict: {probes: [truth]}\n"))
    charts = trial.sites[0].charts
    assert charts is not None
    resources = [json.loads(charts.patient(index).body) for index in range(2)]
    entries = [{"resource": one} for one in resources]
    (tmp_path / "north.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    assert trial.judge(tmp_path).passed
    line = {"resourceType": "Patient", "id": resources[0]["id"], "type": "unit", "reason": "?"}
    (tmp_path / "north.parked.ndjson").write_text(json.dumps(line))
    assert "1 parked in vain" in trial.judge(tmp_path).cards[0].find("truth").summary


def test_a_mapping_that_does_not_hold_and_two_places_are_refused_before_the_run(tmp_path: Path) -> None:
    told = scenario("truth: {from: {file: a.csv, mapping: m.yaml}}\n")
    with pytest.raises(EnvironmentProblem, match=r"m\.yaml"):
        Trial(told, base=tmp_path)
    (tmp_path / "m.yaml").write_text("tables: [{type: Patint, id: x, columns: {}}]\n")
    with pytest.raises(ConfigError, match="nearest: Patient"):
        Trial(told, base=tmp_path)
    for wrong in ("{}", "{file: a, url: 'sqlite://', mapping: m}", "{url: 'sqlite://'}"):
        with pytest.raises(ConfigError, match="from: "):
            scenario(f"truth: {{from: {wrong}}}\n")
