"""Epic's observations, reports and documents. Sources: notes.md, under each name."""

from __future__ import annotations

import base64
import html
import re
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import (
    add_display,
    code_in,
    codes_of,
    coding,
    codings,
    concept,
    drop,
    text_of,
    with_text,
)
from mockehr.personalities.dates import moment
from mockehr.personalities.epic.look import EPIC, EPIC_EXTENSION, ORDER, Look
from mockehr.personalities.epic.orders import order_of
from mockehr.personalities.inline import linked

_LOINC: Final = "http://loinc.org"
_FLOWSHEET_STANDARD: Final = "urn:oid:1.2.246.537.6.96"
_LAB: Final = "10.798268.30"
_UCUM: Final = "http://unitsofmeasure.org"
_FAHRENHEIT: Final = "http://open.epic.com/FHIR/STU3/StructureDefinition/temperature-in-fahrenheit"
"""An STU3 URL, on R4 too."""
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_ATTESTER: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.attester"
_PLACER: Final = (("PLAC", "Placer Identifier"), ("FILL", "Filler Identifier"))
_CATEGORIES: Final = {"vital-signs": "Vital Signs", "laboratory": "Laboratory", "social-history": "Social History",
                      "survey": "Survey", "sdoh": "SDOH", "LAB": "Laboratory", "RAD": "Radiology",
                      "clinical-note": "Clinical Note"}  # fmt: skip
_FORMAT: Final = {
    "system": "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem",
    "code": "urn:ihe:iti:xds:2017:mimeTypeSufficient",
    "display": "mimeType Sufficient",
}
_NO_PATIENT: Final = "no disclosure to patient, family or caregivers without attending provider's authorization"
_NOTES: Final = frozenset({"text/plain", "text/html"})
_VITAL_EXTRA: Final = {
    "85354-9": [("55284-4", "Blood pressure systolic and diastolic"),
                ("85354-9", "Blood pressure panel with all children optional"), ("8716-3", "Vital signs")],
}  # fmt: skip


def shape_observation(made: JSON, clean: JSON, look: Look) -> JSON:
    """Flowsheet rows for vital signs, result components for the laboratory; social history and the rest in plain."""
    for category in made.get("category", ()):
        for one in codings(category):
            code = str(one.get("code", ""))
            one["display"] = _CATEGORIES.get(code) or one.get("display") or code.title()
        category["text"] = text_of({"coding": category.get("coding", ())})
    kinds = codes_of(made.get("category"))
    if "vital-signs" in kinds:
        _vital(made, look)
    elif "laboratory" in kinds:
        _laboratory(made, clean, look)
    with_text(made.get("code", {}))
    for component in made.get("component", ()):
        with_text(component.get("code", {}))
    for interpretation in made.get("interpretation", ()):
        add_display(interpretation, {"H": "High", "L": "Low", "N": "Normal", "A": "Abnormal"})
        drop(interpretation, "text")
    recorded = look.dresser.recorded(clean)
    if len(recorded) > 10:
        made.setdefault("issued", moment(recorded, "seconds"))
    drop(made, "identifier")
    _told_twice(made, look)
    return made


def _told_twice(made: JSON, look: Look) -> None:
    """The time and the temperature once more as extensions, where the site does that."""
    told, quantity = look.tables["observation_extensions"], made.get("valueQuantity", {})
    found = []
    if "observation-datetime" in told and isinstance(made.get("effectiveDateTime"), str):
        found.append({"valueDateTime": made["effectiveDateTime"], "url": EPIC_EXTENSION + "observation-datetime"})
    value = quantity.get("value")
    if "temperature-in-fahrenheit" in told and quantity.get("code") == "Cel" and isinstance(value, (int, float)):
        degrees = {"value": round(value * 1.8 + 32, 1), "unit": "degF", "system": _UCUM, "code": "[degF]"}
        found.append({"valueQuantity": degrees, "url": _FAHRENHEIT})
    if found:
        made["extension"] = [*made.get("extension", ()), *found]


