"""The text that the HAPI facade of eClinicalWorks generates for every resource. Sources: notes.md, All resources."""

from __future__ import annotations

import html
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import text_of

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ROWS: Final = (
    *("identifier", "status", "lifecycleStatus", "clinicalStatus", "verificationStatus", "category", "type", "code"),
    *("vaccineCode", "medicationCodeableConcept", "description", "valueQuantity", "valueString", "address"),
    *("birthDate", "onsetDateTime", "effectiveDateTime", "performedDateTime", "occurrenceDateTime", "authoredOn"),
    *("recordedDate", "date", "issued", "period", "start"),
)
_LABELS: Final = {"birthDate": "Date of birth", "medicationCodeableConcept": "Medication", "vaccineCode": "Vaccine"}


def narrate(made: JSON) -> JSON:
    """A `generated` text: who or what, and a table of what is known."""
    rows = [(_label(name), _shown(made[name])) for name in _ROWS if name in made]
    cells = "".join(
        f"<tr><td>{label}</td><td><span>{html.escape(shown, quote=False)}</span></td></tr>"
        for label, shown in rows
        if shown
    )
    table = f'<table class="hapiPropertyTable"><tbody>{cells}</tbody></table>'
    head = f'<div class="hapiHeaderText">{_heading(made)}</div>'
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{head}{table}</div>'}


def spoken_day(text: str) -> str:
    """`08 December 2022` of a date or dateTime; less precise ones as they are."""
    month = text[5:7]
    if len(text) < 10 or not month.isdigit() or not 1 <= int(month) <= 12:
        return text
    return f"{text[8:10]} {_MONTHS[int(month) - 1]} {text[:4]}"


def _heading(made: JSON) -> str:
    names = made.get("name")
    if isinstance(names, list) and names:
        given, family = " ".join(names[0].get("given", ())), str(names[0].get("family", "")).upper()
        return f"{html.escape(given, quote=False)} <b>{html.escape(family, quote=False)} </b>"
    shown = str(names or text_of(made.get("code")) or text_of(made.get("type")) or made["resourceType"])
    return html.escape(shown, quote=False)


def _label(name: str) -> str:
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name.removesuffix("DateTime"))
    return _LABELS.get(name) or words.capitalize()


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return _shown(value[-1]) if value else ""
    if isinstance(value, str):
        return spoken_day(value) if value[:4].isdigit() and value[4:5] == "-" else value
    if not isinstance(value, dict):
        return "" if value is None else str(value)
    if "start" in value or "end" in value:
        return " - ".join(spoken_day(str(value[end])) for end in ("start", "end") if end in value)
    if "line" in value or "city" in value:
        parts = (*value.get("line", ()), value.get("city", ""), value.get("state", ""), value.get("postalCode", ""))
        return " ".join(str(part) for part in parts if part)
    if "value" in value:
        return f"{value['value']} {value.get('unit', '')}".strip()
    return text_of(value)
