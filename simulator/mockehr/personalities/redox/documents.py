"""Notes and Media: documents for a patient's chart."""

from __future__ import annotations

from base64 import b64encode
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.redox import patients
from mockehr.personalities.redox.errand import Errand, part, wanted

_MEDIA: Final = MappingProxyType(
    {
        "PDF": "application/pdf", "TEXT": "text/plain", "TXT": "text/plain", "RTF": "text/rtf", "JPG": "image/jpeg",
        "JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "HTML": "text/html",
    }
)  # fmt: skip
OTHER: Final = "application/octet-stream"


def note(errand: Errand, body: JSON) -> JSON:
    """`Notes.New`: a text, or a file in base64 where `ContentType` says so."""
    told = part(body, "Note")
    content = str(wanted(body, "Note", "FileContents") if told.get("FileContents") else _text(body))
    coded = told.get("ContentType") == "Base64 Encoded" or bool(told.get("FileContents"))
    data = content if coded else b64encode(content.encode()).decode()
    kind = str(told.get("FileType") or ("TEXT" if not coded else ""))
    _store(errand, body, told, data, kind)
    return {}


def media(errand: Errand, body: JSON) -> JSON:
    """`Media.New`: a file in base64."""
    told = part(body, "Media")
    _store(errand, body, told, "".join(str(wanted(body, "Media", "FileContents")).split()), str(told.get("FileType")))
    return {}


def _text(body: JSON) -> str:
    told = part(part(body, "Note"), "Content")
    return str(wanted(body, "Note", "ContentText") if not told else told.get("Text", ""))


def _store(errand: Errand, body: JSON, told: JSON, data: str, kind: str) -> None:
    patient = patients.the_one(errand, body)
    attachment = {"contentType": _MEDIA.get(kind.upper(), OTHER), "data": data}
    if told.get("FileName"):
        attachment["title"] = str(told["FileName"])
    document: JSON = {
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "preliminary" if told.get("Availability") == "Unavailable" else "final",
        "type": {"text": str(told.get("DocumentType") or "Document")},
        "subject": {"reference": f"Patient/{patient['id']}"},
        "content": [{"attachment": attachment}],
    }
    if told.get("DocumentID"):
        document["identifier"] = [{"value": str(told["DocumentID"])}]
    errand.create(document)
