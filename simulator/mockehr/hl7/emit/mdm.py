"""MDM out: a DocumentReference with its content, its Patient, and the Encounter if it is at hand."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.documents import (
    COMPLETION,
    CONFIDENTIALITY,
    DOCUMENT_TYPE,
    DOCUMENT_TYPES,
    LOINC,
    PRESENTATION,
    TYPE_OF_LOINC,
    WITH_CONTENT,
)
from mockehr.hl7.emit.fields import clinician_xcn, concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Event, Outline, first, needed, referred
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.stamps import stamp
from mockehr.hl7.terms import LOCAL_AUTHORITY
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field, Repeat

_CONTENTLESS: Final = {content: without for without, content in WITH_CONTENT.items()}
_RELATED: Final = {"appends": "MDM^T06", "replaces": "MDM^T10"}


def document(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID PV1 TXA, and OBX for each line of text or file where the trigger is one with content."""
    written = needed(resources, "DocumentReference", event)
    patient = needed(resources, "Patient", event)
    encounter = first(resources, "Encounter")
    outline = Outline(event, dialect)
    told = stamp(event.at, dialect.precision, dialect.offset)
    outline.add("EVN", {1: event.trigger, 2: told, 5: event.operator})
    add_patient(outline, patient, encounter)
    if encounter is not None:
        add_visit(outline, encounter, resources)
    else:
        outline.add("PV1", {1: "1", 2: "N"})
    _add_header(outline, written, resources)
    if event.trigger in _CONTENTLESS:
        _add_content(outline, written)
    return outline.finish()


def _add_header(outline: Outline, written: JSON, resources: Sequence[JSON]) -> None:
    event, dialect = outline.event, outline.dialect
    context = written.get("context", {})
    attachment = _attachments(written)[0] if _attachments(written) else {}
    authors = [clinician_xcn(one, referred(resources, one)) for one in written.get("author", [])]
    signer = written.get("authenticator")
    date = outline.time(written.get("date", ""))
    edited = stamp(event.at if event.occurred is None else event.occurred, dialect.precision, dialect.offset)
    fields: dict[int, Field] = {
        1: "1",
        2: _type(written.get("type"), dialect),
        3: PRESENTATION.get(_media(attachment)[0], ""),
        4: outline.time(context.get("period", {}).get("start", "")) or date,
        6: date,
        8: edited if event.trigger in ("T07", "T08") else "",
        9: Repeat(author for author in authors if author),
        10: clinician_xcn(signer, referred(resources, signer)),
        12: entity_ei(_number(written, dialect)),
        13: entity_ei(_parent(written, resources, dialect)),
        16: attachment.get("title", ""),
        17: COMPLETION.get(written.get("docStatus", ""), "AU" if signer else "DO"),
        18: _confidentiality(written),
        19: _availability(written),
    }
    orders = [one["identifier"] for one in context.get("related", []) if one.get("identifier")]
    fields[14] = Repeat(entity_ei(one) for one in orders if "FILL" not in _codes(one.get("type")))
    fields[15] = entity_ei(next((one for one in orders if "FILL" in _codes(one.get("type"))), None))
    if at_least(dialect.version, "2.8"):
        fields[25] = written.get("description", "")
    outline.add("TXA", fields)


def _add_content(outline: Outline, written: JSON) -> None:
    """Text line by line (TX), everything else as a file (ED), or as where it lies (RP)."""
    code = concept_cwe(written.get("type")) or ["", "Document"]
    status = {"preliminary": "P", "amended": "C", "entered-in-error": "W"}.get(written.get("docStatus", ""), "F")
    values: list[tuple[str, Field]] = []
    for one in _attachments(written):
        major, minor = _media(one)
        text = _text(one) if (major, minor) == ("text", "plain") else None
        if text is not None:
            values += [("TX", line) for line in text.split("\n")]
        elif one.get("data"):
            values.append(("ED", ["", major, minor, "Base64", one["data"]]))
        elif one.get("url"):
            values.append(("RP", [one["url"], "", PRESENTATION.get(major, ""), minor]))
    for number, (kind, value) in enumerate(values or [("TX", "")], 1):
        outline.add("OBX", {1: str(number), 2: kind, 3: code, 5: value, 11: status})


def _attachments(written: JSON) -> list[JSON]:
    return [one["attachment"] for one in written.get("content", []) if one.get("attachment")]


