"""Folders of records: what is in them, that they are the same every time, and that every form says the same."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import EnvironmentProblem, UnknownName, UsageError
from mockehr.hl7.batch import read_batch
from mockehr.sites.corpus import (
    CORRUPTED,
    MANIFEST,
    Recipe,
    changed_files,
    charts_of,
    found_in,
    make_corpus,
    read_recipe,
    rows_of,
)
from mockehr.sites.corpus_forms import FORMS, Ndjson
from mockehr.sites.expected import truth_of

DIRTY = Recipe("generic", 12, 7, "decades")


def made(path: Path, recipe: Recipe = DIRTY, *forms: str) -> Any:
    return make_corpus(path, recipe, {name: FORMS[name]() for name in forms or FORMS})


def lines(path: Path) -> list[Any]:
    return [json.loads(line.decode("utf-8", "surrogateescape")) for line in path.read_bytes().split(b"\n")[:-1]]


def test_the_same_recipe_makes_the_same_bytes_in_every_form(tmp_path: Path) -> None:
    one, other = made(tmp_path / "one"), made(tmp_path / "other")
    assert one == other
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) > 60
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes(), name


def test_another_seed_makes_other_records_and_a_clean_corpus_has_nothing_corrupted(tmp_path: Path) -> None:
    one = made(tmp_path / "one", Recipe("generic", 5, 7), "ndjson")
    other = made(tmp_path / "other", Recipe("generic", 5, 8), "ndjson")
    assert one["files"]["fhir/Patient.ndjson"] != other["files"]["fhir/Patient.ndjson"]
    assert CORRUPTED not in one["files"]
    assert one["files"]["fhir/Observation.ndjson"] == one["files"]["truth/Observation.ndjson"]


def test_what_is_listed_as_corrupted_is_what_differs_between_records_and_truth(tmp_path: Path) -> None:
    made(tmp_path / "c", DIRTY, "ndjson")
    records = {
        which: {
            f"{one['resourceType']}/{one['id']}": one
            for path in (tmp_path / "c" / which).glob("*.ndjson")
            for one in lines(path)
        }
        for which in ("fhir", "truth")
    }
    listed = {row["key"]: row for row in lines(tmp_path / "c" / CORRUPTED)}
    differing = {key for key, one in records["fhir"].items() if records["truth"].get(key) != one}
    assert differing == set(listed)
    assert not records["truth"].keys() - records["fhir"].keys()
    for key, row in listed.items():
        if key in records["truth"]:
            shown, true = records["fhir"][key], records["truth"][key]
            assert set(row["what"]) == {name for name in {*shown, *true} if shown.get(name) != true.get(name)}
    assert {"Patient", "Observation"} <= {key.partition("/")[0] for key in listed}


def test_the_shown_records_of_a_corpus_pass_for_a_sites_where_they_may_be_kept() -> None:
    recipe = Recipe("generic", 4, 7)
    site = recipe.site()
    site.arm({"use": "mixed-units", "with": {"rate": 1.0}})
    charts = list(charts_of(site))
    kept = [one for chart in charts for one in chart.shown if one["resourceType"] == "Observation"]
    assert any(rows for chart in charts for rows in rows_of(chart))
    assert truth_of(site, [chart.patient for chart in charts], {"Observation": ""}, kept).ok


def test_second_records_are_listed_with_whose_they_are(tmp_path: Path) -> None:
    recipe = Recipe("generic", 30, 7, "decades")
    rows = [row for chart in charts_of(recipe.site()) for row in rows_of(chart) if "of" in row]
    assert {row["corruption"][0] for row in rows} == {"duplicate-patients", "half-done-merges"}
    assert all(row["of"] != row["key"] for row in rows)


def test_every_form_has_every_record(tmp_path: Path) -> None:
    manifest = made(tmp_path / "c")
    plain = {path.stem: lines(path) for path in (tmp_path / "c" / "fhir").glob("*.ndjson")}
    total = sum(map(len, plain.values()))
    for kind, wants in (("collections", None), ("transactions", "PUT")):
        bundles = list((tmp_path / "c" / kind).glob("*.json"))
        found = [entry for path in bundles for entry in lines(path)[0]["entry"]]
        assert len(found) == total
        assert {entry.get("request", {}).get("method") for entry in found} == {wants}
        assert len(bundles) == len(plain["Patient"]) + 1
    for kind, records in plain.items():
        text = (tmp_path / "c" / "csv" / f"{kind}.csv").read_text(encoding="utf-8", errors="surrogateescape")
        rows = list(csv.DictReader(text.splitlines()))
        assert [row["id"] for row in rows] == [one["id"] for one in records]
    assert manifest["forms"] == sorted(FORMS)


def test_messages_lie_in_batches_that_read_back_and_tell_of_every_patient(tmp_path: Path) -> None:
    manifest = made(tmp_path / "c", DIRTY, "hl7", "ndjson")
    batch = read_batch((tmp_path / "c" / "hl7" / "batch-0001.hl7").read_bytes())
    assert not batch.findings
    assert batch.headers
    assert len(batch.messages) == manifest["files"]["hl7/batch-0001.hl7"]["records"]
    types = [message.split(b"|")[8][:7] for message in batch.messages]
    assert types.count(b"ADT^A28") == manifest["files"]["fhir/Patient.ndjson"]["records"]
    assert types.count(b"ORU^R01") == manifest["files"]["fhir/DiagnosticReport.ndjson"]["records"]
    assert types.count(b"ADT^A04") == 12


def test_truth_can_be_left_out(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "c", DIRTY, {"ndjson": Ndjson(truth=False)})
    assert not any(name.startswith("truth/") for name in manifest["files"])
    assert CORRUPTED in manifest["files"]


def test_a_manifest_says_how_to_make_it_again_and_a_changed_file_is_found(tmp_path: Path) -> None:
    manifest = made(tmp_path / "c", DIRTY, "ndjson")
    recipe, told = read_recipe(tmp_path / "c")
    assert recipe == DIRTY
    assert told == manifest
    assert not changed_files(tmp_path / "c", told)
    with (tmp_path / "c" / "fhir" / "Patient.ndjson").open("ab") as opened:
        opened.write(b"{}\n")
    (tmp_path / "c" / "fhir" / "Encounter.ndjson").unlink()
    assert changed_files(tmp_path / "c", told) == ["fhir/Encounter.ndjson", "fhir/Patient.ndjson"]
    assert [path for path, _ in found_in(tmp_path)] == [tmp_path / "c"]


def test_many_files_of_one_folder_are_one_row(tmp_path: Path) -> None:
    manifest = made(tmp_path / "c", Recipe("generic", 120, 7), "bundles")
    assert manifest["files"]["collections/"]["files"] == 121
    assert (tmp_path / "c" / MANIFEST).stat().st_size < 2000


def test_what_cannot_be_made_or_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        made(tmp_path / "full")
    with pytest.raises(UnknownName, match="typical"):
        made(tmp_path / "c", Recipe(dirt="typcal"))
    with pytest.raises(UsageError, match="no patients of its own"):
        made(tmp_path / "d", Recipe("redox"))
    with pytest.raises(EnvironmentProblem, match="no corpus"):
        read_recipe(tmp_path / "full")
