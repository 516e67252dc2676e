"""athenahealth's Patient, Practitioner, Organization and Location. Sources: notes.md."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.athena.ids import bare
from mockehr.personalities.athena.look import CHART_GROUPS, CODES, SIDS, SSN, STRUCTURES, Look, bare_coding
from mockehr.personalities.concepts import code_in, drop
from mockehr.personalities.ids import place_of

_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/"
_KEPT: Final = ("us-core-birthsex", "us-core-ethnicity", "us-core-race")
_GENDER_IDENTITY: Final = "http://hl7.org/fhir/gender-identity"
_NORMAL: Final = ("normal", "N", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality")


def shape_patient(made: JSON, clean: JSON, look: Look) -> JSON:
    """The whole Social Security number, names and addresses with their history, upper case, four chart groups."""
    ssn = {"value": social_security(look, str(made["id"])), "system": SSN}
    made["identifier"] = [look.own_identifier("patient", made), ssn]
    made["name"] = [_name(name) for name in made.get("name", ())]
    made["telecom"] = [_point(point) for point in made.get("telecom", ())]
    homes = [_address(address, "home") for address in made.get("address", ())]
    latest = next((one for one in homes if "end" not in one.get("period", {})), homes[0] if homes else None)
    made["address"] = [*homes, *([{**latest, "use": "billing", "type": "postal"}] if latest else [])]
    for concept in (made.get("maritalStatus"),):
        if isinstance(concept, dict):
            bare_coding(concept)
    for told in made.get("communication", ()):
        told.pop("preferred", None)
    made["extension"] = _extensions(made, look)
    display, code, system = _NORMAL
    made.setdefault("meta", {})["security"] = [{"display": display, "code": code, "system": system}]
    drop(made, "active", "generalPractitioner", "managingOrganization", "deceasedBoolean", "multipleBirthBoolean")
    return {name: value for name, value in made.items() if value != []}


def social_security(look: Look, id: str) -> str:
    """Nine digits beginning with 9, which no Social Security number does."""
    return "9" + look.number("ssn", id, digits=8)


def _name(name: JSON) -> JSON:
    """All official, told apart by their periods; a nickname says that it is one."""
    use = "nickname" if name.get("use") == "nickname" else "official"
    kept: JSON = {key: name[key] for key in ("period", "family", "suffix", "given", "prefix") if key in name}
    return {"use": use, **kept}


def _address(address: JSON, use: str) -> JSON:
    made: JSON = {key: address[key] for key in ("period", "state", "postalCode") if key in address}
    made["use"], made["country"] = use, "USA"
    made["line"] = [str(line).upper() for line in address.get("line", ())]
    made["city"] = str(address.get("city", "")).upper()
    return {key: value for key, value in made.items() if value}


def _point(point: JSON) -> JSON:
    """`(202) 555-0143`; a mail address has no use."""
    value = str(point.get("value", ""))
    if point.get("system") == "email":
        return {"value": value, "system": "email"}
    return {"use": point.get("use", "home"), "value": with_parentheses(value), "system": point.get("system", "phone")}


def with_parentheses(value: str) -> str:
    """Ten digits as `(202) 555-0143`; anything else as it is."""
    digits = "".join(letter for letter in value if letter.isdigit())
    digits = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else value


def _extensions(made: JSON, look: Look) -> list[JSON]:
    found = [look.of_charts(1 + number) for number in range(CHART_GROUPS)]
    told = {str(one.get("url", "")).removeprefix(_US_CORE): one for one in made.get("extension", ())}
    for name in _KEPT:
        if name in told:
            found.append(told[name])
    gender = made.get("gender")
    if gender in ("male", "female"):
        coding = {"display": gender, "code": gender, "system": _GENDER_IDENTITY}
        concept = {"text": gender, "coding": [coding]}
        url = "http://hl7.org/fhir/StructureDefinition/patient-genderIdentity"
        found.insert(CHART_GROUPS + 1, {"url": url, "valueCodeableConcept": concept})
    return found


def shape_practitioner(made: JSON, clean: JSON, look: Look) -> JSON:
    """Known by user name, by the practice's number of the provider, and to the tax office."""
    number = bare(str(made["id"]))
    family = str(next((name.get("family", "") for name in made.get("name", ())), "")).lower()
    npi = [one for one in made.get("identifier", ()) if str(one.get("system", "")).endswith("/us-npi")]
    user = {
        "value": f"{family[:12].replace(' ', '')}{number}",
        "system": "https://identity.athena.io/sid/athenanet-user",
    }
    own = {"value": f"{look.practice}.{number}", "system": "https://directory.athena.io/sid/provider"}
    tax = {"value": "000" + look.number("tax", number, digits=6), "system": "urn:oid:2.16.840.1.113883.4.4"}
    made["identifier"] = [*({"value": one["value"], "system": one["system"]} for one in npi), user, own, tax]
    made["meta"] = {"profile": [STRUCTURES + "ah-provider-practitioner"]}
    made["extension"] = [look.of_practice(), _provider_details(made)]
    for point in made.get("telecom", ()):
        point["value"] = with_parentheses(str(point.get("value", "")))
    drop(made, "qualification", "photo")
    return made


