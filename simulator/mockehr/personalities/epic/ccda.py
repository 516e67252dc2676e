"""A small C-CDA (R2.1) of a patient's chart, as Epic makes it when its Binary is read. Sources: notes.md.

Sections with tables and no entries: what a client's reader must get through, not what a registry would take.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, text_of
from mockehr.personalities.epic.look import Look
from mockehr.personalities.people import main_name

_TEMPLATES: Final = ("2.16.840.1.113883.10.20.22.1.1", "2.16.840.1.113883.10.20.22.1.2")
"""US Realm Header and Continuity of Care Document (C-CDA R2.1, volume 2)."""
_SECTIONS: Final = (
    ("AllergyIntolerance", "2.16.840.1.113883.10.20.22.2.6.1", "48765-2", "Allergies", ("Allergen", "Status")),
    ("MedicationRequest", "2.16.840.1.113883.10.20.22.2.1.1", "10160-0", "Medications", ("Medication", "Status")),
    ("Condition", "2.16.840.1.113883.10.20.22.2.5.1", "11450-4", "Problem List", ("Problem", "Status")),
    ("Immunization", "2.16.840.1.113883.10.20.22.2.2.1", "11369-6", "Immunizations", ("Vaccine", "Status")),
)
_GENDERS: Final = {"male": "M", "female": "F"}
_LOINC: Final = 'codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC"'


def ccda(title: str, loinc: str, number: str, at: str, clean: JSON, look: Look) -> str:
    """The document's XML: about the whole chart, or (`clean` is an Encounter) about one stay."""
    people = look.dresser.all_of("Patient")
    patient = people[0] if people else {"resourceType": "Patient", "id": ""}
    stay = f"Encounter/{clean['id']}" if clean["resourceType"] == "Encounter" else ""
    sections = [_section(look, stay, *told) for told in _SECTIONS]
    templates = "".join(f'<templateId root="{one}" extension="2015-08-01"/>' for one in _TEMPLATES)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc">'
        '<realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        f'{templates}<id root="{number.removeprefix("urn:oid:")}"/>'
        f'<code code="{loinc}" {_LOINC}/><title>{escape(title)}</title>'
        f'<effectiveTime value="{_digits(at)}"/><confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>'
        f'<languageCode code="en-US"/>{_subject(patient, look)}{_author(at, look)}'
        f"<component><structuredBody>{''.join(sections)}{_performance()}</structuredBody></component>"
        "</ClinicalDocument>"
    )


def _subject(patient: JSON, look: Look) -> str:
    name = main_name(patient)
    given = "".join(f"<given>{escape(str(one))}</given>" for one in name.get("given", ()))
    gender = _GENDERS.get(str(patient.get("gender", "")), "UN")
    born = _digits(str(patient.get("birthDate", "")))
    mrn = next((str(one.get("value", "")) for one in patient.get("identifier", ())), "")
    return (
        f'<recordTarget><patientRole><id root="{look.root}.5.737384.14" extension="{escape(mrn, quote=True)}"/>'
        f"<patient><name>{given}<family>{escape(str(name.get('family', '')))}</family></name>"
        f'<administrativeGenderCode code="{gender}" codeSystem="2.16.840.1.113883.5.1"/>'
        f'<birthTime value="{born}"/></patient></patientRole></recordTarget>'
    )


def _author(at: str, look: Look) -> str:
    house = escape(look.house())
    organization = f'<id root="{look.root}.3.688884.100"/><name>{house}</name>'
    return (
        f'<author><time value="{_digits(at)}"/><assignedAuthor><id nullFlavor="NA"/><assignedAuthoringDevice>'
        "<manufacturerModelName>Epic</manufacturerModelName><softwareName>Epic</softwareName>"
        f"</assignedAuthoringDevice><representedOrganization>{organization}</representedOrganization>"
        "</assignedAuthor></author><custodian><assignedCustodian><representedCustodianOrganization>"
        f"{organization}</representedCustodianOrganization></assignedCustodian></custodian>"
    )


def _section(look: Look, stay: str, kind: str, template: str, loinc: str, title: str, heads: Sequence[str]) -> str:
    rows = []
    for one in look.dresser.all_of(kind):
        if stay and one.get("encounter", {}).get("reference") != stay:
            continue
        what = one.get("code") or one.get("vaccineCode") or one.get("medicationCodeableConcept")
        what = text_of(what) or str(one.get("medicationReference", {}).get("display", ""))
        rows.append((what, code_in(one.get("clinicalStatus")) or str(one.get("status", ""))))
    body = _table(heads, rows) if rows else "Not on file"
    return (
        f'<component><section><templateId root="{template}" extension="2015-08-01"/>'
        f'<code code="{loinc}" {_LOINC}/><title>{title}</title><text>{body}</text></section></component>'
    )


def _performance() -> str:
    """What Epic adds about the making of the document."""
    body = _table(("Measure", "Value"), [("Generated", "on request")])
    return f"<component><section><title>Performance Information</title><text>{body}</text></section></component>"


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _digits(at: str) -> str:
    """A dateTime as HL7 writes it; to the second, in UTC."""
    plain = at[:19].replace("-", "").replace(":", "").replace("T", "")
    return f"{plain}+0000" if len(plain) == 14 else plain
