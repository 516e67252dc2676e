"""A visit ends."""

from mockehr.events.topic import Topic
from mockehr.events.visits import FILTERS, RELATED, ends

ENCOUNTER_END = Topic(
    "encounter-end",
    "Encounter end",
    "A visit is finished that was not before: a discharge, or the end of an appointment.",
    "Encounter",
    ends,
    FILTERS,
    (
        "http://hl7.org/SubscriptionTopic/encounter-end",
        "http://argonautproject.org/encounters-ig/SubscriptionTopic/encounter-end",
        "http://hl7.org/fhir/uv/subscriptions-backport/SubscriptionTopic/r4-encounter-complete",
        "http://hl7.org/fhir/uv/subscriptions-backport/SubscriptionTopic/r4b-encounter-complete",
    ),
    RELATED,
)
