"""OperationOutcomes with a table in Bootstrap's classes for people. Sources: notes.md, section Refusals."""

from __future__ import annotations

from html import escape

from mockehr.core.exchange import JSON

_HEAD = "<thead><tr><th>#</th><th>Severity</th><th>Type</th><th>Detail</th></tr></thead>"


def outcome(code: str, text: str = "") -> JSON:
    """One issue of severity error; `diagnostics` are left out where nobody knows any."""
    issue = {"severity": "error", "code": code} | ({"diagnostics": text} if text else {})
    return {
        "resourceType": "OperationOutcome",
        "text": {"status": "generated", "div": narrative(code, text)},
        "issue": [issue],
    }


def throttled(text: str) -> JSON:
    """What is said of limits: no severity, no table."""
    return {"resourceType": "OperationOutcome", "issue": [{"code": "exception", "diagnostics": text}]}


def narrative(code: str, text: str) -> str:
    """`Outcome null`, and a line for the issue."""
    kind = code.upper().replace("-", "")
    detail = f"<td>{escape(text)}</td>" if text else "<td/>"
    row = f"<tr><td>1</td><td>ERROR</td><td>{kind}</td>{detail}</tr>"
    table = f"<table>{_HEAD}<tbody>{row}</tbody></table>"
    return (
        '<div xmlns="http://www.w3.org/1999/xhtml"><table width="100%"><tbody><tr>'
        '<td width="25%"><span class="text-muted">Outcome null</span></td>'
        f'<td width="42%"><span class="text-muted">{table}</span></td></tr></tbody></table></div>'
    )
