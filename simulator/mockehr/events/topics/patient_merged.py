"""Two records are found to be of one patient."""

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.events.topic import Topic


def _happens(change: Change) -> bool:
    """A record is replaced by another one that did not replace it before; its `link` says by which."""
    if change.resource_type != "Patient" or change.kind == "delete":
        return False
    return bool(_replaced_by(change.document) - _replaced_by(change.before or {}))


def _replaced_by(patient: JSON) -> set[str]:
    links = patient.get("link")
    found = [one for one in links if isinstance(one, dict)] if isinstance(links, list) else []
    return {str((one.get("other") or {}).get("reference")) for one in found if one.get("type") == "replaced-by"}


PATIENT_MERGED = Topic(
    "patient-merged",
    "Patient merged",
    "A patient's record is merged into another one. The event is about the record that is replaced.",
    "Patient",
    _happens,
    {name: name for name in ("_id", "identifier", "link", "organization")},
    ("http://hl7.org/SubscriptionTopic/patient-merged",),
    {"Patient": "Patient:link"},
)
