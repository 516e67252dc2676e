"""A medicine is ordered."""

from mockehr.core.changes import Change
from mockehr.events.topic import Topic, became

_ORDERS = ("order", "original-order", "instance-order", "reflex-order", "filler-order")


def _happens(change: Change) -> bool:
    """An order of a medicine is active that was not before."""
    ordered = change.resource_type == "MedicationRequest" and change.document.get("intent") in _ORDERS
    return ordered and became(change, "active")


MEDICATION_ORDERED = Topic(
    "medication-ordered",
    "Medication ordered",
    "An order of a medicine, for the ward or as a prescription, becomes active.",
    "MedicationRequest",
    _happens,
    {name: name for name in ("_id", "code", "encounter", "intent", "patient", "requester", "subject")},
    ("http://hl7.org/SubscriptionTopic/medication-ordered",),
    {"Patient": "MedicationRequest:subject"},
)
