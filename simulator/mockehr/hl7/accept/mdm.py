"""MDM: documents written, signed, added to, edited, replaced and cancelled (HL7 v2 chapter 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.hl7.accept.content import attachments
from mockehr.hl7.accept.fields import clinician, concept, entity, required, when
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Known, Upsert, reference
from mockehr.hl7.accept.person import keys, patient
from mockehr.hl7.accept.timing import instant_of
from mockehr.hl7.accept.visit import encounter
from mockehr.hl7.documents import AVAILABILITY, CONFIDENTIALITY, DOC_STATUS, DOCUMENT_TYPE, DOCUMENT_TYPES, LOINC
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment

_LOINC_CODE: Final = re.compile(r"\d{1,5}-\d")


@dataclass(frozen=True, slots=True)
class Event:
    """What a trigger means: a document of its own or (`knows`) one that is there; what it is to its parent."""

    relation: str = ""
    """`appends` or `replaces`: what the document of TXA-12 is to that of TXA-13."""
    knows: bool = False
    amends: bool = False

    def __call__(self, message: Message, context: Context) -> Accepted:
        """MDM as Patient, Encounter (if PV1 names one) and DocumentReference, found again by TXA-12.

        What concerns a document that is not known is taken, with a warning. Raises Rejection: 100 without PID or TXA,
        101 without TXA-12, 102 for what is no time or no base64.
        """
        txa = _segment(message, "TXA")
        intents: list[Intent] = [patient(_segment(message, "PID"), context)]
        number = _number(txa)
        resource: JSON = {"resourceType": "DocumentReference", "identifier": [number], "masterIdentifier": number,
                          "subject": reference("patient")}  # fmt: skip
        defaults: JSON = {"status": "current"}
        _visit(resource, message, context, intents)
        _describe(resource, defaults, txa, context, amends=self.amends)
        contents = attachments(message.all("OBX"))
        _present(contents, resource, txa)
        if contents:
            resource["content"] = [{"attachment": one} for one in contents]
        else:
            defaults["content"] = [{"attachment": {"title": txa.text(16) or txa.text(12, 1, 1)}}]
        if self.knows:
            intents.append(Known("DocumentReference", keys([number]), _unknown(12, "W"), patient="patient"))
        intents += self._relate(resource, txa, number)
        intents.append(Upsert("document", resource, keys([number]), (), defaults))
        return Accepted(tuple(intents), message.header.kind, "DocumentReference")

    def _relate(self, resource: JSON, txa: Segment, number: JSON) -> list[Intent]:
        """The link to the parent, and what becomes of the parent."""
        parent = entity(txa.repetitions(13)[0], "FILL") if txa.has(13) else None
        if not self.relation or parent is None or keys([parent]) == keys([number]):
            return []  # with the number of its parent it is an edit in place, as some send replacements
        target = {**reference("parent"), "type": "DocumentReference", "identifier": parent}
        resource["relatesTo"] = [{"code": self.relation, "target": target}]
        match: tuple[Key, ...] = keys([parent])
        found: list[Intent] = [Known("DocumentReference", match, _unknown(13, "W"), "parent", "patient")]
        if self.relation == "replaces":
            obsolete: JSON = {"resourceType": "DocumentReference", "status": "superseded"}
            obsolete["subject"] = reference("patient")
            found.append(Upsert("parent", obsolete, match, creates=False, quiet=True))
        return found


def cancel(message: Message, context: Context) -> Accepted:
    """T11: the document was never meant to be there. Raises Rejection (204) if nobody knows it."""
    number = _number(_segment(message, "TXA"))
    match = keys([number])
    withdrawn: JSON = {"resourceType": "DocumentReference", "status": "entered-in-error",
                       "docStatus": "entered-in-error", "subject": reference("patient")}  # fmt: skip
    intents = (
        patient(_segment(message, "PID"), context),
        Known("DocumentReference", match, _unknown(12, "E"), patient="patient"),
        Upsert("document", withdrawn, match, creates=False),
    )
    return Accepted(intents, message.header.kind, "DocumentReference")


def _unknown(field: int, severity: str) -> Fault:
    warned = severity == "W"
    text = f"No document has the number of TXA-{field}{'; the message has been taken all the same' if warned else ''}"
    return Fault(204, "TXA", 1, field, text=text, severity="W" if warned else "E")


def _number(txa: Segment) -> JSON:
    required(txa, 12, "unique document number")
    found = entity(txa.repetitions(12)[0], "FILL")
    if found is None:
        raise Rejection("AE", Fault(101, "TXA", 1, 12, 1, "TXA-12 has no number"))
    return found


def _visit(resource: JSON, message: Message, context: Context, intents: list[Intent]) -> None:
    pv1 = message.segment("PV1")
    # Required by the grammar, so that without a number or a class it is a placeholder.
    if pv1 is not None and pv1.has(19) and pv1.has(2) and pv1.text(2) != "N":
        intents.append(encounter(pv1, message, context))
        resource["context"] = {"encounter": [reference("encounter")]}


def _describe(resource: JSON, defaults: JSON, txa: Segment, context: Context, *, amends: bool) -> None:
    """TXA but for its numbers."""
    kind = _type(txa)
    if kind:
        resource["type"] = kind
    dates = [instant_of(when(txa, field, context), context, "TXA", field) for field in (6, 7, 4)]
    date = next(filter(None, dates), "")
    resource.update({"date": date} if date else {})
    defaults.update({} if date else {"date": instant(context.at)})
    if dates[2]:
        resource.setdefault("context", {})["period"] = {"start": dates[2]}
    _people(resource, txa)
    status = DOC_STATUS.get(txa.text(17, 1, 1))
    if status:
        resource["docStatus"] = "amended" if amends and status == "final" else status
    if txa.text(19, 1, 1) in AVAILABILITY:
        resource["status"] = AVAILABILITY[txa.text(19, 1, 1)]
    if txa.has(18):
        resource["securityLabel"] = [{"coding": [{"system": CONFIDENTIALITY, "code": txa.text(18, 1, 1)}]}]
    if txa.has(25):
        resource["description"] = txa.text(25, 1)
    orders = [
        {"type": "ServiceRequest", "identifier": order}
        for field, meaning in ((14, "PLAC"), (15, "FILL"))
        for item in txa.repetitions(field)
        if (order := entity(item, meaning))
    ]
    if orders:
        resource.setdefault("context", {})["related"] = orders


def _people(resource: JSON, txa: Segment) -> None:
    authors = [who for field in (9, 5) for item in txa.repetitions(field) if (who := clinician(item))]
    if authors:
        resource["author"] = list({str(who): who for who in authors}.values())
    signers = [who for field in (22, 10) for item in txa.repetitions(field) if (who := clinician(item))]
    if signers:
        resource["authenticator"] = signers[0]


def _type(txa: Segment) -> JSON | None:
    """TXA-2: a code of table 0270 together with the LOINC code of the same meaning, a LOINC code, or local words."""
    if not txa.has(2):
        return None
    code = txa.text(2, 1, 1)
    if txa.text(2, 1, 3) not in ("", "HL70270"):
        return concept(txa.repetitions(2)[0])
    if code in DOCUMENT_TYPES:
        words, loinc = DOCUMENT_TYPES[code]
        codings = [{"system": LOINC, "code": loinc}] if loinc else []
        codings.append({"system": DOCUMENT_TYPE, "code": code, "display": words})
        return {"coding": codings, "text": txa.text(2, 1, 2) or words}
    found = concept(txa.repetitions(2)[0])
    if found and _LOINC_CODE.fullmatch(code):
        found["coding"][0]["system"] = LOINC
    return found


def _present(contents: list[JSON], resource: JSON, txa: Segment) -> None:
    """The file name and the time of the writing belong to the content."""
    for one in contents[:1]:
        name = txa.text(16) if txa.has(16) else resource.get("description", "")
        if name:
            one["title"] = name
        if "date" in resource:
            one["creation"] = resource["date"]


def _segment(message: Message, segment_id: str) -> Segment:
    found = message.segment(segment_id)
    if found is None:
        text = f"{message.header.kind} needs a {segment_id} segment"
        raise Rejection("AE", Fault(100, segment_id, 1, text=text))
    return found


_NEW: Final = Event()
_STATUS: Final = Event(knows=True)
_ADDENDUM: Final = Event("appends")
_EDIT: Final = Event(knows=True, amends=True)
_REPLACEMENT: Final = Event("replaces")
ACCEPTS: Final = {
    "MDM^T01": _NEW,
    "MDM^T02": _NEW,
    "MDM^T03": _STATUS,
    "MDM^T04": _STATUS,
    "MDM^T05": _ADDENDUM,
    "MDM^T06": _ADDENDUM,
    "MDM^T07": _EDIT,
    "MDM^T08": _EDIT,
    "MDM^T09": _REPLACEMENT,
    "MDM^T10": _REPLACEMENT,
    "MDM^T11": cancel,
}
"""Message type and trigger to what it means."""
