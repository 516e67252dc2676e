"""An appointment is booked."""

from mockehr.events.appointments import FILTERS, RELATED, books
from mockehr.events.topic import Topic

APPOINTMENT_BOOKED = Topic(
    "appointment-booked",
    "Appointment booked",
    "An appointment is booked, by whatever side.",
    "Appointment",
    books,
    FILTERS,
    ("http://hl7.org/SubscriptionTopic/appointment-booked",),
    RELATED,
)
