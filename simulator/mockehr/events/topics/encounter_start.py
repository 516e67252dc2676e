"""A visit begins."""

from mockehr.events.topic import Topic, became

ENCOUNTER_START = Topic(
    "encounter-start",
    "Encounter start",
    "A visit is under way that was not before: an admission, a check-in, an arrival in the emergency department.",
    "Encounter",
    lambda change: change.resource_type == "Encounter" and became(change, "in-progress", "onleave", "triaged"),
    {"patient": "patient", "class": "class", "type": "type", "service-provider": "service-provider"},
    ("http://hl7.org/SubscriptionTopic/encounter-start",),
)
