"""MEDITECH's allergies, problems, visits, plans, goals, teams. Sources: notes.md."""

from __future__ import annotations

import html
import re
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import (
    add_display,
    code_in,
    codes_of,
    coding,
    codings,
    drop,
    keep,
    text_of,
    with_text,
)
from mockehr.personalities.dates import as_moment
from mockehr.personalities.meditech.codes import NDFRT, SUBSTANCES, diagnosis_codings
from mockehr.personalities.meditech.look import HL7, Look
from mockehr.population.chart.codes import ICD10, RXNORM, SNOMED

_DISPOSITIONS: Final = "urn:oid:2.16.840.1.113883.12.112"
_ROLES: Final = {
    "ADM": "admitter",
    "ATND": "attender",
    "PART": "participation",
    "PPRF": "primary performer",
}
_TAG: Final = re.compile(r"<[^>]*>")
_BREAK: Final = re.compile(r"</(?:p|li|h[1-6]|div)>|<br[^>]*>")
_XHTML: Final = "http://www.w3.org/1999/xhtml"


def shape_allergy(made: JSON, clean: JSON, look: Look) -> JSON:
    """A drug by its class and as a substance; whoever recorded it asserts it; full moments, the last one too."""
    _statuses(made)
    made["code"] = _substance(made.get("code", {}))
    for reaction in made.get("reaction", ()):
        reaction["manifestation"] = [{"text": text_of(one)} for one in reaction.get("manifestation", ())]
    if "recorder" in made:
        made["asserter"] = dict(made["recorder"])
    if isinstance(made.get("onsetDateTime"), str):
        made["onsetDateTime"] = as_moment(made["onsetDateTime"], "offset")
        made["lastOccurrence"] = made["onsetDateTime"]
    return made


def _substance(code: JSON) -> JSON:
    known = SUBSTANCES.get(code_in(code, RXNORM))
    if known is None:
        kept = [one for one in codings(code) if one.get("system") != RXNORM]
        return {"coding": kept} if kept else {"text": text_of(code)}
    group, called, substance, name = known
    return {"coding": [coding(NDFRT, group, called), coding(SNOMED, substance, name)]}


def _statuses(made: JSON) -> None:
    for name in ("clinicalStatus", "verificationStatus"):
        if isinstance(made.get(name), dict):
            with_text(add_display(made[name], {}))


def shape_condition(made: JSON, clean: JSON, look: Look) -> JSON:
    """All codes that there are, or a text alone; a diagnosis of a visit says next to nothing beside."""
    _statuses(made)
    for category in made.get("category", ()):
        with_text(add_display(category, {}))
    of_visit = "encounter-diagnosis" in codes_of(made.get("category"))
    text = text_of(made.get("code"))
    code = code_in(made.get("code"), ICD10)
    if code:
        display = next((one.get("display", text) for one in codings(made["code"]) if one.get("code") == code), text)
        told = diagnosis_codings(code, display, chosen=not of_visit)
        free = not of_visit and look.draw("free-text", clean, "free_text_share")
        made["code"] = {"text": text} if free else {"coding": told, "text": text}
    drop(made, "extension", "identifier", "note", "evidence")
    if of_visit:
        drop(made, "recorder", "onsetDateTime", "onsetPeriod", "abatementDateTime", "recordedDate", "asserter")
        return made
    onset = made.get("onsetDateTime")
    if isinstance(onset, str) and look.draw("year-only", clean, "year_only_share"):
        made["onsetDateTime"] = onset[:4]
    if not look.dresser.stream("meditech", "visit", str(clean["id"])).chance(0.25):
        drop(made, "encounter")
    return made


def shape_encounter(made: JSON, clean: JSON, look: Look) -> JSON:
    """An account, a type in words, everybody's roles in one participant, the end of stays alone."""
    visit = str(clean.get("class", {}).get("code", ""))
    made["identifier"] = [_account(made, visit, look)]
    words = look.tables["visits"].get(visit) or look.tables["visits"]["other"]
    made["type"] = [{"text": words.get(made.get("status")) or words["other"]}]
    source = code_in(made.get("hospitalization", {}).get("admitSource"))
    if visit == "EMER" or (visit == "IMP" and source == "emd"):
        made["priority"] = {"text": "Emergency"}
    else:
        drop(made, "priority")
    made["participant"] = _participants(made, visit, look)
    made["location"] = [keep(one, "location") for one in made.get("location", ()) if "location" in one]
    if "hospitalization" in made:
        made["hospitalization"] = _stay(made["hospitalization"], look)
    booked = _appointment(clean, look)
    if booked is not None:
        made["appointment"] = [booked]
    made["reasonCode"] = _reasons(made, clean, look)
    made["diagnosis"] = [keep(one, "condition") for one in made.get("diagnosis", ()) if "condition" in one]
    if visit not in ("IMP", "OBSENC") and isinstance(made.get("period"), dict):
        made["period"] = keep(made["period"], "start")
    drop(made, "reasonReference", "statusHistory", "length", "classHistory")
    for name in ("participant", "location", "reasonCode", "diagnosis", "hospitalization"):
        if name in made and not made[name]:
            del made[name]
    return made


def _account(made: JSON, visit: str, look: Look) -> JSON:
    told = next((str(one["value"]) for one in made.get("identifier", ()) if one.get("value")), "")
    number = "".join(letter for letter in told if letter.isdigit())
    kind = {"coding": [coding(HL7 + "v2-0203", "AN", "Account number")], "text": "Account Number"}
    return {"type": kind, "system": look.system("ACCT"), "value": look.account(number, visit)}


