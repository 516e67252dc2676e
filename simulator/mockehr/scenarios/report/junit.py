"""A scorecard as JUnit XML, the form that CI systems read."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

from mockehr.scenarios.probe import Finding
from mockehr.scenarios.scorecard import Scorecard

_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (section 2.2)."""


def junit(*scorecards: Scorecard) -> bytes:
    """One test suite per client at a site, one test case per probe; a probe that saw no occasion is skipped.

    A required probe that saw none anywhere is a failed case of a suite `required`: else all would look well.
    """
    every = [finding for one in scorecards for _, finding in one]
    missed = [finding for one in scorecards for finding in _missed(one)]
    title = ", ".join(one.title for one in scorecards)
    root = ElementTree.Element("testsuites", {"name": _legal(title), **_counts([*every, *missed])})
    for one in scorecards:
        before = f"{one.title}." if len(scorecards) > 1 else ""
        for card in one.cards:
            name = f"{before}{card.site}.{card.client}" if card.client else f"{before}{card.site}"
            _suite(root, name, one.seed, card.findings)
        if _missed(one):
            _suite(root, f"{before}required", one.seed, _missed(one))
    ElementTree.indent(root)
    document = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'.encode()


def _missed(scorecard: Scorecard) -> tuple[Finding, ...]:
    what = "Required by the scenario, but never put to the test: the client did nothing that the probe could judge."
    return tuple(Finding(name, "fail", what) for name in scorecard.unproved)


def _suite(root: ElementTree.Element, name: str, seed: str, findings: tuple[Finding, ...]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", {"name": _legal(name), **_counts(list(findings))})
    if seed:
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", {"name": "seed", "value": _legal(seed)})
    for finding in findings:
        _case(suite, name, finding)


def _case(suite: ElementTree.Element, name: str, finding: Finding) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": _legal(name), "name": finding.probe, "time": "0"})
    lines = [f"entry {item.entry}: {item.text}" if item.entry else item.text for item in finding.evidence]
    told = _legal("\n".join([finding.summary, *lines]))
    if finding.verdict == "fail":
        failure = ElementTree.SubElement(case, "failure", {"message": _legal(finding.summary), "type": finding.probe})
        failure.text = told
    elif finding.verdict == "not-applicable":
        ElementTree.SubElement(case, "skipped", {"message": _legal(finding.summary)})
    else:
        ElementTree.SubElement(case, "system-out").text = told


def _counts(findings: list[Finding]) -> dict[str, str]:
    failed = sum(1 for finding in findings if finding.verdict == "fail")
    skipped = sum(1 for finding in findings if finding.verdict == "not-applicable")
    return {
        "tests": str(len(findings)), "failures": str(failed), "errors": "0", "skipped": str(skipped), "time": "0",
    }  # fmt: skip


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
