"""What is known of a person changes."""

from mockehr.core.changes import Change
from mockehr.events.topic import Topic

_DEMOGRAPHICS = (
    "identifier", "name", "telecom", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime", "address",
    "maritalStatus", "multipleBirthBoolean", "multipleBirthInteger", "contact", "communication",
    "generalPractitioner", "extension",
)  # fmt: skip
"""Elements of Patient that tell of the person; links between records and the server's own are none of them."""


def _happens(change: Change) -> bool:
    """Something of the person is other than before."""
    if change.resource_type != "Patient" or change.kind != "update" or change.before is None:
        return False
    before = change.before
    return any(change.document.get(name) != before.get(name) for name in _DEMOGRAPHICS)


DEMOGRAPHICS_CHANGED = Topic(
    "demographics-changed",
    "Demographics changed",
    "A patient's name, address, numbers, contacts or other demographics are other than before.",
    "Patient",
    _happens,
    {name: name for name in ("_id", "address-state", "gender", "general-practitioner", "identifier", "organization")},
    ("http://hl7.org/SubscriptionTopic/demographics-changed",),
    {},
)
