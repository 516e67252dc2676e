"""Reports of what has changed."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from mockehr.recording.contract.drift import Drift
from mockehr.recording.contract.observed import Kind
from mockehr.recording.contract.pin import Pin
from mockehr.recording.contract.report import as_json, as_junit, as_text

PIN = Pin("old", "http://x", [], {}, {}, {}, {"Patient": Kind(1, {}, {}), "Goal": Kind(1, {}, {})})
FOUND = [Drift("breaking", "observed.Patient.name", "gone\x00"), Drift("info", "observed.Patient.x", "new")]


def test_a_line_for_each_change_and_a_count() -> None:
    lines = as_text(PIN, PIN, FOUND, "breaking").splitlines()
    assert len(lines) == 3
    assert lines[2] == "old against the pin of old: 1 breaking, 1 info"
    assert as_text(PIN, PIN, [], "breaking") == "old against the pin of old: nothing has changed\n"


def test_json_says_whether_it_failed() -> None:
    told = json.loads(as_json(PIN, PIN, FOUND, "breaking"))
    assert told["failed"] is True
    assert told["counts"] == {"breaking": 1, "warning": 0, "info": 1}
    assert told["drift"][1] == {"severity": "info", "where": "observed.Patient.x", "what": "new"}
    assert json.loads(as_json(PIN, PIN, FOUND[1:], "breaking"))["failed"] is False


def test_junit_has_a_case_for_each_part_and_fails_those_that_are_bad_enough() -> None:
    root = ElementTree.fromstring(as_junit(PIN, PIN, FOUND, "breaking").encode())
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert list(cases) == ["statement", "smart", "answers", "observed.Patient", "observed.Goal"]
    assert root.attrib["failures"] == "1"
    failure, output = cases["observed.Patient"]
    assert (failure.tag, output.tag) == ("failure", "system-out")
    assert "gone�" in (failure.text or "")
    assert list(cases["observed.Goal"]) == []
