"""Codes of scheduling messages (HL7 v2 chapter 10) against those of FHIR's Appointment."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

APPOINTMENT_STATUS: Final = MappingProxyType(
    {
        "PENDING": "pending",
        "WAITLIST": "waitlist",
        "BOOKED": "booked",
        "OVERBOOK": "booked",
        "STARTED": "checked-in",
        "COMPLETE": "fulfilled",
        "CANCELLED": "cancelled",
        "DC": "cancelled",
        "DELETED": "entered-in-error",
        "NOSHOW": "noshow",
        # what sites say in place of the table's words
        "ARRIVED": "arrived",
        "CHECKEDIN": "checked-in",
        "CHECKIN": "checked-in",
        "CANCELED": "cancelled",
        "COMPLETED": "fulfilled",
        "CONFIRMED": "booked",
        "DISCONTINUED": "cancelled",
        "FULFILLED": "fulfilled",
        "PROPOSED": "proposed",
        "SCHEDULED": "booked",
    }
)
"""SCH-25 (table 0278, upper case, letters only) to appointmentstatus; facts from v2-to-FHIR's FillerStatusCodes."""
FILLER_STATUS: Final = MappingProxyType(
    {
        "proposed": ("Pending", "Pending", "HL70278"),
        "pending": ("Pending", "Pending", "HL70278"),
        "waitlist": ("Waitlist", "Waitlist", "HL70278"),
        "booked": ("Booked", "Booked", "HL70278"),
        "arrived": ("Arrived", "Arrived", "L"),
        "checked-in": ("Started", "Started", "HL70278"),
        "fulfilled": ("Complete", "Complete", "HL70278"),
        "cancelled": ("Cancelled", "Cancelled", "HL70278"),
        "noshow": ("Noshow", "No show", "HL70278"),
        "entered-in-error": ("Deleted", "Deleted", "HL70278"),
    }
)
"""appointmentstatus to SCH-25; the table has no word for a patient who has arrived."""
TRIGGER_STATUS: Final = MappingProxyType(
    {
        "S12": "booked",
        "S13": "booked",
        "S15": "cancelled",
        "S16": "cancelled",
        "S17": "entered-in-error",
        "S26": "noshow",
    }
)
"""What a trigger makes of the appointment; the others leave its status."""
REQUESTS: Final = MappingProxyType(
    {"S01": "S12", "S02": "S13", "S03": "S14", "S04": "S15", "S05": "S16", "S06": "S17"}
)
"""Trigger of a request (SRM) to that of the notification (SIU) of what it asks for."""
STATUS_TRIGGER: Final = MappingProxyType({"cancelled": "S15", "noshow": "S26", "entered-in-error": "S17"})
"""The trigger that ends an appointment so."""
EVENT_REASON: Final = MappingProxyType(
    {
        "S12": ("NEW", "New appointment", "L"),
        "S13": ("RESCHEDULED", "Appointment rescheduled", "L"),
        "S14": ("MODIFIED", "Appointment modified", "L"),
        "S15": ("CANCELLED", "Appointment cancelled", "L"),
        "S16": ("DISCONTINUED", "Appointment discontinued", "L"),
        "S17": ("DELETED", "Appointment deleted", "L"),
        "S26": ("NOSHOW", "Patient did not show up", "L"),
    }
)
"""SCH-6 where nobody gave a reason: required, and without a table of its own."""
REASONLESS: Final = frozenset(reason[0] for reason in EVENT_REASON.values())
"""Codes of SCH-6 that say no more than the trigger does."""

_MINUTES: Final = {
    "S": 1 / 60, "SEC": 1 / 60, "SECS": 1 / 60, "SECOND": 1 / 60, "SECONDS": 1 / 60,
    "": 1, "M": 1, "MIN": 1, "MINS": 1, "MINUTE": 1, "MINUTES": 1,
    "H": 60, "HR": 60, "HRS": 60, "HOUR": 60, "HOURS": 60,
    "D": 1440, "DAY": 1440, "DAYS": 1440,
}  # fmt: skip
MINUTES: Final = MappingProxyType(_MINUTES)
"""Units of durations (UCUM, and the words and letters that sites write) in minutes; none said means minutes."""
