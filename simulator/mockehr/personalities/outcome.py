"""OperationOutcomes in the standard's own words (FHIR R4 operationoutcome.html)."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem

ISSUE_CODES: Final = MappingProxyType(
    {
        "bad-request": "invalid",
        "body-invalid": "structure",
        "parameter-missing": "required",
        "parameter-invalid": "value",
        "parameter-unknown": "not-supported",
        "parameter-conflict": "invalid",
        "no-token": "login",
        "token-invalid": "login",
        "scope-missing": "forbidden",
        "compartment": "forbidden",
        "not-found": "not-found",
        "type-unknown": "not-supported",
        "interaction-unknown": "not-supported",
        "operation-unknown": "not-supported",
        "gone": "deleted",
        "page-expired": "expired",
        "merged": "not-found",
        "conflict": "conflict",
        "precondition-failed": "conflict",
        "precondition-required": "required",
        "not-acceptable": "not-supported",
        "media-unsupported": "not-supported",
        "too-costly": "too-costly",
        "rate-limited": "throttled",
        "unavailable": "transient",
        "internal": "exception",
        "tenant-unknown": "forbidden",
        "version-withdrawn": "not-supported",
    }
)
"""Kind of Problem to issue type (valueset-issue-type)."""


def generic_outcome(problems: Iterable[Problem], *, severity: str = "error") -> JSON:
    """One issue per problem: `details.text` for people, `expression` where elements are known."""
    issues: list[JSON] = []
    for problem in problems:
        issue: JSON = {
            "severity": severity,
            "code": ISSUE_CODES[problem.kind],
            "details": {"text": problem.text},
        }
        if problem.expression:
            issue["expression"] = list(problem.expression)
        issues.append(issue)
    return {"resourceType": "OperationOutcome", "issue": issues}
