"""Our changes in the words of Redox: which Data Model and event type tells of one, and what it says.

Sources: docs.redoxengine.com (Data Model API, FHIR notifications). Event types follow the HL7 trigger where a change
has one, since that is what Redox translates from, and the document where it has none. A change of which no message
tells, since that of another does, is not told here either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.changes import QUIET, Change
from mockehr.core.exchange import JSON

UNKNOWN: Final = "Unknown"


@dataclass(frozen=True, slots=True)
class Told:
    """How Redox calls an event."""

    model: str
    """`Meta.DataModel`."""
    event: str
    """`Meta.EventType`."""
    notification: str = ""
    """The FHIR notification for it; empty where its name is not known to us."""


_BY_TRIGGER: Final[Mapping[tuple[str, str], Told]] = MappingProxyType(
    {
        ("Encounter", "A01"): Told("PatientAdmin", "Arrival", "patient-arrived"),
        ("Encounter", "A02"): Told("PatientAdmin", "Transfer", "patient-transferred"),
        ("Encounter", "A03"): Told("PatientAdmin", "Discharge", "patient-discharged"),
        ("Encounter", "A04"): Told("PatientAdmin", "Registration", "patient-registered"),
        ("Encounter", "A05"): Told("PatientAdmin", "PreAdmit", "patient-pre-admitted"),
        ("Encounter", "A08"): Told("PatientAdmin", "VisitUpdate"),
        ("Encounter", "A11"): Told("PatientAdmin", "Cancel"),
        ("Encounter", "A12"): Told("PatientAdmin", "Cancel"),
        ("Encounter", "A13"): Told("PatientAdmin", "Cancel"),
        ("Encounter", "A38"): Told("PatientAdmin", "Cancel"),
        ("Patient", "A08"): Told("PatientAdmin", "PatientUpdate", "patient-updated"),
        ("Patient", "A28"): Told("PatientAdmin", "NewPatient", "patient-created"),
        ("Patient", "A31"): Told("PatientAdmin", "PatientUpdate", "patient-updated"),
        ("Patient", "A40"): Told("PatientAdmin", "PatientMerge", "patient-merged"),
        ("Appointment", "S12"): Told("Scheduling", "New", "scheduling-appointment-booked"),
        ("Appointment", "S13"): Told("Scheduling", "Reschedule", "scheduling-appointment-updated"),
        ("Appointment", "S14"): Told("Scheduling", "Modification", "scheduling-appointment-updated"),
        ("Appointment", "S15"): Told("Scheduling", "Cancel", "scheduling-appointment-cancelled"),
        ("Appointment", "S26"): Told("Scheduling", "NoShow"),
    }
)
_BY_STATUS: Final[Mapping[tuple[str, str], Told]] = MappingProxyType(
    {
        ("Encounter", "planned"): Told("PatientAdmin", "PreAdmit", "patient-pre-admitted"),
        ("Encounter", "arrived"): Told("PatientAdmin", "Arrival", "patient-arrived"),
        ("Encounter", "in-progress"): Told("PatientAdmin", "Arrival", "patient-arrived"),
        ("Encounter", "finished"): Told("PatientAdmin", "Discharge", "patient-discharged"),
        ("Encounter", "cancelled"): Told("PatientAdmin", "Cancel"),
        ("Appointment", "booked"): Told("Scheduling", "New", "scheduling-appointment-booked"),
        ("Appointment", "cancelled"): Told("Scheduling", "Cancel", "scheduling-appointment-cancelled"),
        ("Appointment", "noshow"): Told("Scheduling", "NoShow"),
        ("ServiceRequest", "revoked"): Told("Order", "Cancel", "service-request-cancelled"),
        ("MedicationRequest", "cancelled"): Told("Medications", "Cancel", "medication-request-cancelled"),
        ("MedicationRequest", "stopped"): Told("Medications", "Cancel", "medication-request-cancelled"),
    }
)
"""Of a resource that has that status since the change, and had another before."""
_BY_KIND: Final[Mapping[tuple[str, str], Told]] = MappingProxyType(
    {
        ("Patient", "create"): Told("PatientAdmin", "NewPatient", "patient-created"),
        ("Patient", "update"): Told("PatientAdmin", "PatientUpdate", "patient-updated"),
        ("Encounter", "create"): Told("PatientAdmin", "Registration", "patient-registered"),
        ("Encounter", "update"): Told("PatientAdmin", "VisitUpdate"),
        ("Encounter", "delete"): Told("PatientAdmin", "Cancel"),
        ("Appointment", "create"): Told("Scheduling", "New", "scheduling-appointment-booked"),
        ("Appointment", "update"): Told("Scheduling", "Modification", "scheduling-appointment-updated"),
        ("Appointment", "delete"): Told("Scheduling", "Cancel", "scheduling-appointment-cancelled"),
        ("ServiceRequest", "create"): Told("Order", "New", "service-request-created"),
        ("ServiceRequest", "update"): Told("Order", "Update", "service-request-updated"),
        ("DiagnosticReport", "create"): Told("Results", "New", "result-created"),
        ("DiagnosticReport", "update"): Told("Results", "New"),
        ("MedicationRequest", "create"): Told("Medications", "New", "medication-request-created"),
        ("MedicationRequest", "update"): Told("Medications", "Update", "medication-request-updated"),
        ("Immunization", "create"): Told("Vaccination", "New"),
        ("Immunization", "update"): Told("Vaccination", "Update"),
        ("Immunization", "delete"): Told("Vaccination", "Delete"),
        ("DocumentReference", "create"): Told("Notes", "New", "document-created"),
        ("DocumentReference", "update"): Told("Notes", "Replace", "document-replaced"),
        ("DocumentReference", "delete"): Told("Notes", "Delete", "document-deleted"),
        ("Practitioner", "create"): Told("Provider", "New"),
        ("Practitioner", "update"): Told("Provider", "Update"),
    }
)


def told_as(change: Change) -> Told | None:
    """What Redox calls a change; None if it has no word for it, or if the message of another change tells of it."""
    kind = change.resource_type
    if change.event == QUIET:
        return None
    found = _BY_TRIGGER.get((kind, change.event.partition("^")[2])) if change.event else None
    status = str(change.document.get("status", ""))
    if found is None and change.kind != "delete" and status != change.status_before:
        found = _BY_STATUS.get((kind, status))
    return found or _BY_KIND.get((kind, change.kind))


def is_told(change: Change) -> bool:
    """Whether Redox has a word for the change."""
    return told_as(change) is not None


def identifiers(change: Change) -> list[JSON]:
    """`Patient.Identifiers`: those of the record, where the change is one of a patient; the FHIR id in any case."""
    found = [] if not change.patient else [{"ID": change.patient, "IDType": "FHIR"}]
    if change.resource_type != "Patient":
        return found
    return [*_identifiers(change.document), *found]


def _identifiers(document: JSON) -> Iterator[JSON]:
    for one in document.get("identifier") or ():
        coding: JSON = next(iter((one.get("type") or {}).get("coding") or ()), {})
        kind = coding.get("code") or (one.get("type") or {}).get("text") or one.get("system")
        yield {"ID": one.get("value"), "IDType": kind}


def content(change: Change) -> JSON:
    """What the Data Model says beside `Meta` and `Patient.Identifiers`; keys of its top level."""
    write = _CONTENT.get(change.resource_type)
    return write(change.document) if write is not None else {}


def _demographics(document: JSON) -> JSON:
    name: JSON = next(iter(document.get("name") or ()), {})
    given = [*(name.get("given") or ()), None, None]
    home: JSON = next(iter(document.get("address") or ()), {})
    lines = [*(home.get("line") or ()), None]
    return {
        "Patient": {
            "Demographics": {
                "FirstName": given[0],
                "MiddleName": given[1],
                "LastName": name.get("family"),
                "DOB": document.get("birthDate"),
                "Sex": str(document.get("gender") or UNKNOWN).capitalize(),
                "Address": {
                    "StreetAddress": lines[0],
                    "City": home.get("city"),
                    "State": home.get("state"),
                    "ZIP": home.get("postalCode"),
                    "Country": home.get("country"),
                },
                "PhoneNumber": {"Home": _telecom(document, "phone")},
                "EmailAddresses": [mail for mail in [_telecom(document, "email")] if mail],
            }
        }
    }


def _telecom(document: JSON, system: str) -> Any:
    return next((one.get("value") for one in document.get("telecom") or () if one.get("system") == system), None)


def _visit(document: JSON) -> JSON:
    period: JSON = document.get("period") or {}
    visit = {
        "VisitNumber": document.get("id"),
        "VisitDateTime": period.get("start"),
        "DischargeDateTime": period.get("end"),
        "PatientClass": (document.get("class") or {}).get("display") or (document.get("class") or {}).get("code"),
        "Reason": _text(next(iter(document.get("reasonCode") or ()), None)),
    }
    return {"Visit": visit}


def _appointment(document: JSON) -> JSON:
    visit = {
        "VisitNumber": document.get("id"),
        "VisitDateTime": document.get("start"),
        "Duration": document.get("minutesDuration"),
        "Status": document.get("status"),
        "Reason": _text(next(iter(document.get("reasonCode") or ()), None)) or document.get("description"),
    }
    return {"Visit": visit}


def _order(document: JSON) -> JSON:
    return {
        "Order": {
            "ID": document.get("id"),
            "Status": document.get("status"),
            "TransactionDateTime": document.get("authoredOn"),
            "Procedure": _procedure(document.get("code")),
        }
    }


def _results(document: JSON) -> JSON:
    order = {
        "ID": document.get("id"),
        "ResultsStatus": str(document.get("status") or UNKNOWN).capitalize(),
        "CompletionDateTime": document.get("issued"),
        "Procedure": _procedure(document.get("code")),
        "Results": [{"Code": None, "Reference": one.get("reference")} for one in document.get("result") or ()],
    }
    return {"Orders": [order]}


def _medications(document: JSON) -> JSON:
    product = _procedure(document.get("medicationCodeableConcept"))
    product["Name"] = product.pop("Description")
    status = document.get("status")
    return {"Order": {"ID": document.get("id"), "Status": status, "Medication": {"Product": product}}}


def _vaccinations(document: JSON) -> JSON:
    product = _procedure(document.get("vaccineCode"))
    return {"Vaccinations": [{"DateTime": document.get("occurrenceDateTime"), "Vaccine": product}]}


def _note(document: JSON) -> JSON:
    return {
        "Note": {
            "DocumentID": document.get("id"),
            "DocumentType": _text(document.get("type")),
            "ServiceDateTime": document.get("date"),
            "Availability": "Available" if document.get("status") == "current" else "Unavailable",
        }
    }


def _procedure(concept: JSON | None) -> JSON:
    coding: JSON = next(iter((concept or {}).get("coding") or ()), {})
    return {"Code": coding.get("code"), "Codeset": coding.get("system"), "Description": _text(concept)}


def _text(concept: JSON | None) -> Any:
    coding: JSON = next(iter((concept or {}).get("coding") or ()), {})
    return (concept or {}).get("text") or coding.get("display")


_CONTENT: Final[Mapping[str, Callable[[JSON], JSON]]] = MappingProxyType(
    {
        "Patient": _demographics,
        "Encounter": _visit,
        "Appointment": _appointment,
        "ServiceRequest": _order,
        "DiagnosticReport": _results,
        "MedicationRequest": _medications,
        "Immunization": _vaccinations,
        "DocumentReference": _note,
    }
)
