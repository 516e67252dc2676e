"""Runs as JUnit XML, the form that CI systems read (the structure of Jenkins' junit-10.xsd)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from mockehr.scenarios.probe import Finding
from mockehr.scenarios.report.run import Run

_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (section 2.2)."""
_UNPROVED: Final = (
    "Required by the scenario, but never put to the test: the client did nothing that the probe could judge."
)


def junit(*runs: Run) -> bytes:
    """One test suite per scenario, one test case per probe and client at a site, of class `site.client`.

    A probe that saw no occasion is skipped, unless it is required: that is a failed case of class `required`, else
    all would look well. A client that ran out of time is one more failed case. Evidence is in system-out.
    """
    every = [(run, list(_cases(run))) for run in runs]
    title = ", ".join(run.scorecard.title for run in runs)
    counts = _counts([finding for _, cases in every for _, finding in cases])
    seconds = sum(run.real.seconds for run in runs if run.real)
    root = ElementTree.Element("testsuites", {"name": _legal(title), **counts, "time": f"{seconds:.3f}"})
    for run, cases in every:
        _suite(root, run, cases)
    ElementTree.indent(root)
    document = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'.encode()


def _cases(run: Run) -> Iterator[tuple[str, Finding]]:
    """(class name, finding), in order."""
    for card, finding in run.scorecard:
        yield ".".join(part for part in (card.site, card.client) if part), finding
    for name in run.scorecard.unproved:
        yield "required", Finding(name, "fail", _UNPROVED)
    if run.overdue:
        yield "client", Finding("in-time", "fail", "The client did not finish in time and was ended.")


def _suite(root: ElementTree.Element, run: Run, cases: list[tuple[str, Finding]]) -> None:
    counts = _counts([finding for _, finding in cases])
    time = f"{run.real.seconds:.3f}" if run.real else "0"
    title = _legal(run.scorecard.title)
    suite = ElementTree.SubElement(root, "testsuite", {"name": title, **counts, "time": time})
    if run.scorecard.seed:
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", {"name": "seed", "value": _legal(run.scorecard.seed)})
    for owner, finding in cases:
        _case(suite, _legal(f"{title}.{owner}"), finding)


def _case(suite: ElementTree.Element, owner: str, finding: Finding) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": owner, "name": finding.probe, "time": "0"})
    lines = [f"entry {item.entry}: {item.text}" if item.entry else item.text for item in finding.evidence]
    told = _legal("\n".join([finding.summary, *lines]))
    if finding.verdict == "not-applicable":
        ElementTree.SubElement(case, "skipped", {"message": _legal(finding.summary)})
        return
    if finding.verdict == "fail":
        failure = ElementTree.SubElement(case, "failure", {"message": _legal(finding.summary), "type": finding.probe})
        failure.text = told
    ElementTree.SubElement(case, "system-out").text = told


def _counts(findings: list[Finding]) -> dict[str, str]:
    failed = sum(1 for finding in findings if finding.verdict == "fail")
    skipped = sum(1 for finding in findings if finding.verdict == "not-applicable")
    return {"tests": str(len(findings)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
