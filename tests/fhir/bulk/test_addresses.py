"""Addresses of jobs and files: made by templates and recognised again."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.fhir.bulk import Addresses, BulkSettings, Found
from mockehr.personalities.load import load_personality

BASE = "http://h.example.org/a/fhir/R4"


def addresses(**told: Any) -> Addresses:
    settings = load_personality("generic", {"bulk": told}).settings["bulk"]
    return Addresses(BulkSettings.of(settings), "/fhir/R4")


@pytest.mark.parametrize(
    ("status", "file"),
    [
        ("{root}/bulk/jobs/{job}", "{root}/bulk/files/{job}/{file}.ndjson"),
        ("{root}/api/BulkRequest/{job}", "{root}/api/BulkRequest/{job}/{file}"),
        ("{base}/bulk-export/jobs/{job}", "{base}/bulk-export/files/{file}"),
        ("{base}/$export-poll-location?job_id={job}", "{base}/bulk/{job}/{kind}?name={file}"),
        ("{root}/v1/fhir-bulk/status?groupId={group}&jobId={job}", "{root}/v1/fhir-bulk/fhir-resource/{job}/{file}"),
    ],
)
def test_what_was_given_out_is_recognised(status: str, file: str) -> None:
    there = addresses(status_url=status, file_url=file)

    def found(url: str) -> Found | None:
        path, _, query = url.removeprefix("http://h.example.org/a").partition("?")
        assert there.serves(path)
        return there.find(path, query)

    assert found(there.status(BASE, "j1", "g.1")) == Found("bulk-status", "j1", "")
    named = found(there.file(BASE, "j1", "Patient.0.1", "Patient"))
    assert named is not None
    assert (named.what, named.file) == ("bulk-file", "Patient.0.1")
    assert named.job == ("j1" if "{job}" in file else "")


@pytest.mark.parametrize("path", ["/", "/bulk", "/bulk/jobs", "/bulk/jobs/", "/bulk/jobs/a/b", "/fhir/R4/Patient/1"])
def test_other_paths_are_nobodys(path: str) -> None:
    assert not addresses().serves(path)
    assert addresses().find(path, "") is None


def test_where_files_are_given_directly_there_is_no_store_behind_them() -> None:
    assert not addresses().serves("/bulk/store/x")
    assert addresses(files="redirect").serves("/bulk/store/x")
    assert not addresses(levels=[]).serves("/bulk/jobs/x")
