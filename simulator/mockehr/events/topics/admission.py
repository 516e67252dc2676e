"""A stay begins."""

from mockehr.events.topic import Topic
from mockehr.events.visits import FILTERS, RELATED, admits

ADMISSION = Topic(
    "admission",
    "Admission",
    "A stay in a bed begins: somebody is admitted, a planned stay begins, or another visit becomes a stay.",
    "Encounter",
    admits,
    FILTERS,
    (
        "http://hl7.org/SubscriptionTopic/admission",
        "http://argonautproject.org/subscription-ig/SubscriptionTopic/admission",
    ),
    RELATED,
)
