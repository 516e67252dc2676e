"""Imaging and cardiology: reports in prose, with a measured result where there is one."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import LOINC, category, concept, loinc, quantity, row
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import HOUR, instant_text


@dataclass(frozen=True, slots=True)
class Study:
    """A kind of study: LOINC code, LOINC part of its department, its name and what it found in a problem."""

    code: str
    department: str
    title: str
    findings: str
    normal: str


STUDIES: Final = {
    "chest": Study(
        "36643-5",
        "LP29684-5",
        "Chest, two views",
        "Patchy opacity in the right lower zone. Heart size normal. No effusion.",
        "Lungs clear, mildly hyperinflated. Heart size normal. No effusion.",
    ),
    "wrist": Study(
        "18748-4",
        "LP29684-5",
        "Right wrist, three views",
        "Fracture of the distal radius with little displacement. Ulna intact.",
        "No fracture.",
    ),
    "echo": Study(
        "42148-7",
        "LP29708-2",
        "Transthoracic echocardiogram",
        "Left atrium enlarged. Left ventricle of normal size. No thrombus seen.",
        "Normal chambers and valves.",
    ),
}
_BROKEN: Final = frozenset({"pneumonia", "wrist_fracture", "atrial_fibrillation"})
"""Areas in which the study shows something."""


def write_studies(draft: Draft) -> None:
    """Append a DiagnosticReport for every study, and the ejection fraction an echocardiogram measured."""
    for visit in draft.visits:
        if visit.contact is not None and visit.contact.study:
            _write(draft, visit, STUDIES[visit.contact.study])


def _write(draft: Draft, visit: Visit, study: Study) -> None:
    course = visit.course
    shown = study.findings if course is not None and course.area.name in _BROKEN else study.normal
    at = visit.at + min(HOUR, (visit.end - visit.at) / 2)
    issued = at + 2 * HOUR
    common: JSON = {
        "subject": draft.patient,
        "encounter": visit.reference,
        "effectiveDateTime": instant_text(draft.clip(at)),
        "issued": instant_text(draft.clip(issued)),
        "performer": [visit.practitioner],
    }
    report = _frame(study.code, study.department) | common
    if study.code == "42148-7":
        fraction = draft.stream("echo").between(46, 64)
        result = _ejection() | common | {"valueQuantity": quantity(fraction, "%")}
        report["result"] = [draft.add("Observation", "us-core-observation-clinical-result", issued, result)]
        shown = f"{shown} Ejection fraction {fraction} %."
    text = f"{study.title}\n\nFINDINGS: {shown}\n\nREASON: {visit.complaint}\n"
    data = text.encode()
    report["conclusion"] = shown
    report["presentedForm"] = [
        {
            "contentType": "text/plain",
            "data": b64encode(data).decode(),
            "size": len(data),
            "title": study.title,
            "creation": instant_text(draft.clip(issued)),
        }
    ]
    draft.add("DiagnosticReport", "us-core-diagnosticreport-note", issued, report)
    visit.resulted = max(visit.resulted, issued)
    visit.findings.append(f"{study.title}: {shown}")


@cache
def _frame(code: str, department: str) -> JSON:
    return {
        "status": "final",
        "category": [concept(LOINC, department, row("loinc", department)["display"])],
        "code": loinc(code),
    }


@cache
def _ejection() -> JSON:
    return {
        "status": "final",
        "category": category("observation-category", "imaging", "Imaging"),
        "code": loinc("10230-1"),
    }
