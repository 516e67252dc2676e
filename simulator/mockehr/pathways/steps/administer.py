"""A dose is given (RAS^O17)."""

from __future__ import annotations

from typing import ClassVar, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step


class Administer(Step):
    """One dose of what was prescribed under that name."""

    NAME: ClassVar[str] = "administer"
    SHORT: ClassVar[str] = "name"

    name: str
    status: Literal["completed", "not-done"] = "completed"
    """`not-done`: refused."""
    last: bool = False
    """The last dose: the prescription is completed."""

    def run(self, act: Act) -> None:
        """A MedicationAdministration."""
        key = act.someone.prescriptions.get(self.name, "")
        if not key:
            act.refuse(f"nothing was prescribed as {self.name!r}")
        order = act.clean(key)
        rule = order["dosageInstruction"][0]
        dosage = {"text": rule["text"], "route": rule["route"], "dose": rule["doseAndRate"][0]["doseQuantity"]}
        body: JSON = {
            "status": self.status,
            "medicationCodeableConcept": order["medicationCodeableConcept"],
            "subject": act.subject(),
            **({"context": {"reference": act.someone.visit}} if act.someone.visit else {}),
            "effectiveDateTime": act.when,
            "performer": [{"actor": act.hospital.clinician("MED", "Registered Nurse", act.stream)}],
            "request": {"reference": key},
            "dosage": dosage,
        }
        if self.status == "not-done":
            body["statusReason"] = [{"text": "Patient refused"}]
        act.put("MedicationAdministration", "", body, act.told("RAS^O17"))
        if self.last:
            act.change(key, {"status": "completed"})
