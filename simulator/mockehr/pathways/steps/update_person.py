"""What is known of a person changes (ADT^A08; ADT^A31 where `event` says so)."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import hl7

_MARITAL: Final = {
    "married": ("M", "Married"),
    "divorced": ("D", "Divorced"),
    "widowed": ("W", "Widowed"),
    "single": ("S", "Never Married"),
}


class UpdatePerson(Step):
    """Only what is written changes."""

    NAME: ClassVar[str] = "update_person"

    family: str = ""
    given: str = ""
    """First name, or several with spaces between them."""
    birth_date: str = Field(default="", pattern=r"^(\d{4}-\d\d-\d\d)?$")
    sex: Literal["", "female", "male"] = ""
    street: str = ""
    city: str = ""
    postcode: str = ""
    phone: str = ""
    marital: Literal["", "married", "divorced", "widowed", "single"] = ""

    def run(self, act: Act) -> None:
        """A further version of the Patient."""
        patient = act.patient()
        changes: JSON = {}
        if self.family or self.given:
            changes["name"] = self._names(patient)
        if self.birth_date:
            changes["birthDate"] = self.birth_date
        if self.sex:
            changes["gender"] = self.sex
        if self.street or self.city or self.postcode:
            home = dict((patient.get("address") or [{"use": "home"}])[0])
            home |= {"line": [self.street]} if self.street else {}
            home |= {"city": self.city} if self.city else {}
            home |= {"postalCode": self.postcode} if self.postcode else {}
            changes["address"] = [home | {"period": {"start": act.when[:10]}}]
        if self.phone:
            others = [one for one in patient.get("telecom", []) if one.get("system") != "phone"]
            changes["telecom"] = [{"system": "phone", "value": self.phone, "use": "home"}, *others]
        if self.marital:
            changes["maritalStatus"] = hl7("v3-MaritalStatus", *_MARITAL[self.marital])
        act.change(act.someone.patient, changes, act.told("ADT^A08"))

    def _names(self, patient: JSON) -> list[JSON]:
        first, *others = patient["name"]
        given = self.given.split() or first.get("given", [])
        family = self.family or first["family"]
        named = {**first, "text": " ".join((*given, family)), "family": family, "given": given}
        maiden = [{"use": "old", "family": first["family"], "given": first.get("given", [])}] if self.family else []
        return [named, *others, *maiden]
