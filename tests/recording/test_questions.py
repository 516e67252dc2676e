"""Putting recorded requests to another site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.recording.questions import put, read_recorded

BASE = "https://ehr.example.org/fhir/R4"


def record(folder: Path, name: str, target: str, body: dict[str, Any], status: int = 200) -> None:
    request = {"method": "GET", "url": f"{BASE}/{target}", "status": status}
    (folder / f"{name}.json").write_text(json.dumps({"_request": request, "body": body}))


def asked(folder: Path, found: dict[str, Any] | None = None, status: int = 200) -> tuple[list[str], Any]:
    targets: list[str] = []

    def ask(target: str) -> tuple[int, Any]:
        targets.append(target)
        return status, (found or {}).get(target, {"resourceType": "Goal"})

    pile = put(read_recorded(folder), ["one", "two"], ask, lambda target: None)
    return targets, pile


def test_patients_are_exchanged_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    record(tmp_path, "a", "Goal?patient=zz&category=x%7Cy", {"resourceType": "Bundle", "type": "searchset"})
    record(tmp_path, "b", "Goal?patient=zz&category=x%7Cy", {"resourceType": "Bundle", "type": "searchset"})
    record(tmp_path, "c", "Patient/zz", {"resourceType": "Patient"})
    targets, _ = asked(tmp_path)
    assert targets == ["Goal?patient=one&category=x|y", "Goal?patient=two&category=x|y", "Patient/one", "Patient/two"]


def test_what_was_asked_of_several_patients_is_asked_once_of_each(tmp_path: Path) -> None:
    for id in ("yy", "zz"):
        record(tmp_path, id, f"Patient/{id}", {"resourceType": "Patient", "id": id})
    targets, pile = asked(tmp_path, {"Patient/one": {"resourceType": "Patient"}})
    assert targets == ["Patient/one", "Patient/two"]
    assert pile.counts == {"Patient": 1, "Goal": 1}


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("Patient?_id=zz", ["Patient?_id=one", "Patient?_id=two"]),
        ("Patient/zz/$everything?_id=9", ["Patient/one/$everything?_id=9", "Patient/two/$everything?_id=9"]),
        ("Goal?_id=9", ["Goal?_id=9"]),
        ("Goal?subject=Patient/zz", ["Goal?subject=Patient/one", "Goal?subject=Patient/two"]),
    ],
)
def test_an_id_is_that_of_a_patient_only_where_patients_are_asked_for(
    tmp_path: Path, target: str, wanted: list[str]
) -> None:
    record(tmp_path, "a", target, {"resourceType": "Bundle", "type": "searchset"})
    assert asked(tmp_path)[0] == wanted


def test_other_reads_become_reads_of_what_a_search_finds(tmp_path: Path) -> None:
    record(tmp_path, "a", "Goal/9", {"resourceType": "Goal", "id": "9"})
    found = {"Goal?patient=one": {"entry": [{"resource": {"resourceType": "Goal", "id": "g"}}]}}
    targets, pile = asked(tmp_path, found)
    assert targets == ["Goal?patient=one", "Goal/g", "Goal?patient=two"]
    assert pile.counts == {"Goal": 1}


def test_refusals_are_repeated_as_they_were_and_count_only_if_refused_again(tmp_path: Path) -> None:
    outcome = {"resourceType": "OperationOutcome"}
    record(tmp_path, "a", "Goal?patient=zz", outcome, status=403)
    targets, pile = asked(tmp_path, {"Goal?patient=zz": outcome})
    assert targets == ["Goal?patient=zz"]
    assert not pile.counts
    assert asked(tmp_path, {"Goal?patient=zz": outcome}, status=400)[1].counts == {"OperationOutcome": 1}


def test_plain_answers_are_asked_by_what_they_say_of_themselves(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"resourceType": "Patient", "id": "zz"}))
    link = [{"relation": "self", "url": f"{BASE}/Goal?patient=zz"}]
    (tmp_path / "b.json").write_text(json.dumps({"resourceType": "Bundle", "link": link}))
    (tmp_path / "c.json").write_text("[]")
    (tmp_path / "d.json").write_text("{")
    assert asked(tmp_path)[0] == ["Patient/one", "Patient/two", "Goal?patient=one", "Goal?patient=two"]
    assert read_recorded(tmp_path).unread == ("c.json", "d.json")


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="holds no recorded FHIR answers"):
        read_recorded(tmp_path)
    with pytest.raises(EnvironmentProblem, match="is no folder"):
        read_recorded(tmp_path / "none")


def test_a_folder_of_something_else_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("hello")
    with pytest.raises(EnvironmentProblem, match=r"1 of its files are something else, such as a\.json"):
        read_recorded(tmp_path)
