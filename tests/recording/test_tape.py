from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.recording.tape import Miss, Recording, load_tape, normal_query, resources


def tape_of(folder: Path) -> Path:
    asked = {"method": "GET", "url": "https://h.example.org/api/R4/Patient?family=A&_format=json", "status": 200}
    body = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}, {"search": {}}]}
    (folder / "a.json").write_text(json.dumps({"_request": asked, "body": body}))
    (folder / "b.json").write_text('{"resourceType": "Patient"}')
    (folder / "c.json").write_text("no json")
    (folder / "d.json").write_text('{"_request": {"method": "GET"}, "body": 1}')
    return folder


def test_recordings_are_read_and_other_files_left_out_and_counted(tmp_path: Path) -> None:
    tape = load_tape(tape_of(tmp_path))
    assert [(r.base, r.path, r.query) for r in tape.recordings] == [
        ("https://h.example.org/api/R4", "/Patient", frozenset({("family", "A")}))
    ]
    assert tape.left_out == 3
    assert list(resources(tape)) == [{"resourceType": "Patient"}]


def test_the_query_is_a_set_and_formats_do_not_matter(tmp_path: Path) -> None:
    found = load_tape(tape_of(tmp_path)).find("GET", "/Patient", "_pretty=true&family=A")
    assert isinstance(found, Recording)
    assert normal_query("b=2&a=1") == normal_query("a=1&b=2&_format=xml")


def test_a_near_miss_names_the_recording_and_every_difference(tmp_path: Path) -> None:
    missed = load_tape(tape_of(tmp_path)).find("POST", "/Patient", "family=B")
    assert isinstance(missed, Miss)
    text = str(missed)
    assert "a.json" in text
    assert "method POST, recorded GET" in text
    assert "parameter family=B was not recorded" in text
    assert "parameter family=A is missing" in text


def test_a_missing_folder_is_a_problem_of_the_environment_and_an_empty_one_a_miss(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem):
        load_tape(tmp_path / "none")
    assert "the tape is empty" in str(load_tape(tmp_path).find("GET", "/", ""))
