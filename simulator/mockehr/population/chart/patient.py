"""The Patient: US Core 6.1.0 with race, ethnicity and birth sex."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import HL7, US_CORE, hl7
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.subject import coded
from mockehr.population.chart.times import YEAR, date_text

MRN_SYSTEM: Final = "urn:oid:2.16.840.1.113883.19.5"
_OMB: Final = "urn:oid:2.16.840.1.113883.6.238"
_UNKNOWN: Final = frozenset({"UNK", "ASKU"})
_MARITAL: Final = {
    "A": "Annulled",
    "D": "Divorced",
    "L": "Legally Separated",
    "M": "Married",
    "S": "Never Married",
    "T": "Domestic partner",
    "U": "unmarried",
    "W": "Widowed",
}
_LANGUAGES: Final = {"en": "English", "es": "Spanish", "zh": "Chinese", "vi": "Vietnamese", "fr": "French"}


@cache
def _category(part: str, code: str, display: str) -> JSON:
    system = HL7 + "v3-NullFlavor" if code in _UNKNOWN else _OMB
    shown = display or "Unknown"
    return {
        "url": f"{US_CORE}StructureDefinition/us-core-{part}",
        "extension": [
            {"url": "ombCategory", "valueCoding": {"system": system, "code": code, "display": shown}},
            {"url": "text", "valueString": shown},
        ],
    }


@cache
def _birth_sex(code: str) -> JSON:
    return {"url": f"{US_CORE}StructureDefinition/us-core-birthsex", "valueCode": code}


def _extensions(draft: Draft) -> list[JSON]:
    parts = []
    for part, answer in (("race", draft.subject.race), ("ethnicity", draft.subject.ethnicity)):
        code, display = coded(answer)
        parts.append(_category(part, code or "UNK", display))
    parts.append(_birth_sex("F" if draft.subject.sex == "female" else "M"))
    return parts


def _names(draft: Draft, registered: str) -> list[JSON]:
    subject = draft.subject
    names: list[JSON] = [
        {
            "use": "official",
            "text": " ".join((*subject.given, subject.family)),
            "family": subject.family,
            "given": list(subject.given),
            "period": {"start": registered},
        }
    ]
    if not subject.given:
        del names[0]["given"]
    if subject.preferred and (subject.preferred,) != subject.given[:1]:
        names.append({"use": "nickname", "given": [subject.preferred]})
    return names


def _telecom(draft: Draft) -> list[JSON]:
    subject = draft.subject
    points = (
        ("phone", subject.phone_home, "home"),
        ("phone", subject.phone_mobile, "mobile"),
        ("email", subject.email, "home"),
    )
    return [{"system": system, "value": value, "use": use} for system, value, use in points if value]


def _addresses(draft: Draft, registered: str) -> list[JSON]:
    subject = draft.subject
    address: JSON = {
        "use": "home",
        "type": "physical",
        "line": [subject.street],
        "city": subject.city,
        "district": subject.district,
        "state": subject.state,
        "postalCode": subject.postcode,
        "country": "US",
        "period": {"start": registered},
    }
    return [{key: value for key, value in address.items() if value}]


@cache
def _communication(code: str, display: str) -> list[JSON]:
    shown = display or _LANGUAGES.get(code[:2], code)
    coding = {"system": "urn:ietf:bcp:47", "code": code, "display": shown}
    return [{"language": {"coding": [coding], "text": shown}, "preferred": True}]


@cache
def _mrn_type() -> JSON:
    return hl7("v2-0203", "MR", "Medical record number")


def write_patient(draft: Draft, registered: float) -> None:
    """Append the Patient, registered at `registered` (seconds since 1970)."""
    subject = draft.subject
    since = date_text(registered)
    moved = date_text(max(draft.born, registered - YEAR))
    language, shown = coded(subject.language)
    marital, marital_shown = coded(subject.marital)
    identifier: JSON = {
        "use": "usual",
        "type": _mrn_type(),
        "system": MRN_SYSTEM,
        "value": f"{subject.mrn_number:08d}",
        "period": {"start": since},
    }
    body: dict[str, Any] = {
        "extension": _extensions(draft),
        "identifier": [identifier],
        "active": draft.alive,
        "name": _names(draft, since),
        "telecom": _telecom(draft),
        "gender": subject.sex,
        "birthDate": subject.birth_date,
        "address": _addresses(draft, moved),
    }
    if not body["telecom"]:
        del body["telecom"]
    if subject.deceased:
        body["deceasedDateTime"] = subject.deceased
    if marital:
        system = "v3-NullFlavor" if marital in _UNKNOWN else "v3-MaritalStatus"
        body["maritalStatus"] = hl7(system, marital, marital_shown or _MARITAL.get(marital, ""))
    if language:
        body["communication"] = _communication(language, shown)
    body["generalPractitioner"] = [draft.staff.reference("Practitioner", subject.general_practitioner)]
    body["managingOrganization"] = draft.organization
    draft.add("Patient", "us-core-patient", registered, body)
