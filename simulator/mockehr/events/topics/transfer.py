"""Another bed."""

from mockehr.events.topic import Topic
from mockehr.events.visits import FILTERS, RELATED, moves

TRANSFER = Topic(
    "transfer",
    "Transfer",
    "Somebody whose visit is under way and goes on is at another place: a ward, a room, a bed.",
    "Encounter",
    moves,
    FILTERS,
    ("http://hl7.org/SubscriptionTopic/transfer",),
    RELATED,
)
