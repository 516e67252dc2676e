"""What has changed since a pin, for people, for machines, and for CI systems."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree

import orjson

from mockehr.recording.contract.drift import SEVERITIES, Drift, Severity, at_least
from mockehr.recording.contract.pin import Pin

_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (section 2.2)."""


def as_text(old: Pin, new: Pin, found: Sequence[Drift], fail_on: Severity) -> str:
    """A line for each change, and a last one that counts them."""
    lines = [str(one) for one in found]
    return "\n".join([*lines, f"{new.source} against the pin of {old.source}: {_counted(found)}"]) + "\n"


def as_json(old: Pin, new: Pin, found: Sequence[Drift], fail_on: Severity) -> str:
    """One object: `pinned`, `verified`, `failed`, and `drift` with severity, place and text of each change."""
    told = {
        "pinned": old.source,
        "verified": new.source,
        "failed": bool(at_least(found, fail_on)),
        "counts": {severity: sum(one.severity == severity for one in found) for severity in SEVERITIES},
        "drift": [{"severity": one.severity, "where": one.where, "what": one.what} for one in found],
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n"


def as_junit(old: Pin, new: Pin, found: Sequence[Drift], fail_on: Severity) -> str:
    """JUnit XML: a case for the CapabilityStatement, smart-configuration, the answers and each kind of resource.

    A case fails by changes that are as bad as `fail_on`; milder ones are in its output.
    """
    groups = dict.fromkeys(["statement", "smart", "answers", *(f"observed.{name}" for name in old.observed)], ())
    cases: dict[str, list[Drift]] = {name: [] for name in groups}
    for one in found:
        fits = [name for name in cases if one.where == name or one.where.startswith(f"{name}.")]
        cases.setdefault(max(fits, key=len, default=one.where), []).append(one)
    failures = sum(bool(at_least(some, fail_on)) for some in cases.values())
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": "contract", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _legal(f"contract of {old.source}"), **counts})
    for name, some in cases.items():
        case = ElementTree.SubElement(suite, "testcase", {"classname": "contract", "name": _legal(name), "time": "0"})
        bad = at_least(some, fail_on)
        if bad:
            failure = ElementTree.SubElement(case, "failure", {"message": _legal(_counted(bad)), "type": "drift"})
            failure.text = _legal("\n".join(map(str, bad)))
        if len(some) > len(bad):
            output = ElementTree.SubElement(case, "system-out")
            output.text = _legal("\n".join(str(one) for one in some if one not in bad))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _counted(found: Sequence[Drift]) -> str:
    counts = ((severity, sum(one.severity == severity for one in found)) for severity in SEVERITIES)
    return ", ".join(f"{count} {severity}" for severity, count in counts if count) or "nothing has changed"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("�", text)


Form = Callable[[Pin, Pin, Sequence[Drift], Severity], str]
FORMS: Final[Mapping[str, Form]] = MappingProxyType({"text": as_text, "json": as_json, "junit": as_junit})
"""By name, as `--format` has them."""
