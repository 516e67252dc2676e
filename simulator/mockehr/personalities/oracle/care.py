"""Oracle Health's plans, teams, goals, coverage, provenance and specimens. Sources: notes.md, section Care."""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, codings, drop, keep, text_of
from mockehr.personalities.dates import as_moment
from mockehr.personalities.oracle.look import HL7, Look
from mockehr.personalities.rewrite import ordered

_LOINC: Final = "http://loinc.org"
_LONGITUDINAL: Final = ("LA28865-6", "Longitudinal-focused care team")
_COVERAGE: Final = ("status", "subscriber", "subscriberId", "beneficiary", "dependent", "relationship", "period")
_ENCOUNTER: Final = ("LA27976-2", "Encounter-focused care team")
_GOAL_CATEGORIES: Final = {"physiotherapy": ("Physiologic", "Physiotherapy"), "dietary": ("Nutrition", "Dietary")}


def shape_care_plan(made: JSON, clean: JSON, look: Look) -> JSON:
    """A note with an assessment: a title, who wrote it, and when; nothing of what was planned."""
    if "period" not in made and made.get("created"):
        made["period"] = {"start": as_moment(str(made["created"]), "millis")}
    _full(made.get("period"), "millis")
    drop(made, "identifier", "careTeam", "contributor", "goal", "activity", "addresses", "created", "note", "basedOn")
    return made


def shape_care_team(made: JSON, clean: JSON, look: Look) -> JSON:
    """A LOINC answer for a category; a longitudinal team has no name, and patients are no members of their own."""
    code, display = _ENCOUNTER if "encounter" in made else _LONGITUDINAL
    made["category"] = [{"coding": [{"system": _LOINC, "code": code, "display": display}], "text": display}]
    if "encounter" not in made:
        drop(made, "name")
    told = []
    for one in made.get("participant", ()):
        if str(one.get("member", {}).get("reference", "")).startswith("Practitioner/"):
            told.append(keep(one, "role", "member"))
    if told:
        made["participant"] = told
    drop(
        made,
        "identifier",
        "period",
        "managingOrganization",
        "reasonCode",
        "note",
        *(() if told else ("participant",)),
    )
    return made


def shape_goal(made: JSON, clean: JSON, look: Look) -> JSON:
    """A category in code set 4003016; of targets the day alone."""
    for one in codings(made.get("achievementStatus", {})):
        one["system"] = "http://hl7.org/fhir/goal-achievement"
    code = code_in(made.get("category")) or "physiotherapy"
    own, standard = _GOAL_CATEGORIES.get(code, ("Physiologic", code.capitalize()))
    category = {"coding": [{"system": HL7 + "goal-category", "code": code, "display": standard}], "text": own}
    made["category"] = [look.mapped("codeSet/4003016", category, own)]
    made["target"] = [keep(one, "dueDate") for one in made.get("target", ()) if "dueDate" in one]
    made.setdefault("statusDate", str(look.moment(clean, "seconds"))[:10] or str(made.get("startDate", "")))
    if not made["statusDate"]:
        del made["statusDate"]
    drop(made, "identifier", "addresses", "outcomeCode", *(() if made["target"] else ("target",)))
    return made


def shape_coverage(made: JSON, clean: JSON, look: Look) -> JSON:
    """The subscriber is the patient; a class is its kind alone, a number and a name; whole moments."""
    beneficiary = made.get("beneficiary")
    if isinstance(beneficiary, dict):
        made.setdefault("subscriber", dict(beneficiary))
    if isinstance(made.get("relationship"), dict):
        for one in codings(made["relationship"]):
            one["userSelected"] = False
    _full(made.get("period"), "millis")
    for number, one in enumerate(made.get("class", ())):
        code = code_in(one.get("type"))
        kind = {"coding": [{"system": HL7 + "coverage-class", "code": code}]}
        plan = look.number("plan", str(one.get("value", number)), digits=7)
        made["class"][number] = {
            "type": kind,
            "value": plan if code == "plan" else one.get("value"),
            **keep(one, "name"),
        }
    made["class"] = sorted(made.get("class", ()), key=lambda one: code_in(one.get("type")) != "plan")
    drop(made, "identifier", "type", "order", "network", "policyHolder", *(() if made["class"] else ("class",)))
    return ordered(made, _COVERAGE)


def shape_provenance(made: JSON, clean: JSON, look: Look) -> JSON:
    """Who sent it as the source, an organization wherever one is known."""
    agents = []
    for one in made.get("agent", ()):
        who = one.get("onBehalfOf") if _role(one) == "author" else one.get("who")
        told = who if isinstance(who, dict) else one.get("who")
        if not isinstance(told, dict):
            continue
        kind = [{key: value for key, value in c.items() if key != "display"} for c in codings(one.get("type", {}))]
        source = {"system": HL7 + "contractsignertypecodes", "code": "SOURCE"}
        agents.append(
            {
                "type": {"coding": kind, "text": text_of(one.get("type")) or "Author"},
                "role": [{"coding": [source], "text": "Source"}],
                "who": told,
            }
        )
    made["agent"] = agents or made.get("agent", [])
    drop(made, "activity", "reason", "location", "policy", "signature", "occurredDateTime")
    return made


def _role(agent: JSON) -> str:
    return code_in(agent.get("type"))


def shape_specimen(made: JSON, clean: JSON, look: Look) -> JSON:
    """The tenant's specimen type before the standard's."""
    if isinstance(made.get("type"), dict):
        made["type"] = look.mapped("codeSet/2052", made["type"])
    drop(made, "identifier")
    return made


def shape_service_request(made: JSON, clean: JSON, look: Look) -> JSON:
    """A category of activity types, an order of the catalogue."""
    for number, category in enumerate(made.get("category", ())):
        made["category"][number] = look.mapped("codeSet/6000", category)
    if isinstance(made.get("code"), dict):
        made["code"] = look.mapped("codeSet/200", made["code"])
    drop(made, "identifier", "requisition", "specimen")
    return made


def _full(period: Any, style: str) -> None:
    """Days in a period become moments."""
    if isinstance(period, dict):
        for name in ("start", "end"):
            if isinstance(period.get(name), str):
                period[name] = as_moment(period[name], style)
