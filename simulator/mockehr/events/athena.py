"""The topics of athenahealth's Event Subscription Platform, as events of our changes.

Source: athenahealth/aone-fhir-subscriptions, README, "Subscription Topics". Every topic that it lists can be
subscribed to. Those that depend on what FHIR does not say (a note added to a case, an order signed off) never happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.core.changes import Change
from mockehr.events.topic import Topic, became

TOPIC_BASE: Final = "https://api.platform.athenahealth.com/fhir/r4/SubscriptionTopic/"
"""Before a topic's name: its canonical URL."""
_BOOKED: Final = ("booked", "pending")
_DONE: Final = ("final", "amended", "corrected", "appended")
_IMAGING: Final = frozenset({"RAD", "imaging", "RUS", "CT", "NMR", "XRC", "LP29684-5"})
"""Categories of DiagnosticReports (HL7 v2 table 0074; LOINC) that are imaging."""

Happens = Callable[[Change], bool]


@dataclass(frozen=True, slots=True)
class AthenaTopic(Topic):
    """A topic of the platform, which is no topic of other sites. Its name is such as `Patient.update`."""

    fhir: bool = True
    """Whether the vendor has the focus in FHIR: then it is named by a reference."""
    v1: bool = True
    """Whether its proprietary API has it: then it is named by an identifier."""

    def __reduce__(self) -> tuple[Callable[[str], Topic], tuple[str]]:
        """Pickled by its name: the same topic in every process."""
        return topic_called, (self.name,)

    @property
    def canonical(self) -> str:
        """Its canonical URL, at any server."""
        return TOPIC_BASE + self.name


def topic_called(name: str) -> Topic:
    """The topic `Patient.update` and the like; raises KeyError."""
    return TOPICS[name]


def topics_of(change: Change) -> Iterator[AthenaTopic]:
    """All topics that a change is an event of, the most telling one first."""
    return (topic for topic in _BY_RESOURCE.get(change.resource_type, ()) if topic.happens(change))


def is_told(change: Change) -> bool:
    """Whether the change is an event of any topic."""
    return next(topics_of(change), None) is not None


def _created(change: Change) -> bool:
    return change.kind == "create"


def _updated(change: Change) -> bool:
    return change.kind == "update"


def _deleted(change: Change) -> bool:
    return change.kind == "delete"


def _never(change: Change) -> bool:
    """FHIR does not show it."""
    return False


def _becomes(*statuses: str) -> Happens:
    return lambda change: became(change, statuses[0], *statuses[1:])


def _merged(change: Change) -> bool:
    """Whether the patient has been merged into another by this change."""
    return _replaced(change.document) and not _replaced(change.before or {})


def _replaced(document: Mapping[str, object]) -> bool:
    links = document.get("link")
    return isinstance(links, list) and any(
        isinstance(link, dict) and link.get("type") == "replaced-by" for link in links
    )


def _scheduled(change: Change) -> bool:
    return became(change, *_BOOKED) and change.status_before not in ("arrived", "checked-in", "fulfilled")


def _rescheduled(change: Change) -> bool:
    return _updated(change) and (change.before or {}).get("start") != change.document.get("start")


def _frozen(change: Change) -> bool:
    return became(change, "busy-unavailable")


def _unfrozen(change: Change) -> bool:
    return change.status_before == "busy-unavailable" and became(change, "free")


def _checked_in(change: Change) -> bool:
    return became(change, "arrived", "triaged", "in-progress") and change.status_before != "finished"


def _reopened(change: Change) -> bool:
    return change.status_before == "finished" and became(change, "arrived", "triaged", "in-progress", "onleave")


def _result_reopened(change: Change) -> bool:
    return change.status_before in _DONE and became(change, "registered", "partial", "preliminary")


def _refilled(change: Change) -> bool:
    return change.status_before in ("completed", "stopped", "cancelled") and became(change, "active")


def _codes(change: Change) -> Iterator[str]:
    """Codes of the resource's categories."""
    for category in change.document.get("category") or ():
        if isinstance(category, dict):
            yield from (str(coding.get("code", "")) for coding in category.get("coding") or () if coding)


def is_imaging(change: Change) -> bool:
    """Whether a report is of imaging, by its categories."""
    return any(code in _IMAGING for code in _codes(change))


def _laboratory(change: Change) -> bool:
    return "LAB" in _codes(change) or "laboratory" in _codes(change)


def _of_visit(change: Change) -> bool:
    return "encounter-diagnosis" in _codes(change)


def _of_list(change: Change) -> bool:
    return not _of_visit(change)