def _participants(made: JSON, visit: str, look: Look) -> list[JSON]:
    """Who saw the patient in all roles, and the patient's own doctor as somebody who takes part."""
    period = made.get("period", {})
    stayed = keep(period, "start", "end") if visit in ("IMP", "OBSENC") else keep(period, "start")
    found: list[JSON] = []
    seen = set()
    for number, told in enumerate(made.get("participant", ())):
        if "individual" not in told:
            continue
        roles = ["ATND", "PPRF"] if number == 0 else [code_in(told.get("type")) or "PART"]
        one: JSON = {"type": [_role(code) for code in (["ADM", *roles] if visit == "IMP" and number == 0 else roles)]}
        if stayed:
            one["period"] = stayed if number == 0 else keep(stayed, "start")
        found.append({**one, "individual": told["individual"]})
        seen.add(told["individual"].get("reference"))
    for doctor in _doctors(look):
        if doctor["reference"] in seen:
            found[0]["type"].insert(-1, _role("PART"))
        else:
            found.append({"type": [_role("PART")], "individual": doctor})
    return found


def _doctors(look: Look) -> list[JSON]:
    patient = next(iter(look.dresser.all_of("Patient")), {})
    told = [str(one["reference"]) for one in patient.get("generalPractitioner", ()) if "reference" in one]
    return [look.to(one) for one in told[:1]]


def _role(code: str) -> JSON:
    word = _ROLES.get(code, code)
    return {"coding": [coding(HL7 + "v3-ParticipationType", code, word)], "text": word}


def _stay(told: JSON, look: Look) -> JSON:
    """Where from in words, where to by the code that bills have."""
    made: JSON = {}
    source, home = told.get("admitSource"), told.get("dischargeDisposition")
    if source is not None:
        table = look.tables["admissions"]
        made["admitSource"] = {"text": table.get(code_in(source)) or text_of(source) or table["other"]}
    if home is not None:
        table = look.tables["discharges"]
        code, display, text = table.get(code_in(home)) or table["other"]
        made["dischargeDisposition"] = {
            "coding": [{"code": code, "system": _DISPOSITIONS, "display": display}],
            "text": text,
        }
    return made


def _appointment(clean: JSON, look: Look) -> JSON | None:
    """The appointment at which the visit began, if it was booked."""
    start = clean.get("period", {}).get("start")
    for one in look.dresser.all_of("Appointment"):
        if start and one.get("start") == start:
            made = look.to(f"Appointment/{one['id']}")
            return {**made, "display": str(one.get("description") or text_of(one.get("appointmentType")))}
    return None


def _reasons(made: JSON, clean: JSON, look: Look) -> list[JSON]:
    """What was said at the door, or of some visits what was found, by its code."""
    first: JSON = next(iter(clean.get("diagnosis", ())), {})
    told = first.get("condition", {}).get("reference", "")
    known = look.dresser.neighbour(str(told)) if told else None
    code = code_in(known.get("code"), ICD10) if known is not None else ""
    if known is not None and code and look.dresser.stream("meditech", "reason", str(clean["id"])).chance(0.4):
        text = text_of(known.get("code"))
        return [{"text": text, "coding": [coding(ICD10, code, text)]}]
    return [{"text": text_of(one)} for one in made.get("reasonCode", ()) if text_of(one)]


def shape_team(made: JSON, clean: JSON, look: Look) -> JSON:
    """Who cares, by what in words; under the patient's id."""
    members = []
    for told in made.get("participant", ()):
        member = told.get("member", {})
        if member.get("type") == "Practitioner":
            words = " ".join(word[:1].upper() + word[1:] for word in text_of(told.get("role")).split())
            members.append({"member": member, "role": [{"text": words or "Attending Provider"}]})
    made["participant"] = members
    drop(made, "name", "period", "managingOrganization", "identifier", "category")
    if not members:
        del made["participant"]
    return made


def shape_plan(made: JSON, clean: JSON, look: Look) -> JSON:
    """A text with raw carriage returns; of some, who wrote it and when."""
    shown = "Assessment & Plan"
    system = "http://hl7.org/fhir/us/core/CodeSystem/careplan-category"
    made["category"] = [{"coding": [coding(system, "assess-plan", "Care plan")], "text": shown}]
    made["text"] = {"status": "generated", "div": _narrative(made.get("text", {}))}
    made["title"] = "Office Visit"
    drop(made, "period", "careTeam", "addresses", "goal", "identifier", "activity", "description")
    if isinstance(made.get("subject"), dict):
        made["subject"] = keep(made["subject"], "reference", "display", "type")
    if look.draw("author", clean, "authored_plans"):
        if isinstance(made.get("author"), dict):
            made["author"] = keep(made["author"], "reference", "display", "type")
        if isinstance(made.get("created"), str):
            made["created"] = as_moment(made["created"], "offset")
    else:
        drop(made, "author", "created")
    return made


def _narrative(told: JSON) -> str:
    lines = [_TAG.sub("", part).strip() for part in _BREAK.split(str(told.get("div", "")))]
    body = "<br />\r".join(html.escape(html.unescape(line), quote=False) for line in lines if line)
    return f'<div xmlns="{_XHTML}"><b>Plan of Treatment:</b><br /><br />\r{body}   </div>'


def shape_goal(made: JSON, clean: JSON, look: Look) -> JSON:
    """A status and a text between carriage returns."""
    made["description"] = {"text": f"\r{text_of(made.get('description'))}\r\r"}
    return keep(made, "resourceType", "id", "lifecycleStatus", "description", "subject")
