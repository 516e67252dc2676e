"""STF and PRA, a member of staff, as Practitioner and PractitionerRole; LOC and LDP, a place, as Location."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import address, authority_system, concept, human_name, telecom, when
from mockehr.hl7.accept.intents import Context, Upsert, reference
from mockehr.hl7.accept.person import keys
from mockehr.hl7.accept.places import place_identifier, place_name
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.master_files import PHYSICAL_TYPE, PLACE_FORMS, PLACE_TYPE
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.terms import GENDER, IDENTIFIER_TYPE, LOCAL_AUTHORITY, NPI

STAFF: Final = LOCAL_AUTHORITY + "staff"
"""System of a primary key of the staff file that no identifier of the record has."""


def practitioner(record: dict[str, Segment], context: Context, number: int, *, active: bool) -> list[Upsert]:
    """Practitioner, and PractitionerRole if the record says what the person does, of one MFE, STF and PRA.

    A record that is only switched off or on needs no STF, and makes nobody. Raises Rejection: 101 without a primary
    key, 102 for what is no time.
    """
    mfe, stf, pra = record["MFE"], record.get("STF"), record.get("PRA")
    key = _key(mfe, stf)
    resource: JSON = {"resourceType": "Practitioner", "active": active and not _switched_off(stf, 7)}
    identifiers = _staff_numbers(stf, pra)
    if key not in [one["value"] for one in identifiers]:
        identifiers.append({"system": STAFF, "value": key})
    resource["identifier"] = identifiers
    if stf is not None:
        _describe_person(resource, stf, context, number)
    name = f"practitioner-{number}"
    found = [Upsert(name, resource, keys(identifiers), creates=stf is not None)]
    role = _role(stf, pra, name, resource) if stf is not None else None
    if role is not None:
        role["identifier"] = [{"system": STAFF, "value": f"{key}:role"}]
        found.append(Upsert(f"role-{number}", role, keys(role["identifier"])))
    return found


def location(record: dict[str, Segment], context: Context, number: int, *, active: bool) -> list[Upsert]:
    """Location of one MFE, LOC and LDP. Raises Rejection: 101 without a primary key that names a place."""
    mfe, loc, ldp = record["MFE"], record.get("LOC"), record.get("LDP")
    keyed = loc if loc is not None and loc.has(1) else mfe
    place = keyed.repetitions(1 if keyed is loc else 4)[:1]
    identifier = place_identifier(place[0]) if place else None
    if identifier is None:
        raise Rejection("AE", Fault(101, "MFE", number, 4, text="Neither LOC-1 nor MFE-4 names a place"))
    used = active and not _switched_off(ldp, 6)
    resource: JSON = {"resourceType": "Location", "identifier": [identifier]}
    resource["status"] = "active" if used else "inactive"
    defaults: JSON = {"mode": "instance", "name": place_name(place[0])}
    if loc is not None:
        _describe_place(resource, loc, place[0])
    return [Upsert(f"location-{number}", resource, keys([identifier]), (), defaults, creates=loc is not None)]


def _describe_place(resource: JSON, loc: Segment, place: Repetition) -> None:
    name = (loc.text(2) if loc.has(2) else "") or part(place, 9)
    if name:
        resource["name"] = name
    codes = loc.texts(3, 1)
    if any(codes):
        resource["type"] = [{"coding": [{"system": PLACE_TYPE, "code": code}]} for code in codes if code]
        form = PLACE_FORMS.get(codes[0])
        if form:
            resource["physicalType"] = {"coding": [{"system": PHYSICAL_TYPE, "code": form}]}
    addresses = [found for item in loc.repetitions(5) if (found := address(item))]
    if addresses:
        resource["address"] = addresses[0]
    phones = [found for item in loc.repetitions(6) if (found := telecom(item, "work"))]
    if phones:
        resource["telecom"] = phones


def _key(mfe: Segment, stf: Segment | None) -> str:
    key = stf.text(1, 1, 1) if stf is not None and stf.has(1) else mfe.text(4, 1, 1)
    if not key:
        raise Rejection("AE", Fault(101, "MFE", 1, 4, text="Neither STF-1 nor MFE-4 has a primary key"))
    return key


def _switched_off(segment: Segment | None, field: int) -> bool:
    return segment is not None and segment.text(field, 1, 1) == "I"


def _staff_numbers(stf: Segment | None, pra: Segment | None) -> list[JSON]:
    """STF-2, and the licences of PRA-6."""
    found = [number for item in (stf.repetitions(2) if stf else []) if (number := _staff_number(item))]
    for item in pra.repetitions(6) if pra else []:
        value, kind, state = (part(item, number) for number in (1, 2, 3))
        if value and value not in [one["value"] for one in found]:
            licence = LOCAL_AUTHORITY + "-".join(filter(None, (kind or "licence", state)))
            system = NPI if kind == "NPI" else licence
            found.append({"system": system, "value": value})
    return found


def _staff_number(item: Repetition) -> JSON | None:
    """A CX of STF-2; NPI by its type, else by whom it is assigned."""
    value, kind = part(item, 1), part(item, 5)
    if not value:
        return None
    if "NPI" in (kind, part(item, 4), part(item, 3)):
        return {"system": NPI, "value": value}
    found: JSON = {"system": authority_system(item, 4) or STAFF, "value": value}
    return {**found, "type": {"coding": [{"system": IDENTIFIER_TYPE, "code": kind}]}} if kind else found


def _describe_person(resource: JSON, stf: Segment, context: Context, number: int) -> None:
    names = [found for item in stf.repetitions(3) if (found := human_name(item))]
    if names:
        resource["name"] = names
    if stf.has(5):
        resource["gender"] = GENDER.get(stf.text(5, 1, 1), "unknown")
    birth = when(stf, 6, context, sequence=number)
    if birth:
        resource["birthDate"] = birth[:10]
    points = [found for item in stf.repetitions(10) if (found := telecom(item, "work"))]
    mails = stf.texts(15, 1)
    known = [point["value"] for point in points]
    points += [{"system": "email", "value": mail, "use": "work"} for mail in mails if mail and mail not in known]
    if points:
        resource["telecom"] = points
    addresses = [found for item in stf.repetitions(11) if (found := address(item))]
    if addresses:
        resource["address"] = addresses


def _role(stf: Segment, pra: Segment | None, practitioner_key: str, person: JSON) -> JSON | None:
    """What the person does: category and specialty, the job, the department."""
    codes: list[JSON] = [{"text": stf.text(18)}] if stf.has(18) else []
    specialties: list[JSON] = []
    if pra is not None:
        codes += [{"coding": [{"code": part(item, 1)}]} for item in pra.repetitions(3) if part(item, 1)]
        specialties = [{"text": part(item, 1)} for item in pra.repetitions(5) if part(item, 1)]
    department = concept(stf.repetitions(8)[0]) if stf.has(8) else None
    if not (codes or specialties or department):
        return None
    role: JSON = {"resourceType": "PractitionerRole", "active": person["active"]}
    role["practitioner"] = reference(practitioner_key)
    if codes:
        role["code"] = codes
    if specialties:
        role["specialty"] = specialties
    if department:
        role["organization"] = {"display": department.get("text") or department["coding"][0]["code"]}
    return role
