"""Documents (MDM): a new one (T02), one that replaces it (T10), an addendum (T06), one that is cancelled (T11)."""

from __future__ import annotations

from base64 import b64encode
from typing import ClassVar, Final, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import LOINC, US_CORE, coding, concept
from mockehr.population.chart.documents import DOCUMENT_NUMBERS

Kind = Literal[
    "progress-note", "history-and-physical", "discharge-summary", "consult-note", "emergency-note", "operation-note"
]
_KINDS: Final = {
    "progress-note": ("11506-3", "Progress note"),
    "history-and-physical": ("34117-2", "History and physical note"),
    "discharge-summary": ("18842-5", "Discharge summary"),
    "consult-note": ("11488-4", "Consult note"),
    "emergency-note": ("34111-5", "Emergency department Note"),
    "operation-note": ("11504-8", "Surgical operation note"),
}
_EVENTS: Final = {"new": "MDM^T02", "addendum": "MDM^T06", "replace": "MDM^T10", "cancel": "MDM^T11"}


class Document(Step):
    """A document of one `kind`, called by it or by `name`."""

    NAME: ClassVar[str] = "document"
    SHORT: ClassVar[str] = "kind"

    kind: Kind = "progress-note"
    name: str = ""
    text: str = ""
    """What it says. `{patient}`, `{born}` and `{date}` stand for the patient's name, birth date and the day."""
    update: Literal["new", "addendum", "replace", "cancel"] = "new"
    status: Literal["final", "preliminary"] = "final"

    def run(self, act: Act) -> None:
        """A DocumentReference, or a further version of it."""
        name, event = self.name or self.kind, act.told(_EVENTS[self.update])
        known = act.someone.documents.get(name, "")
        if self.update != "new" and not known:
            act.refuse(f"there is no document {name!r}")
        if self.update == "cancel":
            act.change(known, {"status": "entered-in-error"}, event)
            del act.someone.documents[name]
            return
        body = self._body(act)
        if self.update == "new":
            act.someone.documents[name] = act.put("DocumentReference", "us-core-documentreference", body, event)
            return
        relation = "appends" if self.update == "addendum" else "replaces"
        body["relatesTo"] = [{"code": relation, "target": {"reference": known}}]
        if self.update == "replace":
            act.change(known, {"status": "superseded"})
        act.someone.documents[name] = act.put("DocumentReference", "us-core-documentreference", body, event)

    def _body(self, act: Act) -> JSON:
        code, title = _KINDS[self.kind]
        data = self._words(act, title).encode()
        attachment = {
            "contentType": "text/plain",
            "data": b64encode(data).decode(),
            "size": len(data),
            "title": title,
        }
        system = f"{US_CORE}CodeSystem/us-core-documentreference-category"
        visit = {"context": {"encounter": [{"reference": act.someone.visit}]}} if act.someone.visit else {}
        return {
            "identifier": [{"system": DOCUMENT_NUMBERS, "value": f"D{act.hospital.number():09d}"}],
            "status": "current",
            "docStatus": self.status,
            "type": concept(LOINC, code, title),
            "category": [concept(system, "clinical-note", "Clinical Note")],
            "subject": act.subject(),
            "date": act.when,
            "author": [act.attending()],
            "custodian": act.hospital.house("hospital"),
            "content": [
                {
                    "attachment": {**attachment, "creation": act.when},
                    "format": coding(
                        "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
                        "urn:ihe:iti:xds:2017:mimeTypeSufficient",
                        "mimeType Sufficient",
                    ),
                }
            ],
            **visit,
        }

    def _words(self, act: Act, title: str) -> str:
        parts = {"{patient}": act.subject()["display"], "{born}": act.patient()["birthDate"], "{date}": act.when[:10]}
        text = self.text or f"{title} of {{patient}}, born {{born}}. Course as expected."
        for mark, value in parts.items():
            text = text.replace(mark, value)
        return text
