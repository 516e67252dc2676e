"""A charge is posted (DFT^P03)."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step

CHARGES: Final = "https://example.org/charge-master"


class Bill(Step):
    """One line of the hospital's own charge master, written `CODE its name`."""

    NAME: ClassVar[str] = "bill"
    SHORT: ClassVar[str] = "charge"

    charge: str = Field(min_length=1)
    price: float = Field(default=0, ge=0)
    """In dollars, of one."""
    quantity: int = Field(default=1, ge=1)

    def run(self, act: Act) -> None:
        """A billable ChargeItem."""
        code, _, display = self.charge.partition(" ")
        coding: JSON = {"system": CHARGES, "code": code} | ({"display": display} if display else {})
        body: JSON = {
            "status": "billable",
            "code": {"coding": [coding], "text": display or code},
            "subject": act.subject(),
            **({"context": {"reference": act.someone.visit}} if act.someone.visit else {}),
            "occurrenceDateTime": act.when,
            "performer": [{"actor": act.attending()}],
            "performingOrganization": act.hospital.house("hospital"),
            "quantity": {"value": self.quantity},
            "enteredDate": act.when,
        }
        if self.price:
            body["priceOverride"] = {"value": round(self.price * self.quantity, 2), "currency": "USD"}
        act.put("ChargeItem", "", body, act.told("DFT^P03"))
