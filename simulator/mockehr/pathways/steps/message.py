"""Any HL7 message, sent as it stands: what a rule, a vendor or a mistake would have written."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step


class Message(Step):
    """A message with placeholders: `{mrn}`, `{family}`, `{given}`, `{born}`, `{sex}`, `{visit}`, `{now}`, `{number}`.

    One segment a line. It is posted on every HL7 link that carries its type; nothing is written.
    """

    NAME: ClassVar[str] = "message"
    SHORT: ClassVar[str] = "text"

    text: str

    @field_validator("text")
    @classmethod
    def _has_a_header(cls, value: str) -> str:
        if not value.lstrip().startswith("MSH"):
            raise ValueError("a message begins with MSH")
        return value

    def run(self, act: Act) -> None:
        """One message on each link."""
        patient = act.someone.patient.partition("/")[2]
        text = "\r".join(line.strip() for line in self.text.strip().splitlines()) + "\r"
        for mark, value in self._places(act, act.hospital.read("Patient", patient) or {}).items():
            text = text.replace(mark, value)
        act.hospital.send(text)

    def _places(self, act: Act, patient: JSON) -> dict[str, str]:
        name = (patient.get("name") or [{}])[0]
        visit = act.clean(act.someone.visit) if act.someone.visit else {}
        stamp = "".join(letter for letter in act.when if letter.isdigit())
        return {
            "{mrn}": _first(patient, "MR"),
            "{family}": str(name.get("family", "")),
            "{given}": " ".join(name.get("given", [])[:1]),
            "{born}": str(patient.get("birthDate", "")).replace("-", ""),
            "{sex}": str(patient.get("gender", "unknown"))[:1].upper(),
            "{visit}": _first(visit, "VN"),
            "{now}": stamp,
            "{number}": f"{act.player.number}-{act.player.taken + 1}",
        }


def _first(resource: JSON, kind: str) -> str:
    """The identifier of that type, else the first one."""
    identifiers = resource.get("identifier", [])
    for one in identifiers:
        if any(coding.get("code") == kind for coding in one.get("type", {}).get("coding", [])):
            return str(one.get("value", ""))
    return str(identifiers[0].get("value", "")) if identifiers else ""
