"""Failures of runs as SARIF 2.1.0, the form that code scanning reads (OASIS, sarif-v2.1.0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

import mockehr
from mockehr.core.exchange import JSON
from mockehr.journal.entry import digest, encodable
from mockehr.scenarios.probe import Evidence
from mockehr.scenarios.probes import probes
from mockehr.scenarios.report.failure import Failure, failures
from mockehr.scenarios.report.run import Run

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "mockehrProbe/v1"
"""Names what a failure is known again by: scenario, site, client and probe, however its evidence changes."""


def sarif(*runs: Run) -> bytes:
    """One SARIF run: its rules are the probes that were asked, its results the failures and what was unproved.

    A result's place is the scenario's file; its logical location is `scenario/site/client`.
    """
    found = [(run, failure) for run in runs for failure in failures(run)]
    asked = {finding.probe: None for run in runs for _, finding in run.scorecard}
    names = list(asked | {failure.probe: None for _, failure in found})
    driver = {
        "name": "mockehr",
        "version": mockehr.__version__,
        "rules": [_rule(name) for name in names],
    }
    results = [_result(run, failure, names.index(failure.probe)) for run, failure in found]
    one = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [one]}
    return orjson.dumps(encodable(document), option=orjson.OPT_INDENT_2) + b"\n"


def fingerprint(run: Run, failure: Failure) -> str:
    """Equal for the same failure of another run."""
    return digest("\n".join([run.name, failure.site, failure.client, failure.probe]))


def _rule(name: str) -> JSON:
    rule: JSON = {"id": name, "defaultConfiguration": {"level": "error"}}
    registry = probes()
    if name in registry:
        probe = registry.get(name)
        first, _, _ = probe.question.partition("\n")
        rule["shortDescription"] = {"text": first}
        rule["fullDescription"] = {"text": probe.question}
        rule["properties"] = {"tags": list(probe.ledger)}
    return rule


def _result(run: Run, failure: Failure, rule: int) -> JSON:
    place = "/".join(part for part in (run.name, failure.site, failure.client) if part)
    logical = {"fullyQualifiedName": place, "name": failure.site or run.name, "kind": "module"}
    where: JSON = {"logicalLocations": [logical]}
    if run.file:
        where["physicalLocation"] = {"artifactLocation": {"uri": run.file}, "region": {"startLine": 1}}
    return {
        "ruleId": failure.probe,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": "\n".join([failure.told, *_lines(failure.evidence)])},
        "locations": [where],
        "partialFingerprints": {FINGERPRINT: fingerprint(run, failure)},
        "properties": {"seed": run.scorecard.seed},
    }


def _lines(evidence: tuple[Evidence, ...]) -> Iterator[str]:
    for item in evidence:
        yield f"entry {item.entry}: {item.text}" if item.entry else item.text
