"""What validation finds, and where: one Issue for each defect, with the place as FHIRPath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Severity = Literal["fatal", "error", "warning", "information"]
Code = Literal[
    "structure",
    "required",
    "value",
    "invalid",
    "invariant",
    "code-invalid",
    "duplicate",
    "extension",
    "not-supported",
    "not-found",
    "incomplete",
    "informational",
]
"""Those of the R4 value set issue-type that validation uses."""
MOST_ISSUES: Final = 200
"""Defects that are told of one document; what comes after is not looked for."""
At: TypeAlias = "tuple[At | None, str, int]"
"""A place while it is walked: (the place that holds it, name, position in its list or -1)."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a document."""

    code: Code
    text: str
    expression: str
    """FHIRPath of the element concerned, under the name that JSON gives it: `Observation.category[0].coding`."""
    severity: Severity = "error"
    line: int = 0
    """Line of the element in the JSON text, from 1; 0 where the text is not at hand (see `place`)."""
    column: int = 0

    @property
    def fails(self) -> bool:
        """Whether the document is invalid because of this."""
        return self.severity in ("error", "fatal")


class Enough(Exception):
    """MOST_ISSUES were found; ends the walk and never leaves this package."""


class Findings:
    """The issues of one walk, and what its end has to look at."""

    __slots__ = ("contained", "issues", "local", "unsound", "version")

    def __init__(self, version: str = "4.0.1") -> None:
        self.version = version
        """Of FHIR."""
        self.issues: list[Issue] = []
        self.local: list[tuple[At, str, frozenset[str]]] = []
        """References to contained resources: (place, id, types allowed there)."""
        self.contained = False
        """Whether the walk is inside a contained resource."""
        self.unsound = 0
        """How many issues mean that a value is not of its type; invariants are not asked of what holds such a one."""

    def add(self, at: At, code: Code, text: str, severity: Severity = "error") -> None:
        """Note one issue; raises Enough when there are as many as are told."""
        self.issues.append(Issue(code, text, expression(at), severity))
        if severity in ("error", "fatal") and code not in ("invariant", "code-invalid"):
            self.unsound += 1
        if len(self.issues) >= MOST_ISSUES:
            text = f"{MOST_ISSUES} issues were found; the rest of the document was not looked at"
            self.issues.append(Issue("incomplete", text, root(at), "warning"))
            raise Enough


def expression(at: At) -> str:
    """The place as FHIRPath: `Observation.category[0].coding`."""
    steps = []
    step: At | None = at
    while step is not None:
        step, name, position = step
        steps.append(name if position < 0 else f"{name}[{position}]")
    return ".".join(reversed(steps))


def root(at: At) -> str:
    """The name of the outermost place."""
    while at[0] is not None:
        at = at[0]
    return at[1]


def shape(value: object) -> str:
    """What a JSON value is, for people: `a list`, `null`."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def shown(value: object) -> str:
    """A JSON value for a message: scalars as they are (shortened), others by their shape."""
    return shape(value) if isinstance(value, (dict, list)) or value is None else repr(value)[:60]


def outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """The OperationOutcome of `$validate` (R4 resource-operation-validate.html): one issue each, or `All OK`."""
    if not issues:
        good = {"severity": "information", "code": "informational", "diagnostics": "All OK"}
        return {"resourceType": "OperationOutcome", "issue": [good]}
    return {"resourceType": "OperationOutcome", "issue": [_row(issue) for issue in issues]}


def _row(issue: Issue) -> dict[str, Any]:
    row: dict[str, Any] = {"severity": issue.severity, "code": issue.code, "diagnostics": issue.text}
    if issue.line:
        row["location"] = [f"Line[{issue.line}] Col[{issue.column}]"]
    if issue.expression:
        row["expression"] = [issue.expression]
    return row
