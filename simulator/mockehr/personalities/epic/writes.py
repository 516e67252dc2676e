"""What Epic files of a resource that a client wrote, and shows of it from then on. Sources: notes.md, Writes.

Where recordings show nothing of a type, it is stored as it came, but for its references, `meta` and narrative.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.personalities.concepts import code_in, codes_of, concept, drop, text_of
from mockehr.personalities.dates import moment
from mockehr.personalities.epic.binaries import NOTES, as_html, as_rtf, plain
from mockehr.personalities.epic.clinical import statuses
from mockehr.personalities.epic.documents import CLINICAL_NOTE, FORMAT, note_type
from mockehr.personalities.epic.look import Look
from mockehr.personalities.epic.registered import filed_patient
from mockehr.personalities.epic.results import flowsheet
from mockehr.personalities.model import Shelf
from mockehr.personalities.order import ELEMENTS
from mockehr.personalities.people import main_name, sorted_name
from mockehr.personalities.rewrite import ordered

_LOINC: Final = "http://loinc.org"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
_OBSERVATION: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_FILER: Final = "User Interconnect"
"""What the user is called for whom an app files."""
_WHO: Final = ("subject", "patient", "encounter", "context")
_FAILED: Final = "59144"
_UNMAPPED: Final = "59187"


def received(document: JSON, shelf: Shelf, look: Look, *, new: bool) -> JSON | Problem:
    """The resource as it is stored, or why it cannot be filed. What is not new keeps what its first filing made."""
    kind = str(document["resourceType"])
    made = {name: _in_utc(value) for name, value in document.items() if name not in ("meta", "text", "contained")}
    for name in _WHO:
        told = made.get(name)
        if isinstance(told, dict) and "reference" in told:
            found = _shown(told, shelf)
            if found is None:
                text = f"{name} {told['reference']} was not found"
                return Problem(400, "body-invalid", text, name, kind, _FAILED, expression=(name,))
            made[name] = found
    filed = made if kind == "Patient" and not new else _filed(made, shelf, look)
    return filed if isinstance(filed, Problem) or kind not in ELEMENTS else ordered(filed, ELEMENTS[kind])


def _filed(made: JSON, shelf: Shelf, look: Look) -> JSON | Problem:
    match made["resourceType"]:
        case "Condition":
            return _condition(made)
        case "DocumentReference":
            return _document(made, shelf, look)
        case "Observation":
            return _observation(made, shelf, look)
        case "Patient":
            return filed_patient(made, look, instant(shelf.now())[:10])
    return made


def _in_utc(node: Any) -> Any:
    """The same with all moments in UTC, to the second."""
    if isinstance(node, dict):
        return {name: _in_utc(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_in_utc(one) for one in node]
    return moment(node, "seconds") if isinstance(node, str) else node


def _shown(told: JSON, shelf: Shelf) -> JSON | None:
    """A reference as Epic reads it back; None to what is not there."""
    reference = str(told["reference"])
    if ":" in reference or reference.startswith("#"):
        return told
    found = shelf.read(reference)
    if found is None:
        return None
    made: JSON = {"reference": reference}
    if found["resourceType"] == "Encounter":
        made["identifier"] = dict(next(iter(found.get("identifier", ())), {}))
        made["display"] = text_of(found.get("type"))
    elif found["resourceType"] == "Patient":
        made["display"] = sorted_name(main_name(found))
    return {name: value for name, value in made.items() if value}


def _condition(made: JSON) -> JSON:
    """On the problem list, whatever it was: without visit, dates and words of the client's own."""
    made["category"] = [concept(_CATEGORY, "problem-list-item", "Problem List Item")]
    statuses(made)
    drop(made, "encounter", "onsetDateTime", "onsetPeriod", "onsetAge", "onsetString", "recordedDate")
    if isinstance(made.get("code"), dict) and made["code"].get("coding"):
        made["code"] = {name: value for name, value in made["code"].items() if name != "text"}
    return made


def _observation(made: JSON, shelf: Shelf, look: Look) -> JSON | Problem:
    """A vital sign in its flowsheet row, with the row's codes and name."""
    made["performer"] = [{"display": _FILER}]
    made["issued"] = instant(shelf.now())
    if "vital-signs" not in codes_of(made.get("category")):
        return made
    if not code_in(made.get("code"), _LOINC):
        text = "No flowsheet row is mapped to this code"
        return Problem(400, "body-invalid", text, "code", "Observation", _UNMAPPED, expression=("code",))
    made["category"] = [concept(_OBSERVATION, "vital-signs", "Vital Signs")]
    flowsheet(made, look)
    return made


def _document(made: JSON, shelf: Shelf, look: Look) -> JSON:
    """A note of the house: its text as HTML and as RTF, its author whoever files, its numbers the house's own."""
    contents: list[JSON] = []
    for told in made.get("content", ()):
        text = _text(told.get("attachment", {}))
        if text is None:
            contents.append(told)
            continue
        for kind, body in (("text/html", as_html(text)), ("text/rtf", as_rtf(text))):
            data = base64.b64encode(body.encode()).decode()
            id = shelf.keep({"resourceType": "Binary", "contentType": kind, "data": data})
            contents.append({"attachment": {"contentType": kind, "url": f"Binary/{id}"}, "format": dict(FORMAT)})
    number = look.number(made, "document")
    made["identifier"] = [
        {"system": look.oid("2.727879"), "value": number},
        {"system": "urn:oid:1.2.840.114350.1.72.3.15", "value": f"{look.root}.2.727879_{number}"},
    ]
    made["type"] = note_type(made.get("type", {}), look)
    made["category"] = [CLINICAL_NOTE]
    made.setdefault("date", instant(shelf.now()))
    made["author"] = [{"display": _FILER}]
    custodian: dict[str, Any] = {"system": "urn:ietf:rfc:3986", "value": look.oid("3.688884.100")}
    made["custodian"] = {"identifier": custodian, "display": look.house()}
    drop(made, "authenticator", "masterIdentifier")
    context = made.get("context")
    if isinstance(context, dict) and isinstance(context.get("encounter"), list):
        visits = [(_shown(one, shelf) or one) if "reference" in one else one for one in context["encounter"]]
        made["context"] = {**context, "encounter": visits}
    return {**made, "content": contents}


def _text(attachment: JSON) -> str | None:
    """The plain text of an attachment with data; None for what is no text."""
    media = str(attachment.get("contentType", "")).partition(";")[0]
    if media not in NOTES or "data" not in attachment:
        return None
    try:
        text = base64.b64decode(str(attachment["data"])).decode("utf-8", "replace")
    except binascii.Error:
        return None
    return plain(text) if media == "text/html" else text
