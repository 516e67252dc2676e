"""The envelopes of AdvancedMD's errors: OperationOutcomes, and titles with details. Sources: notes.md."""

from __future__ import annotations

from html import escape
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.personalities.markup import Element, write_markup
from mockehr.personalities.outcome import ISSUE_CODES

UNAUTHORIZED: Final = ("Unauthorized", "Invalid API key or bearer token.")
QUOTA: Final = (
    "QuotaViolation",
    "Too many requests: Please wait and try your request again in about a minute.",
)


def outcome(problem: Problem) -> JSON:
    """`text` and `issue`; of an export that failed also `id`, which is that of the job."""
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(problem.text)}</p></div>'
    issue: JSON = {"severity": "error", "code": ISSUE_CODES[problem.kind], "diagnostics": problem.text}
    made: JSON = {"resourceType": "OperationOutcome"}
    if problem.kind == "internal" and problem.value.isdecimal():
        made["id"] = problem.value
        issue["details"] = {"text": problem.text}
    return {**made, "text": {"status": "generated", "div": div}, "issue": [issue]}


def titled(title: str, detail: str) -> JSON:
    """`{"title", "detail"}`."""
    return {"title": title, "detail": detail}


def titled_xml(title: str, detail: str) -> bytes:
    """`<error title="…" detail="…"/>`."""
    return write_markup(Element("error", {"title": title, "detail": detail})).encode()