def _reported(change: Change) -> bool:
    """Whether a prescription is known of by hearsay only."""
    return bool(change.document.get("reportedBoolean") or change.document.get("reportedReference"))


def _prescribed(change: Change) -> bool:
    return not _reported(change)


_PLAIN: Final[Mapping[str, Happens]] = MappingProxyType({"create": _created, "delete": _deleted, "update": _updated})


def _group(
    subject: str,
    resource: str,
    events: Mapping[str, Happens],
    kept: Happens = lambda change: True,
    *,
    fhir: bool = True,
    v1: bool = True,
) -> Iterator[AthenaTopic]:
    """The topics of one subject. `update` is what is none of the others."""
    others = [happens for name, happens in events.items() if name != "update"]

    def only(name: str, happens: Happens) -> Happens:
        def meant(change: Change) -> bool:
            return change.resource_type == resource and happens(change) and kept(change)

        if name == "update":
            return lambda change: meant(change) and not any(other(change) for other in others)
        return meant

    for name, happens in events.items():
        words = name.replace("-", " ")
        yield AthenaTopic(
            f"{subject}.{name}", f"{subject} {words}", f"A {subject} has an event: {words}.", resource,
            only(name, happens), fhir=fhir, v1=v1,
        )  # fmt: skip


_APPOINTMENT: Final[Mapping[str, Happens]] = {
    "schedule": _scheduled,
    "cancel": _becomes("cancelled", "entered-in-error"),
    "check-in": _becomes("arrived", "checked-in"),
    "check-out": _becomes("fulfilled"),
    "reschedule": _rescheduled,
    "update": _updated,
}
_IMAGING_RESULT: Final[Mapping[str, Happens]] = {
    "create": _created,
    "delete": _deleted,
    "close": _becomes(*_DONE),
    "reopen": _result_reopened,
    "update": _updated,
}
_LAB_RESULT: Final[Mapping[str, Happens]] = {"create": _created, "close": _becomes(*_DONE), "update": _updated}
_ORDER: Final[Mapping[str, Happens]] = {
    "submit": _becomes("active"),
    "cancel": _becomes("revoked", "entered-in-error"),
    "perform": _becomes("completed"),
    "deny": _never,
    "signoff": _never,
    "update": _updated,
}
_PATIENT: Final[Mapping[str, Happens]] = {"merge": _merged, **_PLAIN}
_PRESCRIPTION: Final[Mapping[str, Happens]] = {
    **_PLAIN,
    "reopen": _refilled,
    "preapprove": _never,
    "refill-create": _never,
    "refill-update": _never,
}
_ALL: Final[tuple[AthenaTopic, ...]] = (
    *_group("Appointment", "Appointment", _APPOINTMENT, fhir=False),
    *_group("Appointment", "Slot", {"freeze": _frozen, "unfreeze": _unfrozen}, fhir=False),
    *_group("Claim", "Claim", _PLAIN, fhir=False),
    *_group("ClinicalEncounterDiagnosis", "Condition", _PLAIN, _of_visit, v1=False),
    *_group(
        "Encounter", "Encounter", {"check-in": _checked_in, "reopen": _reopened, "signoff": _becomes("finished")}
    ),
    *_group("HistoricalMedication", "MedicationRequest", _PLAIN, _reported),
    *_group("HistoricalVaccine", "Immunization", _PLAIN),
    *_group("ImagingResult", "DiagnosticReport", _IMAGING_RESULT, is_imaging, fhir=False),
    *_group("LabResult", "DiagnosticReport", _LAB_RESULT, _laboratory, fhir=False),
    *_group("Order", "ServiceRequest", _ORDER, fhir=False),
    *_group("Patient", "Patient", _PATIENT),
    *_group("PatientCase", "Task", {"create": _created, "update": _updated, "add-note": _never}, fhir=False),
    *_group("PatientProblem", "Condition", _PLAIN, _of_list),
    *_group("Prescription", "MedicationRequest", _PRESCRIPTION, _prescribed),
    *_group("Provider", "Practitioner", {**_PLAIN, "undelete": _never}),
    *_group("ReferringProvider", "Practitioner", dict.fromkeys((*_PLAIN, "undelete"), _never), fhir=False),
)
TOPICS: Final[Mapping[str, AthenaTopic]] = MappingProxyType({topic.name: topic for topic in _ALL})
"""All topics by name."""
_BY_RESOURCE: Final[Mapping[str, tuple[AthenaTopic, ...]]] = MappingProxyType(
    {kind: tuple(topic for topic in _ALL if topic.resource == kind) for kind in {topic.resource for topic in _ALL}}
)
