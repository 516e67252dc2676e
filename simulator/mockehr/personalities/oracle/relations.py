"""People and accounts that belong to a patient of Oracle Health's. Sources: notes.md, section People and accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dates import as_moment
from mockehr.personalities.ids import place_of
from mockehr.personalities.oracle.look import HL7, Look
from mockehr.personalities.oracle.narrative import narrate
from mockehr.personalities.people import main_name, sorted_name
from mockehr.population.pools import SEXES, given

_RELATED: Final = "http://hl7.org/fhir/StructureDefinition/patient-relatedPerson"
_ROLES: Final = (
    # text, v3-RoleCode of the relation, its display
    ("Family Member", "FAMMEMB", "family member"),
    ("Spouse", "SPS", "spouse"),
    ("Sibling", "SIB", "sibling"),
    ("Friend", "FRND", "unrelated friend"),
)


def contacts(patient: JSON, look: Look) -> list[JSON]:
    """The emergency contacts of a clean Patient, with the ids of their RelatedPersons; none for some."""
    made = []
    for number, one in _relatives(patient, look):
        reference = {"reference": f"RelatedPerson/{_id(patient, number, look)}"}
        own = look.own("codeSet/351", "C", "Emergency Contact", digits=4)
        standard = {"system": HL7 + "v2-0131", "code": "C", "display": "Emergency Contact", "userSelected": False}
        name = {key: value for key, value in _name(one, number).items() if key in ("id", "use", "text")}
        made.append(
            {
                "extension": [{"valueReference": reference, "url": _RELATED}],
                "relationship": [{"coding": [own, standard], "text": "Emergency Contact"}],
                "name": name,
                "period": {"start": one["since"], **({"end": one["until"]} if one["until"] else {})},
            }
        )
    return made


def related_persons(patient: JSON, look: Look) -> list[JSON]:
    """A RelatedPerson for each of a clean Patient's contacts."""
    made = []
    for number, one in _relatives(patient, look):
        text, code, display = one["role"]
        own = look.own("codeSet/351", code, text, digits=4)
        standard = {"system": HL7 + "v3-RoleCode", "code": code, "display": display, "userSelected": False}
        level = {"system": "http://hl7.org/fhir/resource-types", "code": "Patient", "display": "Patient"}
        shown = sorted_name(main_name(patient))
        made.append(
            _headed(
                {
                    "resourceType": "RelatedPerson",
                    "id": _id(patient, number, look),
                    "extension": [
                        {
                            "valueCodeableConcept": {"coding": [level], "text": "Patient"},
                            "url": f"{look.tables['ehr']}/relationship-level",
                        }
                    ],
                    "active": True,
                    "patient": {"reference": f"Patient/{look.dresser.id_of(patient)}", "display": shown},
                    "relationship": [
                        {"id": f"CI-{one['key']}-0-0", "coding": [own, standard], "text": text},
                    ],
                    "name": [{**_name(one, number), "period": {"start": one["since"]}}],
                    **_telecom(one),
                    "gender": one["gender"],
                },
                one["since"],
                look,
            )
        )
    return made


def accounts(coverage: JSON, look: Look) -> list[JSON]:
    """The financial account of whom a clean Coverage covers."""
    place = place_of(str(coverage.get("id", "")))
    who = str(coverage.get("beneficiary", {}).get("reference", ""))
    if place is None or not who:
        return []
    id = look.dresser.ids.encode("Account", *place)
    kind = {"system": HL7 + "v3-ActCode", "code": "ACCTRECEIVABLE", "display": "account receivable"}
    since = as_moment(str(coverage.get("period", {}).get("start", "")), "seconds")
    account: JSON = {
        "resourceType": "Account",
        "id": id,
        "identifier": [
            {
                "use": "usual",
                "system": f"{look.tables['base']}/accountnumber",
                "value": look.number("account", id, digits=8),
            }
        ],
        "status": "active",
        "type": {"coding": [kind], "text": "financial-account"},
        "subject": [{"reference": look.dresser.refer(who)}],
        **({"servicePeriod": {"start": since}} if since else {}),
    }
    return [_headed(account, look.moment(coverage, "seconds"), look)]


def _relatives(patient: JSON, look: Look) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number → what is drawn of each: the same whenever it is asked for."""
    if any(link.get("type") == "replaced-by" for link in patient.get("link", ())):
        return
    shares = look.tables["contacts"]
    family = str(main_name(patient).get("family", ""))
    since = as_moment(str(main_name(patient).get("period", {}).get("start") or "2015-01-01"), "millis")
    phone = next((str(one["value"]) for one in patient.get("telecom", ()) if one.get("system") == "phone"), "")
    for number, share in enumerate(shares, start=1):
        dice = look.dresser.stream("oracle", "contact", str(patient.get("id", "")), number)
        if not dice.chance(share):
            return
        sex = dice.choice(SEXES)
        first = dice.choice(given(sex).names.texts)
        yield (
            number,
            {
                "family": family,
                "given": first,
                "gender": sex,
                "role": dice.choice(_ROLES),
                "phone": phone,
                "since": since,
                "until": "" if number == 1 else "2100-12-31T00:00:00.000Z",
                "key": look.number("relative", str(patient.get("id", "")), str(number), digits=8),
            },
        )


def _name(one: dict[str, Any], number: int) -> JSON:
    return {
        "id": f"CI-{one['key']}-{number - 1}",
        "use": "official",
        "text": ", ".join(part for part in (one["family"], one["given"]) if part),
        **({"family": one["family"]} if one["family"] else {}),
        "given": [one["given"]],
    }


def _telecom(one: dict[str, Any]) -> JSON:
    if not one["phone"]:
        return {}
    point = {"id": f"CI-PH-{one['key']}-0", "system": "phone", "value": one["phone"], "use": "home"}
    return {"telecom": [{**point, "period": {"start": one["since"]}}]}


def _id(patient: JSON, number: int, look: Look) -> str:
    place = place_of(str(patient.get("id", "")))
    if place is None:
        return f"{look.number('relative-of', str(patient.get('id', '')), str(number), digits=8)}-0"
    return look.dresser.ids.encode("RelatedPerson", place[0], number)


def headed(made: JSON, clean: JSON, look: Look) -> JSON:
    """A resource with version, time (that of a clean one) and narrative."""
    return _headed(made, look.moment(clean, "millis"), look)


def _headed(made: JSON, at: str, look: Look) -> JSON:
    meta = {"versionId": "0", **({"lastUpdated": at} if at else {})}
    head = {"resourceType": made["resourceType"], "id": made["id"], "meta": meta}
    text = narrate(made, made, look)
    return {**head, "text": text, **{name: value for name, value in made.items() if name not in head}}
