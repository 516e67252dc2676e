"""`mockehr corpus`: made, listed, shown and exported from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from mockehr.cli.main import cli
from mockehr.sites.corpus_forms import FORMS
from mockehr.sites.curated import curated


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["corpus", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_a_corpus_is_made_listed_shown_and_exported(tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), tmp_path / "other"
    made = json.loads(run("make", one, "--patients", "5", "--dirt", "typical", "--vendor", "oracle", "--json"))
    assert (made["personality"], made["patients"], made["seed"], made["dirt"]) == ("oracle", 5, 7, "typical")
    assert one in run("list", str(tmp_path))
    rows = json.loads(run("list", str(tmp_path), "--json"))
    assert [row["name"] for row in rows["corpora"]] == [one]
    assert "fhir/Patient.ndjson" in run("show", one)
    exported = run("export", one, "--to", str(other), "--form", "csv", "--form", "hl7")
    assert "note:" not in exported
    assert (other / "csv" / "Patient.csv").is_file()
    assert (other / "hl7" / "batch-0001.hl7").is_file()


def test_every_form_can_be_asked_for() -> None:
    text = run("make", "--help")
    assert all(name in text for name in FORMS)


def test_a_curated_patient_is_shown_with_what_is_true() -> None:
    name, one = next(iter(curated().items()))
    text = run("show", f"curated/{name}")
    assert one.what in text
    assert "shown" in text
    told = json.loads(run("show", f"curated/{name}", "--json"))
    assert told["corruption"] == one.corruption
    assert told["differences"]
    assert f"curated/{name}" in run("list", "--json")


def test_a_changed_corpus_is_told(tmp_path: Path) -> None:
    run("make", str(tmp_path / "c"), "--patients", "2")
    (tmp_path / "c" / "fhir" / "Patient.ndjson").write_bytes(b"")
    result = CliRunner().invoke(cli, ["corpus", "show", str(tmp_path / "c")])
    assert "fhir/Patient.ndjson" in str(result.exception)
