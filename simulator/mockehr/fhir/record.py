"""A Record is one version of one resource as the server holds it: bytes for the wire, a dict for questions."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import JSON
from mockehr.fhir.lossless import encode

__all__ = ["Record", "encode", "patient_of"]


@dataclass(slots=True)
class Record:
    """One version of one resource. `updated` is in site seconds; `patient` is the id of whose chart it is, or empty.

    `body` is JSON as it goes out. For text that is no valid UTF-8 on purpose, `document` holds lone surrogates
    (`surrogateescape`) and `body` the raw octets.
    """

    resource_type: str
    id: str
    version: int
    updated: float
    document: JSON
    body: bytes
    patient: str = ""
    deleted: bool = False

    @property
    def key(self) -> str:
        """`Type/id`."""
        return f"{self.resource_type}/{self.id}"


def patient_of(document: JSON) -> str:
    """The id of the patient that a resource is about: itself, or its subject, patient or beneficiary; else empty."""
    if document.get("resourceType") == "Patient":
        return str(document.get("id", ""))
    for name in ("subject", "patient", "beneficiary"):
        reference = document.get(name)
        if isinstance(reference, dict):
            text = str(reference.get("reference", ""))
            if "Patient/" in text:
                return text.rsplit("Patient/", 1)[1].partition("/")[0]
    for participant in document.get("participant", ()) if isinstance(document.get("participant"), list) else ():
        actor = participant.get("actor") if isinstance(participant, dict) else None
        text = str(actor.get("reference", "")) if isinstance(actor, dict) else ""
        if "Patient/" in text:
            return text.rsplit("Patient/", 1)[1].partition("/")[0]
    return ""
