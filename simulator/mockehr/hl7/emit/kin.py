"""RelatedPersons, and contacts of the Patient, as NK1 and GT1."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.emit.fields import address_xad, name_xpn, telecom_xtn
from mockehr.hl7.emit.outline import Outline
from mockehr.hl7.terms import ROLE_CLASS, ROLE_CODE, SEX, system_of
from mockehr.hl7.write import Component, Field, Repeat

_KIN: Final = MappingProxyType(
    {"SPS": "SPO", "HUSB": "SPO", "WIFE": "SPO", "MTH": "MTH", "NMTH": "MTH", "FTH": "FTH", "NFTH": "FTH",
     "CHILD": "CHD", "SON": "SON", "SONC": "SON", "DAU": "DAU", "DAUC": "DAU", "SIB": "SIB", "BRO": "BRO",
     "SIS": "SIS", "PRN": "PAR", "GRPRN": "GRP", "GUARD": "GRD", "FRND": "FND", "DOMPART": "DOM", "EXT": "EXF",
     "NCHILD": "NCH", "STPCHLD": "SCH", "CHLDFOST": "FCH", "GRNDCHILD": "GCH", "WARD": "WRD", "SIGOTHR": "LIP",
     "NBOR": "NBR", "ECON": "EME", "CAREGIVER": "CGV", "DEPEN": "DEP", "EMPLOYER": "EMR"}
)  # fmt: skip
"""v3-RoleCode to table 0063."""
_RELATED: Final = "http://hl7.org/fhir/StructureDefinition/patient-relatedPerson"
_ROLES: Final = frozenset({"C", "E", "F", "I", "N", "S", "U"})
"""Table 0131, which Patient.contact's own code system repeats."""


def add_kin(outline: Outline, patient: JSON, resources: Sequence[JSON]) -> None:
    """Add NK1 for each active RelatedPerson who does not pay, then for each contact who is none of these."""
    people = [one for one in _related(patient, resources) if not _pays(one)]
    known = {_called(one.get("name", [])[:1]) for one in people}
    records = {f"RelatedPerson/{one.get('id', '')}" for one in people}
    contacts = [_listed(one) for one in patient.get("contact", []) if _record_of(one) not in records]
    others = [one for one in contacts if _called(one["name"]) not in known]
    for number, person in enumerate(people + others, 1):
        period = person.get("period", {})
        fields: dict[int, Field] = {
            1: str(number),
            3: _relation(person, outline),
            7: _role(person),
            8: outline.time(period.get("start", ""))[:8],
            9: outline.time(period.get("end", ""))[:8],
            15: SEX.get(person.get("gender", ""), ""),
            16: outline.time(person.get("birthDate", "")),
            **_person(person, outline, 2, 4, 5, 6),
        }
        organization = person.get("organization", {}).get("display", "")
        if organization:
            fields[13] = [organization]
        outline.add("NK1", fields)


def add_guarantors(outline: Outline, patient: JSON, resources: Sequence[JSON]) -> None:
    """Add GT1 for each active RelatedPerson who pays."""
    for number, person in enumerate((one for one in _related(patient, resources) if _pays(one)), 1):
        period = person.get("period", {})
        outline.add(
            "GT1",
            {
                1: str(number),
                8: outline.time(person.get("birthDate", "")),
                9: SEX.get(person.get("gender", ""), ""),
                11: _relation(person, outline),
                13: outline.time(period.get("start", ""))[:8],
                14: outline.time(period.get("end", ""))[:8],
                **_person(person, outline, 3, 5, 6, 7),
            },
        )


def _record_of(contact: JSON) -> str:
    """The RelatedPerson that a contact says it is (extension patient-relatedPerson); empty if it does not say."""
    told = (one for one in contact.get("extension", []) if one.get("url") == _RELATED)
    return next((str(one.get("valueReference", {}).get("reference", "")) for one in told), "")


def _listed(contact: JSON) -> JSON:
    """A contact in the form of a RelatedPerson."""
    return {**contact, **{part: [contact[part]] if contact.get(part) else [] for part in ("name", "address")}}


def _related(patient: JSON, resources: Sequence[JSON]) -> list[JSON]:
    mine = f"Patient/{patient.get('id', '')}"
    return [
        one
        for one in resources
        if one.get("resourceType") == "RelatedPerson"
        and one.get("active") is not False
        and str(one.get("patient", {}).get("reference", "")).endswith(mine)
        and one.get("name")
    ]


def _person(person: JSON, outline: Outline, name: int, place: int, home: int, work: int) -> dict[int, Field]:
    dialect = outline.dialect
    points = [one for one in person.get("telecom", []) if one.get("value")]
    return {
        name: Repeat(name_xpn(one, dialect) for one in person.get("name", [])[:1]),
        place: Repeat(address_xad(one, dialect) for one in person.get("address", [])),
        home: Repeat(telecom_xtn(one, dialect) for one in points if one.get("use") != "work"),
        work: Repeat(telecom_xtn(one, dialect) for one in points if one.get("use") == "work"),
    }


def _relation(person: JSON, outline: Outline) -> list[Component]:
    """Table 0063; a word alone where the code means nothing there."""
    for kind in person.get("relationship", []):
        for coding in kind.get("coding", []):
            system, code = coding.get("system", ""), str(coding.get("code", ""))
            if system == ROLE_CODE and code in _KIN:
                return [_KIN[code], coding.get("display") or kind.get("text", ""), "HL70063"]
            if system == system_of("HL70063"):
                return [code, coding.get("display") or kind.get("text", ""), "HL70063"]
        if kind.get("text") and not kind.get("coding"):
            return ["", kind["text"]]
    return []


def _role(person: JSON) -> list[Component]:
    for kind in person.get("relationship", []):
        for coding in kind.get("coding", []):
            if coding.get("system") == system_of("HL70131") and coding.get("code") in _ROLES:
                return [coding["code"], coding.get("display", ""), "HL70131"]
    return []


def _pays(person: JSON) -> bool:
    return any(
        coding.get("system") == ROLE_CLASS and coding.get("code") == "GUAR"
        for kind in person.get("relationship", [])
        for coding in kind.get("coding", [])
    )


def _called(names: list[JSON]) -> tuple[str, str]:
    for name in names:
        return name.get("family", "").casefold(), " ".join(name.get("given", [])[:1]).casefold()
    return "", ""
