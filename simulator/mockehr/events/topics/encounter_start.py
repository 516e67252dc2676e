"""A visit begins."""

from mockehr.events.topic import Topic
from mockehr.events.visits import FILTERS, RELATED, begins

ENCOUNTER_START = Topic(
    "encounter-start",
    "Encounter start",
    "A visit is under way that was not before: an admission, a check-in, an arrival in the emergency department.",
    "Encounter",
    begins,
    FILTERS,
    (
        "http://hl7.org/SubscriptionTopic/encounter-start",
        "http://argonautproject.org/encounters-ig/SubscriptionTopic/encounter-start",
    ),
    RELATED,
)
