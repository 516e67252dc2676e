"""A booked appointment is put off."""

from mockehr.events.appointments import FILTERS, RELATED, alters
from mockehr.events.topic import Topic

APPOINTMENT_CHANGED = Topic(
    "appointment-changed",
    "Appointment changed",
    "A booked appointment has another time, another place, or somebody else who takes part.",
    "Appointment",
    alters,
    FILTERS,
    ("http://hl7.org/SubscriptionTopic/appointment-changed",),
    RELATED,
)