def _provider_details(made: JSON) -> JSON:
    degree = next((suffix for name in made.get("name", ()) for suffix in name.get("suffix", ())), "MD")
    kind = {"coding": [{"system": CODES + "ah-provider-type", "code": degree}], "text": degree}
    inner: list[JSON] = [{"url": "providerType", "valueCodeableConcept": kind}]
    told = [one for one in made.get("qualification", ()) if code_in(one.get("code"))]
    text = str(told[-1]["code"].get("text", "")) if told else ""
    if text:
        specialty = {"coding": [{"system": CODES + "ah-specialty", "display": text}], "text": text}
        inner.append({"url": "specialty", "valueCodeableConcept": specialty})
    return {"url": STRUCTURES + "ah-practitioner-provider-details", "extension": inner}


def organization_flavour(resource: JSON) -> str:
    """What an Organization is to the practice."""
    place = place_of(str(resource.get("id", "")))
    if place == (None, 0):
        return "practice"
    if "partOf" in resource:
        return "provider-group"
    return "payer" if code_in(resource.get("type")) == "pay" else "clinical-provider"


def shape_organization(made: JSON, clean: JSON, look: Look) -> JSON:
    """No `meta` at all."""
    made["identifier"] = [one for one in made.get("identifier", ()) if str(one.get("system", "")).endswith("/us-npi")]
    drop(made, "meta", "active", *(() if made["identifier"] else ("identifier",)))
    made["active"] = True
    made["extension"] = [look.of_practice()]
    for point in made.get("telecom", ()):
        point["value"] = with_parentheses(str(point.get("value", "")))
    return made


def groups_beside(look: Look) -> list[JSON]:
    """What stands beside the practice: the vendor, its chart sharing groups, and each department once more."""
    name = "Organization"
    practice = {"reference": f"Organization/a-1.Practice-{look.practice}"}
    found: list[JSON] = [{"resourceType": name, "id": "a-1.Org-ATHENA", "active": True, "name": "athenahealth"}]
    for group in range(1, CHART_GROUPS + 1):
        id = f"a-{look.practice}.CSG-{group}"
        found.append({"resourceType": name, "id": id, "active": True, "name": f"Chart Sharing Group {group}",
                      "partOf": dict(practice)})  # fmt: skip
    ordinal = 0
    while (place := look.dresser.neighbour(f"Location/d{ordinal}")) is not None:
        id = look.ids.encode(name, None, ordinal, "department")
        found.append({"resourceType": name, "id": id, "active": True, "name": str(place.get("name", "")),
                      "partOf": dict(practice)})  # fmt: skip
        ordinal += 1
    return found


def shape_location(made: JSON, clean: JSON, look: Look) -> JSON:
    """A department: the same id as that of an Organization, a profile of the vendor's own, an extension in `meta`."""
    made["meta"] = {
        "extension": [look.of_practice()],
        "profile": [STRUCTURES + "ah-department-location"],
    }
    inner = [{"url": "departmentId", "valueString": bare(str(made["id"]))}]
    made["extension"] = [
        look.of_practice(),
        look.of_charts(),
        look.of_providers(),
        {"url": STRUCTURES + "ah-location-department-details", "extension": inner},
    ]
    for point in made.get("telecom", ()):
        point["value"] = with_parentheses(str(point.get("value", "")))
    made["identifier"] = [{"value": str(made["id"]), "system": SIDS + "ah-department"}]
    drop(made, "mode", "managingOrganization", "identifier", "partOf")
    return made
