"""`mockehr truth compare` on a running server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mockehr.cli.main import cli
from mockehr.core.errors import UsageError
from mockehr.testing.world import World


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["truth", "compare", *(str(one) for one in arguments)])


def test_records_are_compared_from_files_and_tables_with_an_exit_status(mockehr: World, tmp_path: Path) -> None:
    site = mockehr.site("generic", patients=3)
    charts = site.site.charts
    assert charts is not None
    held = [json.loads(charts.patient(index).body) for index in range(3)]
    lines, place = tmp_path / "a.ndjson", ["--server", mockehr.url]
    lines.write_text("".join(f"{json.dumps(one)}\n" for one in held))
    same = run(site.name, "--from", lines, *place)
    assert (same.exit_code, same.output) == (0, "3 records expected, 3 given: the same\n")
    assert run(site.name, f"@{lines}", *place).exit_code == 0
    rows = "".join(f"{one['id']},{one['birthDate']}\n" for one in held[:2])
    (tmp_path / "a.csv").write_text(f"mrn,born\n{rows}{held[2]['id']},1900-01-01\n{held[0]['id']}\n")
    (tmp_path / "m.yaml").write_text("tables: [{type: Patient, id: mrn, columns: {born: birthDate}}]\n")
    other = run(site.name, "--from", tmp_path / "a.csv", "--mapping", tmp_path / "m.yaml", *place)
    assert other.exit_code == 1
    assert f"Patient/{held[2]['id']} birthDate: expected" in other.output
    assert "a.csv:5: 1 cells, where the header has 2" in other.output
    (tmp_path / "p.ndjson").write_text(f'{{"reference": "Patient/{held[0]["id"]}", "type": "unit"}}\n5\n')
    vain = run(site.name, "--from", lines, "--parked", tmp_path / "p.ndjson", "--json", *place)
    told = json.loads(vain.output)
    assert [len(told["parked_in_vain"]), len(told["unreadable"]), "text" in told] == [1, 1, False]


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(UsageError, match="What is to be compared"):
        raise run("north").exception or AssertionError