def _vital(made: JSON, look: Look) -> None:
    code = made.get("code", {})
    loinc = code_in(code, _LOINC)
    text = text_of(code)
    rows = look.tables["flowsheet_rows"]
    row, name = rows.get(loinc) or (look.local_code(loinc or text, "flowsheet", 5), text)
    parts = [code_in(part.get("code"), _LOINC) for part in made.get("component", ())] or [loinc]
    standard = [coding(_FLOWSHEET_STANDARD, part) for part in sorted(filter(None, parts))]
    extra = _VITAL_EXTRA.get(loinc, [(loinc, text), ("8716-3", "Vital signs")])
    made["code"] = {
        "coding": [
            coding(look.oid("2.707679"), row, name),
            coding(EPIC + "observation-flowsheet-id", _row_id(row, look), name),
            *standard,
            *(coding(_LOINC, *pair) for pair in extra if pair[0]),
        ],
        "text": name,
    }
    template = {"system": look.oid("2.707684"), "value": look.local_code("vitals", "template", 5)}
    made["extension"] = [{"valueIdentifier": template, "url": EPIC_EXTENSION + "template-id"}]
    drop(made, "referenceRange", "method", "bodySite")


def _row_id(row: str, look: Look) -> str:
    """The FHIR id of a flowsheet row: `t…0`, 24 characters."""
    octets = look.dresser.facts.key("epic", "row", row)[:17]
    return "t" + base64.b64encode(octets, altchars=b".-").decode()[:22] + "0"


def _laboratory(made: JSON, clean: JSON, look: Look) -> None:
    made["category"].append({"coding": [coding(look.oid(_LAB), "Lab")], "text": "Lab"})
    code = made.get("code", {})
    text = text_of(code)
    local = coding(look.oid("2.768282"), look.local_code(code_in(code) or text, "component", 7), text.upper())
    made["code"] = {"coding": [*codings(code), local], "text": text}
    if look.tables["lab_reference_range"] == "text":
        ranges = [_range_text(one) for one in made.get("referenceRange", ())]
        if any(ranges):
            made["referenceRange"] = [{"text": text} for text in ranges if text]
    dice = look.dresser.stream("epic", "unitless", str(clean.get("id", "")))
    if "value" in made.get("valueQuantity", {}) and dice.chance(look.tables["unitless_share"]):
        made["valueQuantity"] = {"value": made["valueQuantity"]["value"]}
    drop(made, "performer")
    reference = f"Observation/{clean.get('id')}"
    for report in look.dresser.all_of("DiagnosticReport"):
        if "basedOn" not in made and any(one.get("reference") == reference for one in report.get("result", ())):
            order = order_of(report, look)
            if order is not None:
                made["basedOn"] = [order]


def _range_text(told: JSON) -> str:
    low, high = told.get("low", {}), told.get("high", {})
    unit = str(high.get("unit") or low.get("unit") or "")
    if low and high:
        text = f"{low.get('value')} - {high.get('value')} {unit}"
    elif high:
        text = f"<={high.get('value')} {unit}"
    else:
        text = f">={low.get('value')} {unit}" if low else str(told.get("text", ""))
    return text.strip()


def shape_report(made: JSON, clean: JSON, look: Look) -> JSON:
    """Placer and filler numbers, Epic's category first, results by name."""
    number = look.number(clean, "order")
    systems = (look.oid(ORDER), "https://open.epic.com/FHIR/0/order-accession-number/Beaker")
    values = (number, f"{number[:2]}H-{number[-3:]}C{number[2:6]}")
    order = order_of(clean, look)
    if order is not None:
        made["basedOn"] = [order]
    made["identifier"] = [
        {"use": "official", "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", *kind),
         "system": system, "value": value}
        for kind, system, value in zip(_PLACER, systems, values, strict=True)
    ]  # fmt: skip
    categories = [with_text(add_display(one, _CATEGORIES)) for one in made.get("category", ())]
    if "LAB" in codes_of(categories):
        local = {"coding": [coding(look.oid(_LAB), "Lab")], "text": "Lab"}
        made["category"] = [local, *categories]
    with_text(made.get("code", {}))
    recorded = look.dresser.recorded(clean)
    if len(recorded) > 10:
        made.setdefault("issued", moment(recorded, "seconds"))
    period = made.get("effectivePeriod")
    if isinstance(period, dict) and period.get("start"):
        made["effectiveDateTime"] = period["start"]
        drop(made, "effectivePeriod")
    for form in made.get("presentedForm", ()):
        if "data" in form:
            form["contentType"] = _shown_as(str(form.get("contentType", "text/plain")))
            form["url"] = look.dresser.refer(linked(form, clean))
        drop(form, "data", "size", "hash", "creation")
    drop(made, "resultsInterpreter", "specimen")
    return made


