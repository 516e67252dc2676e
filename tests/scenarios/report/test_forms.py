"""Runs as SARIF, as JUnit XML of Jenkins' structure, for GitHub, and against a baseline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from mockehr.core.errors import ConfigError, EnvironmentProblem
from mockehr.scenarios.probe import Evidence, Finding, Verdict
from mockehr.scenarios.report import Run, junit, sarif
from mockehr.scenarios.report.baseline import as_json, compare_with, read_baseline
from mockehr.scenarios.report.failure import failures
from mockehr.scenarios.report.github import commands, summary
from mockehr.scenarios.report.run import OVERDUE, Real
from mockehr.scenarios.scorecard import Card, Scorecard

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "skipped", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "id", "hostname", "package"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time", "assertions", "status"},
    "failure": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase", "system-out", "system-err"],
    "properties": ["property"],
    "testcase": ["skipped", "error", "failure", "system-out", "system-err"],
}
"""Jenkins' junit-10.xsd: which elements have which attributes, and which children in which order."""


def run(truth: Verdict = "fail", scopes: Verdict = "pass", **more: object) -> Run:
    told = "50 % lost,\r\nall: of | it" if truth == "fail" else "Fine."
    findings = (
        Finding("truth", truth, told, (Evidence(0, "lost: Patient/p0"),)),
        Finding("scopes-used", scopes, "Scopes.", (Evidence(4, "one"),)),
    )
    card = Scorecard((Card("north", "sync", findings),), "Story, the", "7", ("keeps-retry-after",))
    made = Run(card, "story", "scenarios/story, 1.scenario.yaml", real=Real(1.5))
    return replace(made, **more)  # type: ignore[arg-type]


def conforms(element: ElementTree.Element) -> None:
    assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
    order = [CHILDREN.get(element.tag, []).index(child.tag) for child in element]
    assert order == sorted(order), element.tag
    for child in element:
        conforms(child)


def test_the_xml_has_the_structure_that_ci_systems_read_with_times_and_evidence() -> None:
    root = ElementTree.fromstring(junit(run(), run(status=OVERDUE)))
    conforms(root)
    assert (root.get("time"), [suite.get("time") for suite in root]) == ("3.000", ["1.500", "1.500"])
    for one in [root, *root]:
        every = list(one.iter("testcase"))
        assert one.get("tests") == str(len(every))
        assert one.get("failures") == str(len(list(one.iter("failure"))))
    out = root.find("testsuite/testcase[@name='scopes-used']/system-out")
    assert out is not None
    assert out.text == "Scopes.\nentry 4: one"
    assert root.find("testsuite[2]/testcase[@name='in-time']/failure") is not None
    assert root.find("testsuite[1]/testcase[@name='in-time']") is None


def test_failures_are_sarif_results_with_rules_places_and_lasting_fingerprints() -> None:
    log = json.loads(sarif(run()))
    assert (log["version"], log["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-schema-2.1.0.json")
    (one,) = log["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["truth", "scopes-used", "keeps-retry-after"]
    assert rules[0]["shortDescription"]["text"]
    results = one["results"]
    assert [(item["ruleId"], item["level"]) for item in results] == [
        ("truth", "error"),
        ("keeps-retry-after", "error"),
    ]
    assert all(rules[item["ruleIndex"]]["id"] == item["ruleId"] for item in results)
    place = results[0]["locations"][0]
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "story/north/sync"
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "scenarios/story, 1.scenario.yaml"
    assert "lost: Patient/p0" in results[0]["message"]["text"]
    prints = [item["partialFingerprints"]["mockehrProbe/v1"] for item in results]
    assert len(set(prints)) == 2
    card = run().scorecard
    other = replace(card.cards[0], findings=(Finding("truth", "fail", "Otherwise lost."),))
    again = json.loads(sarif(replace(run(), scorecard=replace(card, cards=(other,)))))
    assert again["runs"][0]["results"][0]["partialFingerprints"]["mockehrProbe/v1"] == prints[0]
    assert json.loads(sarif())["runs"][0]["results"] == []


def test_annotations_are_one_line_each_with_what_separates_escaped() -> None:
    first, second = commands([run()])
    assert first == (
        "::error file=scenarios/story%2C 1.scenario.yaml,title=truth%3A sync at north%2C Story%2C the"
        "::50 %25 lost,%0D%0Aall: of | it%0Alost: Patient/p0"
    )
    assert second.startswith("::error file=")
    known = compare_with({"story": as_json([run()])}, [run()])
    assert [line[:9] for line in commands([run()], known)] == ["::warning", "::warning"]


def test_the_summary_is_a_table_that_no_text_breaks() -> None:
    told = summary([run(), run("pass")])
    lines = told.splitlines()
    assert "| Story, the | **not passed** | 1 | 1 | 0 |" in lines
    row = next(line for line in lines if "| truth |" in line)
    assert row == "| Story, the | truth | sync at north | 50 % lost,<br>all: of \\| it<br>lost: Patient/p0 |"


def test_only_what_had_not_failed_before_is_a_regression() -> None:
    before = {"story": as_json([run(truth="fail", scopes="fail")])}
    same = compare_with(before, [run(truth="fail", scopes="fail")])
    assert (same.regressions, len(same.known), same.improved, same.stale) == ((), 3, (), ())
    better = compare_with(before, [run(truth="pass", scopes="not-applicable")])
    assert better.regressions == ()
    assert better.improved == (("story", "truth (sync at north)"),)
    assert better.unseen == (("story", "scopes-used (sync at north)"),)
    worse = compare_with({"story": as_json([run("pass")])}, [run("fail", status=OVERDUE)])
    assert [failure.probe for _, failure in worse.regressions] == ["truth", "in-time"]
    assert "regression: story: truth, sync at north" in "\n".join(worse.lines())
    new = compare_with({}, [run("fail")])
    assert [failure.probe for _, failure in new.regressions] == ["truth", "keeps-retry-after"]


def test_a_baseline_that_does_not_fit_any_more_is_told() -> None:
    before = {"story": as_json([run("fail")]) | {"seed": "8"}, "gone": as_json([run()])}
    before["story"]["cards"][0]["findings"].append({"probe": "dropped", "verdict": "fail"})
    found = compare_with(before, [run("fail")])
    assert found.stale == (
        "gone was not run",
        "story ran with seed 8 then, with 7 now",
        "story: dropped (sync at north) is not asked any more",
    )


def test_a_baseline_is_what_was_written_of_one_run_or_of_several(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    for runs in ([run()], [run(), run(name="other")]):
        file.write_bytes(orjson.dumps(as_json(runs)))
        assert list(read_baseline(file)) == [one.name for one in runs]
    for text in ("[]", "{}", '{"scorecards": [{"scenario": "a", "cards": 1}]}', "no"):
        file.write_text(text)
        with pytest.raises(ConfigError, match="write-baseline"):
            read_baseline(file)
    with pytest.raises(EnvironmentProblem):
        read_baseline(tmp_path / "absent.json")


def test_real_time_is_in_one_place_of_the_json() -> None:
    assert as_json([run()])["real"] == {"seconds": 1.5}
    assert "real" not in as_json([run().reproducible()])


def test_a_run_in_which_nothing_was_judged_is_a_failure() -> None:
    nothing = Run(Scorecard((Card("north", "sync", (Finding("truth", "not-applicable", "No."),)),)), "story")
    assert [failure.probe for failure in failures(nothing)] == ["nothing-proved"]
    assert list(failures(run("pass", scorecard=replace(run("pass").scorecard, required=())))) == []
