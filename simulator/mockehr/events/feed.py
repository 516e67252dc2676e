"""The `changed` feeds of athenahealth's proprietary API: what each is about, and its events.

(docs.athenahealth.com, "Changed data subscriptions"; reference pages of the single feeds.) The names of the events of
appointments are the vendor's, in its order; those of the other feeds are not documented and made after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.core.changes import Change
from mockehr.events.athena import TOPICS

Happens = Callable[[Change], bool]


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed. `name` is what stands before `/changed` in its path, `key` what its answers call the list."""

    name: str
    key: str
    events: Mapping[str, Happens]

    def event_of(self, change: Change, among: Mapping[str, object]) -> str:
        """The first of those events that the change is; empty if it is none of them."""
        return next((name for name, happens in self.events.items() if name in among and happens(change)), "")


def _of(*topics: str) -> Happens:
    """A change that is an event of one of those topics of the Event Subscription Platform."""
    wanted = tuple(TOPICS[topic].happens for topic in topics)
    return lambda change: any(happens(change) for happens in wanted)


def _made(*resources: str, kind: str) -> Happens:
    return lambda change: change.kind == kind and change.resource_type in resources


def _never(change: Change) -> bool:
    """FHIR does not show it."""
    return False


def _plain(noun: str, subject: str) -> Mapping[str, Happens]:
    """Add…, Update…, Delete…, as far as the platform has topics for them."""
    words = {"create": "Add", "update": "Update", "close": "Close", "merge": "Merge", "delete": "Delete"}
    return {
        f"{word}{noun}": _of(f"{subject}.{topic}") for topic, word in words.items() if f"{subject}.{topic}" in TOPICS
    }


_APPOINTMENTS: Final[Mapping[str, Happens]] = {
    "ScheduleAppointment": _of("Appointment.schedule"),
    "CheckIn": _of("Appointment.check-in"),
    "CheckOut": _of("Appointment.check-out"),
    "UpdateAppointment": _of("Appointment.update", "Appointment.reschedule"),
    "CancelAppointment": _of("Appointment.cancel"),
    "UpdateReminderCall": _never,
    "UpdateSuggestedOverbooking": _never,
    "FreezeAppointment": _of("Appointment.freeze"),
    "UnfreezeAppointment": _of("Appointment.unfreeze"),
    "DeleteAppointment": _made("Appointment", "Slot", kind="delete"),
    "AddAppointmentSlot": _made("Slot", kind="create"),
}
FEEDS: Final[Mapping[str, Feed]] = MappingProxyType(
    {
        feed.name: feed
        for feed in (
            Feed("appointments", "appointments", _APPOINTMENTS),
            Feed("patients", "patients", _plain("Patient", "Patient")),
            Feed("providers", "providers", _plain("Provider", "Provider")),
            Feed("claims", "claims", _plain("Claim", "Claim")),
            Feed("labresults", "labresults", _plain("LabResult", "LabResult")),
            Feed("imagingresults", "imagingresults", _plain("ImagingResult", "ImagingResult")),
            Feed("prescriptions", "prescriptions", _plain("Prescription", "Prescription")),
            Feed("chart/healthhistory/problems", "problems", _plain("Problem", "PatientProblem")),
        )
    }
)
"""All feeds by name."""
