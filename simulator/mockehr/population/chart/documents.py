"""Clinical notes: prose drawn from the facts of the chart, as DocumentReferences with Binaries beside them."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from html import escape
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import US_CORE, coding, concept, loinc
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import HOUR, date_text, instant_text

DOCUMENT_NUMBERS: Final = "urn:oid:2.16.840.1.113883.19.5.98"
_ADMISSION: Final = "34117-2"
_PROGRESS: Final = "11506-3"
_DISCHARGE: Final = "18842-5"
_CONSULT: Final = "11488-4"
_TITLES: Final = {
    _ADMISSION: "History and physical",
    _PROGRESS: "Progress note",
    _DISCHARGE: "Discharge summary",
    _CONSULT: "Consult note",
}
_SIGNS: Final = (
    ("sbp", "BP {sbp:g}/{dbp:g} mmHg"),
    ("hr", "HR {hr:g}/min"),
    ("rr", "RR {rr:g}/min"),
    ("temperature", "T {temperature:.1f} °C"),
    ("spo2", "SpO2 {spo2:g} %"),
    ("weight", "weight {weight:.1f} kg"),
    ("bmi", "BMI {bmi:.1f}"),
)


def write_documents(draft: Draft) -> list[JSON]:
    """Append the notes and return references to them: H&P first, one a contact, a progress note last."""
    written = []
    latest = len(draft.visits) - 1
    for number, visit in enumerate(draft.visits):
        if number == 0:
            kind = _ADMISSION
        elif visit.setting == "inpatient":
            kind = _DISCHARGE
        elif visit.setting == "emergency" or number == latest:
            kind = _PROGRESS
        elif visit.contact is not None and visit.course is not None and visit.course.area.practice is not None:
            kind = _CONSULT
        else:
            continue
        written.append(_write_note(draft, visit, kind))
    return written


def _write_note(draft: Draft, visit: Visit, kind: str) -> JSON:
    signed = draft.clip(max(visit.end + HOUR, visit.resulted))  # with all results seen
    title = _TITLES[kind]
    parts = _sections(draft, visit)
    html = draft.stream("note", str(int(visit.at))).chance(0.4)
    text = _as_html(draft, visit, title, parts) if html else _as_text(draft, visit, title, parts)
    data = text.encode()
    content_type = "text/html" if html else "text/plain"
    coded = b64encode(data).decode()
    attachment: JSON = {"contentType": content_type}
    # a consult note came from elsewhere and was kept whole; the others lie beside their reference
    apart = kind != _CONSULT
    if apart:
        attachment["url"] = f"Binary/{draft.next_id(1)}"
    else:
        attachment["data"] = coded
    attachment |= {"size": len(data), "title": title, "creation": instant_text(signed)}
    id = draft.next_id()
    body: JSON = {
        "identifier": [{"system": DOCUMENT_NUMBERS, "value": id}],
        "status": "current",
        "docStatus": "final",
        "type": loinc(kind),
        "category": _category(),
        "subject": draft.patient,
        "date": instant_text(signed),
        "author": [visit.practitioner],
        "authenticator": visit.practitioner,
        "custodian": draft.organization,
        "content": [{"attachment": attachment, "format": _format()}],
        "context": {
            "encounter": [visit.reference],
            "period": {"start": instant_text(visit.at), "end": instant_text(visit.end)},
        },
    }
    reference = draft.add("DocumentReference", "us-core-documentreference", signed, body)
    if apart:
        security = {"securityContext": reference}
        draft.add("Binary", "", signed, {"contentType": content_type, **security, "data": coded})
    return reference


def _sections(draft: Draft, visit: Visit) -> list[tuple[str, str]]:
    """Headings and what stands under them."""
    active = [course for course in draft.courses if course.active(visit.at) and course.diagnosed <= visit.at]
    about = [visit.course] if visit.course is not None else active
    complaint = visit.complaint or " ".join(course.area.complaint for course in about if course.area.complaint)
    signs = "; ".join(words.format(**visit.vitals) for name, words in _SIGNS if name in visit.vitals)
    problems = [f"{course.condition['display']} since {date_text(course.onset)[:4]}" for course in active]
    advice = " ".join(course.area.advice for course in about if course.area.advice)
    age = int(draft.age(visit.at))
    years = f"{age}-year-old" if age >= 2 else f"{int(draft.age(visit.at) * 12)}-month-old"
    sex = {"female": ("girl", "woman"), "male": ("boy", "man")}[draft.subject.sex][age >= 18]
    return [
        ("HISTORY", f"{years} {sex}. {complaint or 'No complaints; here for a check-up.'}"),
        ("PROBLEMS", "; ".join(problems) or "None known."),
        ("EXAMINATION", signs or "Vital signs not taken."),
        ("RESULTS", "; ".join(visit.findings) or "Nothing out of range."),
        ("MEDICATION", "; ".join(visit.prescribed) or "No change."),
        ("PLAN", advice or f"Come back in {'a year' if age >= 2 else 'three months'}."),
    ]


def _header(draft: Draft, visit: Visit) -> str:
    subject = draft.subject
    called = " ".join((*subject.given[:1], subject.family))
    return f"{called}, born {subject.birth_date}, MRN {subject.mrn_number:08d}"


def _as_text(draft: Draft, visit: Visit, title: str, parts: list[tuple[str, str]]) -> str:
    lines = [title.upper(), _header(draft, visit), f"Date of service: {date_text(visit.at)}", ""]
    for heading, words in parts:
        lines += [f"{heading}:", words, ""]
    return "\n".join(lines)


def _as_html(draft: Draft, visit: Visit, title: str, parts: list[tuple[str, str]]) -> str:
    body = "".join(f"<h2>{heading.capitalize()}</h2><p>{escape(words)}</p>" for heading, words in parts)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>'
        f"<h1>{title}</h1><p>{escape(_header(draft, visit))}<br>Date of service: {date_text(visit.at)}</p>{body}"
        "</body></html>"
    )


@cache
def _category() -> list[JSON]:
    system = f"{US_CORE}CodeSystem/us-core-documentreference-category"
    return [concept(system, "clinical-note", "Clinical Note")]


@cache
def _format() -> JSON:
    system = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"
    return coding(system, "urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType Sufficient")
