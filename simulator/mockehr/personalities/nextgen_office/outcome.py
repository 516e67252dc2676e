"""OperationOutcomes as HAPI writes them: with a table for people. Sources: notes.md, section Refusals."""

from __future__ import annotations

from html import escape

from mockehr.core.exchange import JSON, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.outcome import ISSUE_CODES

_CODES = frozenset({"login", "forbidden", "throttled"})


def hapi_outcome(problem: Problem) -> JSON:
    """One issue with `diagnostics`, its code `processing` in most cases, and a narrative."""
    code = ISSUE_CODES[problem.kind]
    return {
        "resourceType": "OperationOutcome",
        "text": {"status": "generated", "div": narrative(problem.text)},
        "issue": [
            {"severity": "error", "code": code if code in _CODES else "processing", "diagnostics": problem.text}
        ],
    }


def narrative(text: str) -> str:
    """The table with a line for the issue."""
    row = f'<td style="font-weight: bold;">ERROR</td><td>[]</td><td><pre>{escape(text)}</pre></td>'
    table = f'<table border="0"><tr>{row}</tr></table>'
    return f'<div xmlns="http://www.w3.org/1999/xhtml"><h1>Operation Outcome</h1>{table}</div>'


def refusal(problem: Problem) -> Reply:
    """A problem as a Reply in JSON."""
    headers = [("Retry-After", problem.retry_after)] if problem.retry_after else []
    return Reply(problem.status, headers, document=hapi_outcome(problem), content_type="application/fhir+json")
