"""A result can be looked at."""

from mockehr.core.changes import Change
from mockehr.events.topic import Topic

_REPORTED = ("final", "amended", "corrected", "appended")


def _happens(change: Change) -> bool:
    """A report is final that was not before, or one that was is corrected or added to.

    A correction of a correction has the status that it had, and another time of issue.
    """
    if change.resource_type != "DiagnosticReport" or change.kind == "delete":
        return False
    now, before = change.document, change.before or {}
    marks = ("status", "issued")
    return now.get("status") in _REPORTED and any(now.get(mark) != before.get(mark) for mark in marks)


RESULT_AVAILABLE = Topic(
    "result-available",
    "Result available",
    "A report is final, or a final one is corrected or added to.",
    "DiagnosticReport",
    _happens,
    {name: name for name in ("_id", "category", "code", "encounter", "patient", "performer", "status", "subject")},
    ("http://hl7.org/SubscriptionTopic/result-available",),
    {"Patient": "DiagnosticReport:subject", "Observation": "DiagnosticReport:result"},
)
