"""Magic actions that write: notes and documents, which FHIR shows as DocumentReferences at once."""

from __future__ import annotations

import base64
from typing import Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.personalities.markup import NoMarkup, read_markup
from mockehr.personalities.veradigm.unity.call import Call, MagicError
from mockehr.personalities.veradigm.unity.people import practitioners, user_name
from mockehr.personalities.veradigm.unity.words import Row

NOTE_STATUSES: Final = ("Unsigned", "Final")
LONGEST: Final = 5_000_000
"""Letters of a document."""


def save_note(call: Call) -> list[Row]:
    """The text Parameter1 as a document of type Parameter2, with status Parameter3; Parameter4 `Y`: it is RTF."""
    text, kind, status = call.request.parameters[0], call.parameter(2), call.parameter(3) or NOTE_STATUSES[0]
    if not text.strip() or not kind:
        raise MagicError("Parameter1 and Parameter2 are required.")
    if status not in NOTE_STATUSES:
        raise MagicError(f"{status[:40]} is not a valid document status.")
    media = "text/rtf" if call.parameter(4).upper() == "Y" else "text/plain"
    made = _store(call, kind, text.encode("utf-8", "replace"), media, final=status == NOTE_STATUSES[1])
    return [{"DocumentID": str(made["id"]), "Status": "Success"}]


def save_unstructured_document(call: Call) -> list[Row]:
    """What Parameter2 holds, as the XML of Parameter1 describes it: `docParams` of `item`s with name and value."""
    try:
        described = read_markup(call.request.parameters[0])
    except NoMarkup as error:
        raise MagicError(f"Parameter1 cannot be read: {error}") from None
    told = {one.get("name"): one.get("value") for one in described.every("item")}
    if told.get("documentCommand", "I").upper() != "I":
        raise MagicError("documentCommand is not supported.")
    kind, contents = told.get("documentType", ""), call.request.parameters[1]
    if not kind or not contents:
        raise MagicError("documentType and a document are required.")
    encounter = told.get("ahsEncounterID", "")
    made = _store(call, kind, contents.encode("utf-8", "replace"), "text/plain", final=True, encounter=encounter)
    return [{"DocumentID": str(made["id"]), "Status": "Success"}]


def _store(call: Call, kind: str, octets: bytes, media: str, *, final: bool, encounter: str = "") -> JSON:
    if len(octets) > LONGEST:
        raise MagicError("The document is too long.")
    patient, now = call.patient(), instant(call.records.now())
    data = base64.b64encode(octets).decode("ascii")
    document: JSON = {
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "final" if final else "preliminary",
        "type": {"text": kind},
        "subject": {"reference": f"Patient/{patient['id']}"},
        "date": now,
        "content": [{"attachment": {"contentType": media, "data": data, "title": kind, "creation": now}}],
    }
    who = (one for one in practitioners(call) if user_name(one) == call.request.user.casefold())
    author = next(who, None)
    if author is not None:
        document["author"] = [{"reference": f"Practitioner/{author['id']}"}]
    if encounter:
        visit = call.records.read("Encounter", encounter)
        whose = str((visit or {}).get("subject", {}).get("reference", ""))
        if whose != f"Patient/{patient['id']}":
            raise MagicError(f"Encounter {encounter[:40]} was not found.")
        document["context"] = {"encounter": [{"reference": f"Encounter/{encounter}"}]}
    made = call.records.create(call.exchange, document)
    if isinstance(made, Problem):
        raise MagicError(made.text)
    return call.saw(made)
