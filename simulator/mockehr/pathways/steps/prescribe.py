"""A drug is ordered (RDE^O11)."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.profiles import quantity_of
from mockehr.pathways.scalars import Drug, coded
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import RXNORM, category, snomed

ROUTES: Final = {
    "oral": ("26643006", "Oral route (qualifier value)"),
    "intravenous": ("47625008", "Intravenous route (qualifier value)"),
    "subcutaneous": ("34206005", "Subcutaneous route (qualifier value)"),
    "intramuscular": ("78421000", "Intramuscular route (qualifier value)"),
    "inhalation": ("447694001", "Respiratory tract route (qualifier value)"),
}
Route = Literal["oral", "intravenous", "subcutaneous", "intramuscular", "inhalation"]
_CATEGORIES: Final = {"inpatient": "Inpatient", "outpatient": "Outpatient", "discharge": "Discharge"}


class Prescribe(Step):
    """`administer` gives it; the name is the code unless told."""

    NAME: ClassVar[str] = "prescribe"
    SHORT: ClassVar[str] = "drug"

    drug: Drug
    name: str = ""
    dose: float = Field(default=1, gt=0)
    unit: str = "{tbl}"
    """UCUM."""
    route: Route = "oral"
    daily: int = Field(default=1, ge=1, le=24)
    days: int = Field(default=0, ge=0)
    """For how long; 0: until it is stopped."""
    for_: Literal["inpatient", "outpatient", "discharge"] = Field(default="inpatient", alias="for")

    def run(self, act: Act) -> None:
        """An active MedicationRequest."""
        dosage: JSON = {
            "sequence": 1,
            "text": f"{self.dose:g} {self.unit.strip('{}')} {self.route}, {self.daily} a day",
            "timing": {"repeat": {"frequency": self.daily, "period": 1, "periodUnit": "d"}},
            "route": snomed(*ROUTES[self.route]),
            "doseAndRate": [{"doseQuantity": quantity_of(self.dose, self.unit)}],
        }
        body: JSON = {
            "status": "active",
            "intent": "order",
            "category": category("medicationrequest-category", self.for_, _CATEGORIES[self.for_]),
            "reportedBoolean": False,
            "medicationCodeableConcept": coded(RXNORM, self.drug),
            "subject": act.subject(),
            **act.of_visit(),
            "authoredOn": act.when,
            "requester": act.attending(),
            "dosageInstruction": [dosage],
        }
        if act.someone.conditions:
            body["reasonReference"] = [act.refer(act.someone.conditions[0])]
        if self.days:
            supply = quantity_of(self.dose * self.daily * self.days, self.unit)
            body["dispenseRequest"] = {"quantity": supply, "expectedSupplyDuration": quantity_of(self.days, "d")}
        name = self.name or self.drug.partition(" ")[0]
        key = act.put("MedicationRequest", "us-core-medicationrequest", body, act.told("RDE^O11"))
        act.someone.prescriptions[name] = key
