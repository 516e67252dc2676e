"""A document is signed."""

from mockehr.core.changes import Change
from mockehr.events.topic import Topic

_SIGNED = ("final", "amended")


def _happens(change: Change) -> bool:
    """A document has a signed status that it did not have before; a signed one that is amended counts once more."""
    if change.resource_type != "DocumentReference" or change.kind == "delete":
        return False
    now = change.document.get("docStatus")
    return now in _SIGNED and now != (change.before or {}).get("docStatus")


DOCUMENT_SIGNED = Topic(
    "document-signed",
    "Document signed",
    "A note or letter is signed, or a signed one is amended.",
    "DocumentReference",
    _happens,
    {name: name for name in ("_id", "author", "category", "encounter", "patient", "subject", "type")},
    ("http://hl7.org/SubscriptionTopic/document-signed",),
    {"Patient": "DocumentReference:subject"},
)
