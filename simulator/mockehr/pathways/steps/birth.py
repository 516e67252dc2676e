"""A child is born: a record of its own, linked to the mother's (ADT^A28 of the child unless told otherwise)."""

from __future__ import annotations

from typing import ClassVar, Final

from mockehr.core.changes import QUIET
from mockehr.pathways.act import Act
from mockehr.pathways.scalars import Amount, ValueSpan
from mockehr.pathways.step import Step
from mockehr.pathways.vital_signs import write_sign
from mockehr.population.chart.codes import hl7

_PATTERNS: Final = {"female": "Girl", "male": "Boy"}


class Birth(Step):
    """The person gives birth to `child`, who goes by `Girl` or `Boy` and the mother's name until `update_person`."""

    NAME: ClassVar[str] = "birth"
    SHORT: ClassVar[str] = "child"

    child: str
    """Another person, with `mother` set."""
    weight: Amount = ValueSpan.model_validate({"from": 2700, "to": 4100})
    """In grams."""

    def persons(self) -> list[str]:
        """The child."""
        return [self.child]

    def run(self, act: Act) -> None:
        """A Patient, a RelatedPerson who is the mother, and the weight at birth."""
        child = act.player.persons[self.child]
        if child.patient:
            act.refuse(f"{self.child} was born before")
        mother = act.patient()
        sex: str = child.wish.sex or act.stream.choice(("female", "male"))
        home = (mother.get("address") or [{}])[0]
        parts = {"sex": sex, "family": child.wish.family or mother["name"][0]["family"], "birth_date": act.when[:10]}
        parts |= {"given": child.wish.given or _PATTERNS[sex], "street": (home.get("line") or [""])[0]}
        parts |= {"city": home.get("city", ""), "postcode": home.get("postalCode", "")}
        baby = act.hospital.new_patient(child.wish.model_copy(update=parts), act.stream)
        for element in ("maritalStatus", "telecom", "communication"):
            baby.pop(element, None)
        if mother.get("telecom"):
            baby["telecom"] = mother["telecom"][:1]
        act.player.meet(child, baby)
        act.hospital.write(baby, None, act.told("ADT^A28"), act.player.clean)
        related = {
            "active": True,
            "patient": act.subject(child),
            "relationship": [hl7("v3-RoleCode", "MTH", "mother")],
            "name": mother["name"][:1],
            "gender": "female",
            "birthDate": mother["birthDate"],
        }
        key = act.put("RelatedPerson", "us-core-relatedperson", related, QUIET)
        link = {"other": {"reference": key}, "type": "seealso"}
        act.change(act.someone.patient, {"link": [*mother.get("link", []), link]})
        grams = round(self.weight.draw(act.stream))
        write_sign(act, "birth_weight", grams, subject=child)
