"""A vaccine is given (VXU^V04)."""

from __future__ import annotations

from typing import ClassVar, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.profiles import quantity_of
from mockehr.pathways.scalars import Vaccine, coded
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import CVX, hl7
from mockehr.population.chart.times import instant_text

_YEAR = 365.25 * 86400


class Vaccinate(Step):
    """One dose, or (`status: not-done`) one that was declined."""

    NAME: ClassVar[str] = "vaccinate"
    SHORT: ClassVar[str] = "vaccine"

    vaccine: Vaccine
    status: Literal["completed", "not-done"] = "completed"
    dose: float = 0.5
    """In mL."""

    def run(self, act: Act) -> None:
        """An Immunization."""
        body: JSON = {"status": self.status}
        if self.status == "not-done":
            body["statusReason"] = hl7("v3-ActReason", "PATOBJ", "patient objection")
        body |= {
            "vaccineCode": coded(CVX, self.vaccine),
            "patient": act.subject(),
            **act.of_visit(),
            "occurrenceDateTime": act.when,
            "recorded": act.when,
            "primarySource": True,
        }
        if self.status == "completed":
            infant = act.age() < 1.2
            dice = act.stream
            body |= {
                "lotNumber": f"{dice.choice('ABDEHKLU')}{dice.between(1000, 9999)}{dice.choice('ABCD')}",
                "expirationDate": instant_text(act.at + act.stream.uniform(0.3, 2) * _YEAR)[:10],
                "site": hl7("v3-ActSite", *(("LT", "left thigh") if infant else ("LA", "left arm"))),
                "route": hl7("v3-RouteOfAdministration", "IM", "Injection, intramuscular"),
                "doseQuantity": quantity_of(self.dose, "mL"),
                "performer": [{"function": hl7("v2-0443", "AP", "Administering Provider"), "actor": act.attending()}],
            }
        act.put("Immunization", "us-core-immunization", body, act.told("VXU^V04"))