def shape_document(made: JSON, clean: JSON, look: Look) -> JSON:
    """A note: Epic's note type, HTML and RTF by URL, author's profession; a scanned paper: no content to speak of."""
    number = look.number(clean, "document")
    kinds = codes_of(made.get("category")) | codes_of(made.get("type"))
    if "clinical-note" not in kinds:
        return _scanned(made, number, look)
    made["identifier"] = [
        {"system": look.oid("2.727879"), "value": number},
        {"system": "urn:oid:1.2.840.114350.1.72.3.15", "value": f"{look.root}.2.727879_{number}"},
    ]
    made["type"] = _note_type(made.get("type", {}), look)
    for category in made.get("category", ()):
        with_text(add_display(category, _CATEGORIES))
    made.setdefault("docStatus", "final")
    made["custodian"] = {
        "identifier": {"system": "urn:ietf:rfc:3986", "value": look.oid("3.688884.100")},
        "display": look.house(),
    }
    made["content"] = _contents(made.get("content", []), clean, look)
    _note_context(made, look)
    if look.dresser.stream("epic", "withheld", str(clean.get("id", ""))).chance(look.tables["withheld_share"]):
        made["securityLabel"] = [concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "NOPAT", _NO_PATIENT)]
    _attest(made, look)
    drop(made, "description", "masterIdentifier")
    return made


def _scanned(made: JSON, number: str, look: Look) -> JSON:
    text = text_of(made.get("type")) or "Document"
    made["identifier"] = [look.identifier("2.686783", number)]
    local = look.local_code(code_in(made.get("type")) or text, "document", 5)
    made["type"] = concept(look.oid("4.686783.100"), local, text)
    made["category"] = [concept(EPIC + "documentreference-category", "document-information", "Document Information")]
    made.setdefault("docStatus", "final")
    made["custodian"] = {"display": look.house()}
    made["content"] = [{"attachment": {"extension": [{"valueCode": "not-applicable", "url": _ABSENT}]}}]
    if isinstance(made.get("context"), dict):
        drop(made["context"], "period", "practiceSetting", "facilityType")
    drop(made, "date", "author", "authenticator", "description", "masterIdentifier")
    return made


def _note_type(kind: JSON, look: Look) -> JSON:
    loinc = code_in(kind, _LOINC)
    text = text_of(kind)
    code, name = look.tables["note_types"].get(loinc) or (look.local_code(loinc or text, "note", 5), text)
    found = [
        coding(look.oid("4.737880.5010"), code, name),
        coding("urn:oid:1.2.840.114350.1.72.727879.69848980", code, name),
    ]
    found += [{**one, "userSelected": True} for one in codings(kind) if one.get("system") == _LOINC]
    return {"coding": found, "text": name}


def _contents(contents: list[JSON], clean: JSON, look: Look) -> list[JSON]:
    """Each text twice, as HTML and as RTF, by relative URL and without data; other media once."""
    made: list[JSON] = []
    for told, original in zip(contents, clean.get("content", []), strict=False):
        attachment = told.get("attachment", {})
        media = str(attachment.get("contentType", "text/plain")).partition(";")[0]
        binary = linked(original.get("attachment", {}), clean)
        found = [(_shown_as(media), look.dresser.refer(binary) if binary else str(attachment.get("url", "")))]
        if binary and media in _NOTES:
            found.append(("text/rtf", _rtf_url(binary, look)))
        for kind, where in found:
            link = {"contentType": kind, "url": where} if where else {"contentType": kind}
            made.append({"attachment": link, "format": dict(_FORMAT)})
    return made


