"""PatientSearch and PatientAdmin."""

from __future__ import annotations

import re
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.events.redox import content, identifiers
from mockehr.personalities.redox.errand import Errand, Failed, Invalid, objects, part

OF_THE_EHR: Final = frozenset({"FHIR", "EHRID"})
"""Types of identifiers that are the destination's own ids."""
TABLE_0203: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_CODE: Final = re.compile("[A-Z]{2,4}")


def search(errand: Errand, body: JSON) -> JSON:
    """The one patient who fits, none as an empty `Patient`, several as `PotentialMatches`."""
    found = matches(errand, part(body, "Patient"))
    if len(found) > 1:
        return {"Patient": {}, "PotentialMatches": [told(one) for one in found]}
    return {"Patient": told(found[0]) if found else {}}


def create(errand: Errand, body: JSON) -> JSON:
    """A patient who was not there."""
    errand.create(resource(part(body, "Patient"), {"resourceType": "Patient"}))
    return {}


def update(errand: Errand, body: JSON) -> JSON:
    """Other data of a patient who is."""
    errand.update(resource(part(body, "Patient"), the_one(errand, body)))
    return {}


def the_one(errand: Errand, body: JSON) -> JSON:
    """The patient of a message; raises Invalid where that is nobody, or more than one."""
    found = matches(errand, part(body, "Patient"))
    if len(found) != 1:
        raise Invalid("Patient was not found" if not found else "Patient.Identifiers fit more than one patient")
    return found[0]


def matches(errand: Errand, patient: JSON) -> list[JSON]:
    """By the first identifier, or by names and date of birth."""
    for one in objects(patient.get("Identifiers")):
        value = str(one.get("ID") or "")
        if value and str(one.get("IDType")) in OF_THE_EHR:
            return _read(errand, value)
        if value:
            return errand.find("Patient", identifier=value)
    who = part(patient, "Demographics")
    names = [str(who.get(name) or "") for name in ("FirstName", "LastName", "DOB")]
    if not all(names):
        raise Invalid("Patient.Identifiers, or FirstName, LastName and DOB of Patient.Demographics are required")
    return errand.find("Patient", given=names[0], family=names[1], birthdate=names[2])


def _read(errand: Errand, id: str) -> list[JSON]:
    try:
        return [errand.read("Patient", id)]
    except Failed as failed:
        if failed.answer.status in (404, 410):
            return []
        raise


def told(document: JSON) -> JSON:
    """A patient as the Data Model has them."""
    change = Change(0, "create", "Patient", document["id"], 1, 0.0, "fhir", document, patient=document["id"])
    return {"Identifiers": identifiers(change), **content(change)["Patient"]}


def resource(patient: JSON, present: JSON) -> JSON:
    """A FHIR Patient, over what is there already."""
    made = dict(present)
    who = part(patient, "Demographics")
    given = [str(who[name]) for name in ("FirstName", "MiddleName") if who.get(name)]
    if who.get("LastName") or given:
        name: JSON = dict(next(iter(present.get("name") or ()), {"use": "official"}))
        name |= {"family": str(who["LastName"])} if who.get("LastName") else {}
        made["name"] = [name | ({"given": given} if given else {})]
    if who.get("DOB"):
        made["birthDate"] = str(who["DOB"])
    if who.get("Sex"):
        made["gender"] = str(who["Sex"]).lower()
    telecom = _telecom(who)
    made |= {"telecom": telecom} if telecom else {}
    home = part(who, "Address")
    if home:
        made["address"] = [_address(home)]
    if "identifier" not in made:
        known = [one for one in objects(patient.get("Identifiers")) if one.get("ID")]
        made |= {"identifier": [_identifier(one) for one in known]} if known else {}
    return made


def _identifier(one: JSON) -> JSON:
    """`IDType` is a code of HL7 table 0203, or a name of the destination's own."""
    value: JSON = {"value": str(one["ID"])}
    kind = str(one.get("IDType") or "")
    if not kind:
        return value
    coded = {"coding": [{"system": TABLE_0203, "code": kind}]} if _CODE.fullmatch(kind) else {}
    return {"type": {**coded, "text": kind}, **value}


def _telecom(who: JSON) -> list[JSON]:
    numbers = part(who, "PhoneNumber")
    found: list[JSON] = [
        {"system": "phone", "use": use, "value": str(numbers[name])}
        for name, use in (("Home", "home"), ("Mobile", "mobile"), ("Office", "work"))
        if numbers.get(name)
    ]
    mails = who.get("EmailAddresses")
    return found + [
        {"system": "email", "value": str(one.get("Address") if isinstance(one, dict) else one)}
        for one in (mails if isinstance(mails, list) else ())
        if one
    ]


def _address(home: JSON) -> JSON:
    pairs = (("City", "city"), ("State", "state"), ("ZIP", "postalCode"), ("Country", "country"))
    made: JSON = {name: str(home[ours]) for ours, name in pairs if home.get(ours)}
    return made | ({"line": [str(home["StreetAddress"])]} if home.get("StreetAddress") else {})
