"""A scorecard as JUnit XML, the form that CI systems read."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

from mockehr.scenarios.probe import Finding
from mockehr.scenarios.scorecard import Scorecard

_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (section 2.2)."""


def junit(scorecard: Scorecard) -> bytes:
    """One test suite per client at a site, one test case per probe; a probe that saw no occasion is skipped."""
    every = [finding for _, finding in scorecard]
    root = ElementTree.Element("testsuites", {"name": _legal(scorecard.title), **_counts(every)})
    for card in scorecard.cards:
        name = f"{card.site}.{card.client}" if card.client else card.site
        suite = ElementTree.SubElement(root, "testsuite", {"name": _legal(name), **_counts(list(card.findings))})
        if scorecard.seed:
            properties = ElementTree.SubElement(suite, "properties")
            ElementTree.SubElement(properties, "property", {"name": "seed", "value": _legal(scorecard.seed)})
        for finding in card.findings:
            _case(suite, name, finding)
    ElementTree.indent(root)
    document = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'.encode()


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