def _media(attachment: JSON) -> tuple[str, str]:
    major, _, minor = attachment.get("contentType", "").partition(";")[0].strip().partition("/")
    return major, minor


def _text(attachment: JSON) -> str | None:
    """The text of inline data; None where there are none, or what is no base64."""
    try:
        data = b64decode(attachment.get("data", ""), validate=True)
    except ValueError:
        return None
    return data.decode("utf-8", "replace").replace("\r\n", "\n") if data else None


def _number(written: JSON, dialect: Dialect) -> JSON:
    """TXA-12: the master identifier, else the first one, else the number of the record at this facility."""
    numbers = [written.get("masterIdentifier") or {}, *written.get("identifier", [])]
    own = {"system": LOCAL_AUTHORITY + dialect.sending_facility.partition("^")[0], "value": written.get("id", "")}
    return next((one for one in numbers if one.get("value")), own)


def _parent(written: JSON, resources: Sequence[JSON], dialect: Dialect) -> JSON | None:
    """TXA-13: the number of what it appends or replaces."""
    for related in written.get("relatesTo", []):
        target = related.get("target", {})
        if related.get("code") in _RELATED:
            at_hand = referred(resources, target)
            number: JSON | None = _number(at_hand, dialect) if at_hand is not None else target.get("identifier")
            return number or _number({"id": target.get("reference", "").rpartition("/")[2]}, dialect)
    return None


def _type(concept: JSON | None, dialect: Dialect) -> list[Component]:
    """TXA-2: a code of table 0270 alone before 2.7, and there with the code that it stands for."""
    codings = (concept or {}).get("coding", [])
    code = next((one["code"] for one in codings if one.get("system") == DOCUMENT_TYPE and one.get("code")), "")
    if not code:
        loincs = (str(one.get("code")) for one in codings if one.get("system") == LOINC)
        code = next((TYPE_OF_LOINC[loinc] for loinc in loincs if loinc in TYPE_OF_LOINC), "")
    if code not in DOCUMENT_TYPES:
        found = concept_cwe(concept) or ["", "Document"]
        return found if at_least(dialect.version, "2.7") else [found[0] or found[1]]
    if not at_least(dialect.version, "2.7"):
        return [code]
    words, loinc = DOCUMENT_TYPES[code]
    return [code, words, "HL70270", *((loinc, words, "LN") if loinc else ())]


def _codes(concept: JSON | None) -> list[str]:
    return [str(coding.get("code", "")) for coding in (concept or {}).get("coding", [])]


def _confidentiality(written: JSON) -> str:
    for label in written.get("securityLabel", []):
        for coding in label.get("coding", []):
            if coding.get("system") == CONFIDENTIALITY:
                return str(coding.get("code", ""))
    return ""


def _availability(written: JSON) -> str:
    status = str(written.get("status", "current"))
    if status == "current":
        return "UN" if written.get("docStatus") == "preliminary" else "AV"
    return {"superseded": "OB", "entered-in-error": "CA"}.get(status, "AV")


def _tell(change: Change, dialect: Dialect) -> str:
    written = change.document
    if change.kind == "delete":
        return "" if written.get("status") == "entered-in-error" else "MDM^T11"
    if "entered-in-error" in (written.get("status"), written.get("docStatus")):
        return "MDM^T11" if change.kind == "update" and change.status_before != "entered-in-error" else ""
    if written.get("status") == "superseded":
        return ""  # the message of its replacement tells of it
    if change.kind == "create":
        related = (_RELATED.get(one.get("code", "")) for one in written.get("relatesTo", []))
        name = next(filter(None, related), "MDM^T02")
    else:
        before = change.before or {}
        signed = written.get("docStatus") not in ("amended", before.get("docStatus"))
        name = "MDM^T04" if signed and written.get("content") == before.get("content") else "MDM^T08"
    kind, _, trigger = name.partition("^")
    inline = any(one.get("data") for one in _attachments(written))
    return name if inline else f"{kind}^{_CONTENTLESS[trigger]}"


EMITS: Final = {f"MDM^{trigger}": document for trigger in (*WITH_CONTENT, *WITH_CONTENT.values(), "T11")}
"""Message type and trigger to what writes it."""
TELLS: Final = {"DocumentReference": _tell}
"""Resource type to the message that tells of its change."""
