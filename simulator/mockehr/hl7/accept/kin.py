"""NK1 as a contact of the Patient and a RelatedPerson, GT1 as a RelatedPerson who pays."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import address, concept, human_name, telecom, when
from mockehr.hl7.accept.intents import Context, Listing, reference
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment
from mockehr.hl7.terms import GENDER, ROLE_CLASS, ROLE_CODE, system_of

_RELATIONSHIP: Final = MappingProxyType(
    {"SPO": "SPS", "MTH": "MTH", "FTH": "FTH", "CHD": "CHILD", "SON": "SON", "DAU": "DAU", "SIB": "SIB", "BRO": "BRO",
     "SIS": "SIS", "PAR": "PRN", "GRP": "GRPRN", "GRD": "GUARD", "FND": "FRND", "DOM": "DOMPART", "EXF": "EXT",
     "NCH": "NCHILD", "SCH": "STPCHLD", "FCH": "CHLDFOST", "GCH": "GRNDCHILD", "WRD": "WARD", "LIP": "SIGOTHR",
     "NBR": "NBOR", "EME": "ECON", "CGV": "CAREGIVER", "DEP": "DEPEN", "EMR": "EMPLOYER"}
)  # fmt: skip
"""Table 0063 (user-defined, with the values that the standard suggests) to v3-RoleCode; the rest stays table 0063."""
KIN_CODE: Final = MappingProxyType({code: letters for letters, code in _RELATIONSHIP.items()})
"""v3-RoleCode to table 0063."""
_CONTACT: Final = MappingProxyType({"E": "C", "F": "F", "I": "I", "N": "N", "S": "S", "C": "C", "U": "U"})


def contacts(message: Message, context: Context) -> list[JSON] | None:
    """Patient.contact from all NK1; None if there are none, nothing if the list is told to be empty."""
    segments = message.all("NK1")
    if not segments:
        return None
    found = []
    for nk1 in segments:
        one: JSON = {}
        person = _person(nk1, (2,), (4,), ((5, "home"), (6, "work")))
        related = _relations(nk1, 3)
        if "name" not in person and not nk1.has(13):
            continue
        if related:
            one["relationship"] = related
        one |= {name: value[0] if name in ("name", "address") else value for name, value in person.items()}
        if nk1.has(15):
            one["gender"] = GENDER.get(nk1.text(15, 1, 1).upper(), "unknown")
        if nk1.has(13):
            one["organization"] = {"display": nk1.text(13, 1, 1)}
        found.append(one)
    return found


def kin(message: Message, context: Context, patient: str = "patient") -> list[Listing]:
    """RelatedPersons from all NK1, and the guarantors from all GT1 that are not the patient."""
    found = []
    relatives, payers = message.all("NK1"), message.all("GT1")
    if relatives:
        people = [one for one in (_relative(nk1, context, patient) for nk1 in relatives) if one]
        found.append(_listing("kin", people, patient, context, guarantors=False))
    if payers:
        people = [one for one in (_guarantor(gt1, context, patient) for gt1 in payers) if one]
        found.append(_listing("guarantor", people, patient, context, guarantors=True))
    return found


def is_guarantor(person: JSON) -> bool:
    """True if a RelatedPerson is one who pays."""
    return any(
        coding.get("system") == ROLE_CLASS and coding.get("code") == "GUAR"
        for kind in person.get("relationship", [])
        for coding in kind.get("coding", [])
    )


def _listing(key: str, people: list[JSON], patient: str, context: Context, *, guarantors: bool) -> Listing:
    def within(person: JSON) -> bool:
        return is_guarantor(person) is guarantors

    def same(stored: JSON, told: JSON) -> bool:
        return is_guarantor(stored) is guarantors and _called(stored) == _called(told)

    retired = _inactive if context.dialect.lists == "snapshot" else None
    return Listing("RelatedPerson", patient, tuple(people), same, _merged, within, retired, key)


def _relative(nk1: Segment, context: Context, patient: str) -> JSON | None:
    person = _person(nk1, (2, 30), (4, 32), ((5, "home"), (6, "work"), (31, "home")))
    if "name" not in person:
        return None
    related = _relations(nk1, 3) + _contact_role(nk1)
    if related:
        person["relationship"] = related
    if nk1.has(15):
        person["gender"] = GENDER.get(nk1.text(15, 1, 1).upper(), "unknown")
    _dates(person, nk1, context, birth=16, start=8, end=9)
    return {"active": True, "patient": reference(patient), **person}


def _guarantor(gt1: Segment, context: Context, patient: str) -> JSON | None:
    person = _person(gt1, (3,), (5,), ((6, "home"), (7, "work")))
    if "name" not in person or gt1.text(11, 1, 1).upper() in ("SEL", "SELF", "S"):
        return None
    person["relationship"] = [{"coding": [{"system": ROLE_CLASS, "code": "GUAR"}]}, *_relations(gt1, 11)]
    if gt1.has(9):
        person["gender"] = GENDER.get(gt1.text(9, 1, 1).upper(), "unknown")
    _dates(person, gt1, context, birth=8, start=13, end=14)
    return {"active": True, "patient": reference(patient), **person}


def _person(
    segment: Segment, names: tuple[int, ...], places: tuple[int, ...], phones: tuple[tuple[int, str], ...]
) -> JSON:
    found: JSON = {}
    named = [one for field in names for one in map(human_name, segment.repetitions(field)) if one]
    if named:
        found["name"] = named[:1]
    lived = [one for field in places for one in map(address, segment.repetitions(field)) if one]
    if lived:
        found["address"] = lived
    points = [one for field, use in phones for item in segment.repetitions(field) if (one := telecom(item, use))]
    if points:
        found["telecom"] = points
    return found


def _relations(segment: Segment, field: int) -> list[JSON]:
    found = concept(segment.repetitions(field)[0]) if segment.has(field) else None
    if not found:
        return []
    for coding in found.get("coding", [])[:1]:
        known = _RELATIONSHIP.get(coding["code"].upper())
        if known:
            coding |= {"system": ROLE_CODE, "code": known}
        elif "system" not in coding:
            coding["system"] = system_of("HL70063")
    return [found]


def _contact_role(nk1: Segment) -> list[JSON]:
    """NK1-7 by table 0131: emergency contact, next of kin."""
    code = nk1.text(7, 1, 1).upper() if nk1.has(7) else ""
    known = _CONTACT.get(code)
    return [{"coding": [{"system": system_of("HL70131"), "code": known}]}] if known else []


def _dates(person: JSON, segment: Segment, context: Context, *, birth: int, start: int, end: int) -> None:
    born = when(segment, birth, context)
    if born:
        person["birthDate"] = born[:10]
    bounds = (("start", when(segment, start, context)), ("end", when(segment, end, context)))
    period = {name: text for name, text in bounds if text}
    if period:
        person["period"] = period


def _called(person: JSON) -> tuple[str, str]:
    for name in person.get("name", [])[:1]:
        given = " ".join(name.get("given", [])[:1])
        return name.get("family", "").casefold(), given.casefold()
    return "", ""


def _merged(stored: JSON, told: JSON) -> JSON:
    return {**stored, **{name: value for name, value in told.items() if name != "name"}}


def _inactive(person: JSON) -> JSON:
    return {**person, "active": False}