def _shown_as(media: str) -> str:
    """The media type under which a Binary of that type is served."""
    return "text/html" if media.partition(";")[0] in _NOTES else media


def _rtf_url(clean: str, look: Look) -> str:
    binary = {"resourceType": "Binary", "id": clean.partition("/")[2]}
    return f"Binary/{look.dresser.id_of(binary, 'rtf')}"


def _note_context(made: JSON, look: Look) -> None:
    context: dict[str, Any] = made.setdefault("context", {})
    profession = concept(look.oid("4.836982.1040"), "1", "Physician")
    url = EPIC_EXTENSION + "clinical-note-author-provider-type"
    extension = {"extension": [{"valueCodeableConcept": profession, "url": url}]}
    loinc = next((one["code"] for one in codings(made["type"]) if one.get("system") == _LOINC), "")
    if loinc in look.tables["note_services"]:
        service = concept(look.oid("4.696784.34886"), *look.tables["note_services"][loinc])
        url = EPIC_EXTENSION + "clinical-note-service"
        extension["extension"].append({"valueCodeableConcept": service, "url": url})
    period = context.get("period")
    if isinstance(period, dict):
        context["period"] = {"start": period["start"]} if "start" in period else period
    drop(context, "facilityType", "event", "sourcePatientInfo")
    made["context"] = {**extension, **context}


def _attest(made: JSON, look: Look) -> None:
    """A signed note names who signed it and when, once in R4's element and once in R5's extension."""
    author = next((one for one in made.get("author", ()) if "reference" in one), None)
    if author is None or made.get("docStatus") != "final" or not made.get("date"):
        return
    at = str(made["date"])
    signed = {"valueDateTime": at, "url": EPIC_EXTENSION + "clinical-note-authentication-instant"}
    made["authenticator"] = {"extension": [signed], **author}
    mode = concept("urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.72072", "1", "Sign")
    party = {name: author[name] for name in ("reference", "display") if name in author}
    parts: list[JSON] = [
        {"valueCodeableConcept": mode, "url": "mode"},
        {"valueDateTime": at, "url": "time"},
        {"valueReference": party, "url": "party"},
    ]
    made["extension"] = [{"extension": parts, "url": _ATTESTER}]


def shape_binary(made: JSON, clean: JSON, flavour: str | None) -> JSON:
    """The text of a note as HTML, or as RTF under its RTF id; anything else as it is."""
    if not is_note(clean) or "data" not in clean:
        return made
    text = base64.b64decode(clean["data"]).decode("utf-8", "replace")
    marked = str(clean["contentType"]).startswith("text/html")
    if flavour == "rtf":
        body, made["contentType"] = _rtf(_plain(text) if marked else text), "text/rtf"
    else:
        body, made["contentType"] = text if marked else _html(text), "text/html"
    made["data"] = base64.b64encode(body.encode()).decode()
    return made


def is_note(clean: JSON) -> bool:
    """Whether a Binary is text that is also served as RTF."""
    return str(clean.get("contentType", "")).partition(";")[0] in _NOTES


_BREAK: Final = re.compile(r"<(?:br|/p|/h[1-6]|/li|/tr|/title)\b[^>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")


def _plain(marked: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", marked))).strip()


def _html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<div>{escaped.replace(chr(10), '<br/>')}</div>"


def _rtf(text: str) -> str:
    made = []
    for letter in text:
        if letter in "\\{}":
            made.append("\\" + letter)
        elif letter == "\n":
            made.append("\\par\n")
        elif ord(letter) < 128:
            made.append(letter)
        else:
            octets = letter.encode("utf-16-le")
            units = (octets[place] | octets[place + 1] << 8 for place in range(0, len(octets), 2))
            made.extend(f"\\u{unit - 65536 if unit > 32767 else unit}?" for unit in units)
    return "{\\rtf1\\ansi " + "".join(made) + "}"
