"""MEDITECH's Patient. Sources: notes.md, section Patient."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, codings, drop, keep
from mockehr.personalities.dates import as_moment
from mockehr.personalities.meditech.look import HL7, Look
from mockehr.personalities.people import main_name

_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_RACES: Final = "urn:oid:2.16.840.1.113883.6.238"
_TAGS: Final = "urn:ietf:bcp:47"
_KIN: Final = "urn:oid:2.16.840.1.113883.5.111"
_RELATIVES: Final = {
    # marital status and gender → code of RoleCode and what it is called
    ("M", "female"): ("HUSB", "husband"),
    ("M", "male"): ("WIFE", "wife"),
    ("other", "female"): ("SIS", "sister"),
    ("other", "male"): ("BRO", "brother"),
}
_NAMES: Final = {
    "husband": ("Dan", "Mark", "Peter", "Luis"),
    "brother": ("Adam", "Paul", "Victor", "Sean"),
    "wife": ("Anna", "Carol", "Maria", "Joan"),
    "sister": ("Beth", "Irene", "Lucy", "Nora"),
}


def shape_patient(made: JSON, clean: JSON, look: Look) -> JSON:
    """One number, one name, addresses of the past, somebody to call, three-letter languages."""
    mrn = next((str(one["value"]) for one in made.get("identifier", ()) if code_in(one.get("type")) == "MR"), "")
    made["identifier"] = [_record_number(look, mrn)] if mrn else made.get("identifier", [])
    made["active"] = True
    made["name"] = [keep(main_name(made), "family", "given", "suffix")]
    made["telecom"] = _points(made.get("telecom", []))
    if not made["telecom"]:
        del made["telecom"]
    first = next(iter(made.get("address", ())), None)
    if first is not None:
        made["address"] = _addresses(first, made, look)
        if look.draw("contact", clean, "contact_share"):
            made["contact"] = [_contact(first, made, clean, look)]
    for spoken in made.get("communication", ()):
        for one in codings(spoken.get("language")):
            if one.get("system") == _TAGS:
                one["code"] = look.tables["languages"].get(one.get("code"), one.get("code"))
    made["extension"] = _extensions(made.get("extension", []))
    drop(made, "managingOrganization")
    return made


def _record_number(look: Look, mrn: str) -> JSON:
    shown = "Medical record number"
    kind = {"text": shown, "coding": [{"system": HL7 + "v2-0203", "code": "MR", "display": shown}]}
    return {"type": kind, "system": look.system("MRN"), "value": look.record_number(mrn)}


def _points(told: list[JSON]) -> list[JSON]:
    """Mail first and without a use, then the numbers, ranked."""
    mails = [keep(one, "system", "value") for one in told if one.get("system") == "email"]
    numbers = [keep(one, "system", "value", "use") for one in told if one.get("system") != "email"]
    return mails + [{**one, "rank": rank} for rank, one in enumerate(numbers, start=1)]


def _address(told: JSON, use: str) -> JSON:
    return {
        "use": use,
        "type": "both",
        **keep(told, "line", "city", "state", "postalCode"),
        "country": "USA",
    }


def _addresses(told: JSON, made: JSON, look: Look) -> list[JSON]:
    """The present one, and as `old` the same in capitals, and as it was until it was entered once more."""
    now = _address(told, "home")
    if not look.tables["old_addresses"]:
        return [now]
    loud = {**_address(told, "old"), "city": str(told.get("city", "")).upper()}
    since = str(told.get("period", {}).get("start", "2015-01-01"))
    day = look.dresser.stream("meditech", "moved", str(made["id"])).between(1, 28)
    year = max(int(since[:4]) + 1, 2016)
    until = f"{year}-{since[5:7] or '01'}-{day:02d}T18:35:35Z"
    return [now, loud, {**_address(told, "old"), "period": {"end": as_moment(until, "offset")}}]


def _contact(address: JSON, made: JSON, clean: JSON, look: Look) -> JSON:
    """A spouse or a sibling of the same house, reached by the patient's own numbers; the county in capitals."""
    stream = look.dresser.stream("meditech", "kin", str(clean["id"]))
    married = code_in(made.get("maritalStatus")) == "M"
    gender = "male" if made.get("gender") == "male" else "female"
    code, word = _RELATIVES["M" if married else "other", gender]
    name = {"family": made["name"][0].get("family", "Unknown"), "given": [stream.choice(_NAMES[word])]}
    where = _address(address, "home")
    where["city"] = str(where.get("city", "")).upper()
    county = str(address.get("district", "")).removesuffix(" County").upper()
    if county:
        where["district"] = f"{county} ({address.get('state', '')})"
    called: JSON = {"coding": [{"system": HL7 + "v2-0131", "code": "ECON", "display": "emergency contact"}]}
    kin = {"coding": [{"system": _KIN, "code": code, "display": word}], "text": word.capitalize()}
    contact: JSON = {"name": name, "address": where, "relationship": [{**called, "text": "Emergency Contact"}, kin]}
    numbers = [one for one in made.get("telecom", ()) if one.get("system") == "phone"]
    return {**contact, "telecom": [dict(one) for one in numbers]} if numbers else contact


def _extensions(told: list[JSON]) -> list[JSON]:
    """Race and ethnicity with the category told once more as a detail; the sex in two extensions."""
    found = []
    for one in told:
        if one.get("url") in (_US_CORE + "race", _US_CORE + "ethnicity"):
            parts: list[JSON] = one.get("extension", [])
            wide = [part for part in parts if part.get("url") == "ombCategory"]
            values = [part["valueCoding"] for part in wide if part["valueCoding"].get("system") == _RACES]
            detailed = [{"url": "detailed", "valueCoding": dict(value)} for value in values]
            others = [part for part in parts if part.get("url") not in ("ombCategory", "detailed")]
            found.append({"url": one["url"], "extension": [*wide, *detailed, *others]})
        elif one.get("url") == _US_CORE + "birthsex":
            found.append({"url": one["url"], "valueCode": one.get("valueCode")})
            found.append({"url": _US_CORE + "sex", "valueCode": one.get("valueCode")})
    return found
