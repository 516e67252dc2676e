"""How far a control operation reaches where several processes serve the same sites: which of them it concerns.

What is stored is shared anyway. What is not (rules, clocks, clients, journals …) is changed in all processes, or
asked of all and put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from mockehr.control.operation import Operation
from mockehr.core.errors import ConfigError, EnvironmentProblem, MockehrError, UnknownName, UsageError, VerdictFailed

Reach = Literal["here", "everywhere", "added", "journals", "nowhere"]

REACHES: Final[Mapping[str, Reach]] = MappingProxyType(
    {
        # any process can answer: it only asks what all have alike, or writes to the store that all share
        "probe list": "here",
        "vendor list": "here",
        "vendor show": "here",
        "vendor diff": "here",
        "vendor table": "here",
        "site diff": "here",
        "probe show": "here",
        "quirk list": "here",
        "quirk show": "here",
        "quirk coverage": "here",
        "quirk page": "here",
        "quirk try": "here",
        "site patients": "here",
        "webhook secret": "here",
        "site import": "here",
        "app open": "here",
        "approval add": "here",
        "approval remove": "here",
        "session end": "here",
        "events send": "here",
        "events topics": "here",
        "hl7 receive": "here",
        "hl7 send": "here",
        "snapshot list": "here",
        "truth compare": "here",
        "truth corrupted": "here",
        "bulk groups": "here",
        "bulk jobs": "here",
        "bulk cancel": "here",
        "bulk import": "here",
        # changes all processes, at one moment
        "app add": "everywhere",
        "app remove": "everywhere",
        "user add": "everywhere",
        "user remove": "everywhere",
        "clock advance": "everywhere",
        "clock freeze": "everywhere",
        "clock run": "everywhere",
        "journal clear": "everywhere",
        "quirk arm": "everywhere",
        "quirk disarm": "everywhere",
        "hl7 add-link": "everywhere",
        "hl7 drop-connections": "everywhere",
        "hl7 flush": "everywhere",
        "hl7 remove-link": "everywhere",
        "hl7 resume": "everywhere",
        "hl7 stop": "everywhere",
        "site client": "everywhere",
        "site reset": "everywhere",
        "site upgrade": "everywhere",
        "snapshot take": "everywhere",
        "snapshot restore": "everywhere",
        "webhook add": "everywhere",
        "webhook remove": "everywhere",
        "webhook rotate": "everywhere",
        "webhook switch": "everywhere",
        # asks all processes and adds up what they counted
        "clock show": "added",
        "events dead": "added",
        "hl7 links": "added",
        "quirk armed": "added",
        "site list": "added",
        "site show": "added",
        "webhook list": "added",
        # asks one process that is given the journals of all
        "audit export": "journals",
        "audit list": "journals",
        "events list": "journals",
        "hl7 messages": "journals",
        "journal bytes": "journals",
        "journal list": "journals",
        "journal verify": "journals",
        "journal why": "journals",
        "scorecard show": "journals",
        # what it makes, or looks for, would be known to one process only
        "app launch": "nowhere",
        "events replay": "nowhere",
        "hl7 drop": "nowhere",
        "hl7 parked": "nowhere",
        "hl7 retry": "nowhere",
        "hl7 skip": "nowhere",
        "truth compare-told": "nowhere",
        "truth told": "nowhere",
        "truth watch": "nowhere",
        "pathway add": "nowhere",
        "pathway rate": "nowhere",
        "pathway runs": "nowhere",
        "pathway start": "nowhere",
        "pathway stop": "nowhere",
        "site add": "nowhere",
        "site remove": "nowhere",
    }
)
"""By the operation's name. Of others, those that only ask are answered by whoever is asked; the rest is refused."""

_ALONE: Final = "Serve without --workers, or say it in the options or the file that the server starts with."
_INSTEAD: Final = MappingProxyType({"app launch": "Use mockehr launch, which drives the app in its own process."})
"""What to do instead of what cannot be done."""
_COUNTS: Final[Mapping[Reach, frozenset[str]]] = MappingProxyType(
    {
        "added": frozenset({"entries", "changes", "seen", "fired", "pending", "delivered", "waiting", "dead"})
        | {"acknowledged", "failed", "retried", "in_flight"},
        "everywhere": frozenset({"fired", "pending", "cleared", "dropped", "flushed"}),
    }
)
"""Members of answers that each process counts for itself."""
_SETTINGS: Final = frozenset({"where", "when", "with"})
"""Members whose own members are settings, whatever they are called."""
_ERRORS: Final[Mapping[str, type[MockehrError]]] = MappingProxyType(
    {cls.__name__: cls for cls in (UsageError, UnknownName, ConfigError, VerdictFailed, EnvironmentProblem)}
)


def reach_of(op: Operation) -> Reach:
    """How far it reaches; raises UsageError for what cannot be done with several processes."""
    reach = REACHES.get(op.name, "here" if op.verb == "GET" else "nowhere")
    if reach == "nowhere":
        raise UsageError(
            f"{op.name} cannot be done while several workers serve.",
            remedy=_INSTEAD.get(op.name, _ALONE),
        )
    return reach


def together(reach: Reach, answers: Sequence[Any]) -> Any:
    """One answer of several that are alike but for what each process counted: numbers are added, lists joined."""
    return _joined(answers, _COUNTS[reach])


def _joined(parts: Sequence[Any], counts: frozenset[str]) -> Any:
    first = parts[0]
    if isinstance(first, dict):
        return {name: _member(name, [part[name] for part in parts if name in part], counts) for name in first}
    if isinstance(first, list) and all(len(part) == len(first) for part in parts):
        return [_joined(items, counts) for items in zip(*parts, strict=True)]
    return first


def _member(name: str, values: Sequence[Any], counts: frozenset[str]) -> Any:
    if name in _SETTINGS:
        return values[0]
    if name not in counts:
        return _joined(values, counts)
    return [item for value in values for item in value] if isinstance(values[0], list) else sum(values)


def told(error: Exception) -> dict[str, str]:
    """A refusal in a form that another process can raise again with `refusal`."""
    return error.as_json() if isinstance(error, MockehrError) else {"error": "ValueError", "what": str(error)}


def refusal(parts: Mapping[str, str]) -> Exception:
    """The refusal that `told` describes."""
    if parts["error"] == "ValueError":
        return ValueError(parts["what"])
    kind = _ERRORS.get(parts["error"], UsageError)
    error = kind.__new__(kind)
    if isinstance(error, ConfigError):
        error.problems = ()
    MockehrError.__init__(
        error,
        parts["what"],
        nearest=parts.get("nearest", ""),
        remedy=parts.get("remedy", ""),
        reference=parts.get("reference", ""),
    )
    return error
