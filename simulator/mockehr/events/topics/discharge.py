"""A stay ends."""

from mockehr.events.topic import Topic
from mockehr.events.visits import FILTERS, RELATED, discharges

DISCHARGE = Topic(
    "discharge",
    "Discharge",
    "A stay in a bed ends: somebody goes home, goes elsewhere, or dies.",
    "Encounter",
    discharges,
    FILTERS,
    ("http://hl7.org/SubscriptionTopic/discharge",),
    RELATED,
)
