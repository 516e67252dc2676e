"""Names of jobs and files: read back without a table, and not to be made up."""

from __future__ import annotations

import pytest

from mockehr.core.chance import Chance
from mockehr.fhir.bulk.names import FileNames, job_name

KINDS = ("Observation", "Patient")
FILES = [
    (1, "output", "Patient", 0, 1),
    (70_000, "output", "Observation", 12_345, 400),
    (3, "deleted", "Bundle", 9, 1),
    (3, "error", "OperationOutcome", 9, 2),
]


@pytest.mark.parametrize("form", ["hex", "uuid"])
@pytest.mark.parametrize("file", FILES)
def test_opaque_names_tell_their_site_everything(form: str, file: tuple[int, str, str, int, int]) -> None:
    names = FileNames(Chance(7).key, form, KINDS)
    text = names.encode(*file)
    assert len(text) == (36 if form == "uuid" else 32)
    assert names.decode(text) == file
    assert FileNames(Chance(8).key, form, KINDS).decode(text) is None
    for place in range(len(text)):
        other = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
        assert names.decode(other) in (None, file), "a dash of a UUID may be anything"


@pytest.mark.parametrize("file", FILES)
def test_plain_names_tell_everything_but_the_job(file: tuple[int, str, str, int, int]) -> None:
    names = FileNames(Chance(7).key, "plain", KINDS)
    assert names.decode(names.encode(*file)) == (0, *file[1:])


@pytest.mark.parametrize(
    "text", ["", "Patient", "Patient.1", "Patient.a.1", "Patient.1.1.1", "Flag.0.1", "x" * 32, "²"]
)
@pytest.mark.parametrize("form", ["plain", "hex", "uuid"])
def test_what_is_no_name_is_none(text: str, form: str) -> None:
    assert FileNames(Chance(7).key, form, KINDS).decode(text) is None


def test_jobs_have_names_of_two_forms() -> None:
    key = Chance(7).key
    assert len({job_name(key, number, "hex") for number in range(100)}) == 100
    assert len(job_name(key, 1, "hex")) == 32
    assert job_name(key, 1, "uuid").count("-") == 4
