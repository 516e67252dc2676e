"""An appointment is cancelled."""

from mockehr.events.appointments import FILTERS, RELATED, cancels
from mockehr.events.topic import Topic

APPOINTMENT_CANCELLED = Topic(
    "appointment-cancelled",
    "Appointment cancelled",
    "An appointment that was made will not take place.",
    "Appointment",
    cancels,
    FILTERS,
    ("http://hl7.org/SubscriptionTopic/appointment-cancelled",),
    RELATED,
)
