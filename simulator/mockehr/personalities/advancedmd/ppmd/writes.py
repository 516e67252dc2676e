"""ppmdmsg actions that write; FHIR shows what they wrote at once. Sources: notes.md."""

from __future__ import annotations

import base64
from typing import Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.personalities.advancedmd.desk import PROFILE, Refused
from mockehr.personalities.advancedmd.ppmd.call import Call, Fault, listing, result
from mockehr.personalities.advancedmd.ppmd.patients import listed, same_person
from mockehr.personalities.advancedmd.words import number_of, read_shown, split_name
from mockehr.personalities.concepts import concept
from mockehr.personalities.markup import Element

DUPLICATE: Final = "Duplicate name/DOB"
LONGEST: Final = 5_000_000
"""Letters of a note."""
_KINDS: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_MEMBERS: Final = "https://example.org/members"
_CHARTS: Final = "https://example.org/charts"
_PHONES: Final = (("homephone", "home"), ("officephone", "work"), ("cellphone", "mobile"), ("otherphone", "mobile"))


def add_patient(call: Call) -> Element:
    """A patient of `patientlist`; refused where there is one of that name and date of birth."""
    told = next(call.message.every("patient"), None)
    if told is None:
        raise Refused("A patient is required")
    family, given = split_name(told.get("name"))
    born = _date(told.get("dob"))
    if not family or not given or not born:
        raise Refused("Name and date of birth are required")
    if same_person(call.desk, family, given[0], born):
        raise Fault(DUPLICATE, plain=True)
    made = _stored(call, _patient(call, told, family, given, born))
    call.desk.exchange.patient = str(made["id"])
    return result({}, listing("patientlist", [listed(call.desk, made)]))


def add_insurance(call: Call) -> Element:
    """A plan of `insplanlist` of a patient; one that is known is changed. The answer says nothing of either."""
    told = next(call.message.every("patient"), call.message)
    patient = call.patient(told.get("id") or told.get("patientid"))
    plan = next(call.message.every("insplan"), None)
    if plan is None:
        raise Refused("An insurance plan is required")
    known = number_of(plan.get("id"), "ins")
    if known:
        _change(call, patient, known, plan)
    else:
        _stored(call, _coverage(call, patient, plan))
    return Element("Results")


def save_patient_note(call: Call) -> Element:
    """The note of `masterfile` as a document of the patient; its number is `@newid` of the whole answer."""
    told = call.message.find("masterfile") or call.message
    patient = call.patient(told.get("patientfid") or told.get("patientid"))
    text = told.get("note") or told.said("note")
    if not text.strip():
        raise Refused("A note is required")
    if len(text) > LONGEST:
        raise Refused("The note is too long")
    now = instant(call.desk.records.now())
    document: JSON = {
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "final",
        "type": concept("http://loinc.org", "34109-9", "Note"),
        "category": [
            concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note")
        ],
        "subject": {"reference": f"Patient/{patient['id']}"},
        "date": now,
        "content": [{"attachment": {"contentType": "text/plain", "data": _octets(text), "creation": now}}],
    }
    profile = number_of(told.get("profilefid"), "prof")
    author = next((one for one in call.desk.staff() if str(one.profile) == profile), None)
    if author is not None:
        document["author"] = [{"reference": author.reference}]
    elif profile and profile != str(PROFILE):
        raise Refused(f"Profile {profile[:40]} was not found")
    made = _stored(call, document)
    return result({"newid": str(made["id"])})


def _octets(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")


def _date(text: str) -> str:
    """A FHIR date; empty for what is none."""
    at = read_shown(text)
    return "" if at is None else f"{at:%Y-%m-%d}"


def _patient(call: Call, told: Element, family: str, given: list[str], born: str) -> JSON:
    where, contact = next(told.every("address"), Element("")), next(told.every("contactinfo"), Element(""))
    number = told.get("chart")
    if not number or number.upper() == "AUTO":
        number = str(500_000 + call.desk.records.number("charts"))
    made: JSON = {
        "resourceType": "Patient",
        "identifier": [{"use": "usual", "type": concept(_KINDS, "MR", "Medical record number")}],
        "active": True,
        "name": [{"use": "official", "family": family.title(), "given": [one.title() for one in given]}],
        "gender": {"F": "female", "M": "male"}.get((told.get("sex") or told.get("gender"))[:1].upper(), "unknown"),
        "birthDate": born,
    }
    made["identifier"][0] |= {"system": _CHARTS, "value": number}
    lines = [line for line in (where.get("address2"), where.get("address1")) if line.strip()]
    parts = {"line": lines, "city": where.get("city"), "state": where.get("state"), "postalCode": where.get("zip")}
    address = {name: value for name, value in parts.items() if value}
    if address:
        made["address"] = [{"use": "home", **address}]
    numbers = [("phone", contact.get(name), use) for name, use in _PHONES] + [("email", contact.get("email"), "home")]
    telecom = [{"system": system, "value": value, "use": use} for system, value, use in numbers if value.strip()]
    if telecom:
        made["telecom"] = telecom
    return made


def _coverage(call: Call, patient: JSON, plan: Element) -> JSON:
    carrier = number_of(plan.get("carrier"), "car")
    payer = call.desk.records.read("Organization", carrier) if carrier else None
    if payer is None:
        raise Refused(f"Carrier {carrier[:40] or '(none)'} was not found")
    number = plan.get("subscribernum")
    made: JSON = {
        "resourceType": "Coverage",
        "status": "active",
        "beneficiary": {"reference": f"Patient/{patient['id']}"},
        "relationship": concept("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "self", "Self"),
        "payor": [{"reference": f"Organization/{carrier}", "display": str(payer.get("name", ""))}],
    }
    if number:
        identifier = {"type": concept(_KINDS, "MB", "Member Number"), "system": _MEMBERS, "value": number}
        made |= {"subscriberId": number, "identifier": [identifier]}
    period = _period(plan)
    return {**made, "period": period} if period else made


def _period(plan: Element) -> JSON:
    told = {"start": _date(plan.get("begindate")), "end": _date(plan.get("enddate"))}
    return {name: value for name, value in told.items() if value}


def _change(call: Call, patient: JSON, id: str, plan: Element) -> None:
    found = call.desk.records.read("Coverage", id)
    whose = str((found or {}).get("beneficiary", {}).get("reference", ""))
    if found is None or whose != f"Patient/{patient['id']}":
        raise Refused(f"Insurance {id[:40]} was not found")
    period = {**found.get("period", {}), **_period(plan)}
    changed = {**found, "period": period} if period else dict(found)
    if plan.get("subscribernum"):
        changed["subscriberId"] = plan.get("subscribernum")
    if "end" in _period(plan):
        changed["status"] = "cancelled"
    made = call.desk.records.update(call.desk.exchange, changed)
    if isinstance(made, Problem):
        raise Refused(made.text)
    call.desk.saw(made)


def _stored(call: Call, resource: JSON) -> JSON:
    made = call.desk.records.create(call.desk.exchange, resource)
    if isinstance(made, Problem):
        raise Refused(made.text)
    return call.desk.saw(made)
