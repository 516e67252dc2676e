"""Epic's Patient. Sources: notes.md, section Patient."""

from __future__ import annotations

import base64
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, coding, concept, drop, text_of, with_text
from mockehr.personalities.epic.look import EPIC, EPIC_EXTENSION, Look
from mockehr.personalities.ids import place_of
from mockehr.personalities.people import spoken_name

_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/"
_LOINC: Final = "http://loinc.org"
_SEX_SYSTEM: Final = "10.698084.130.657370.19999000"
_PRONOUNS: Final = {
    "male": ("LA29518-0", "he/him/his/his/himself"),
    "female": ("LA29519-8", "she/her/her/hers/herself"),
}
_PRONOUNS_OTHER: Final = ("LA29520-6", "they/them/their/theirs/themselves")
_SEX_CODES: Final = {"male": "248153007", "female": "248152002"}
_BIRTH_SEX: Final = {"M": "male", "F": "female"}
_MODES: Final = (("ESP", "Expressed spoken", "verbal"), ("EWR", "Expressed written", "written"))
CARIN: Final = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType"
"""Code system of the one identifier type that is coded."""
_QUALIFIER: Final = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
COUNTRIES: Final = {"US": "United States of America"}
"""Names of countries in addresses."""


def shape_patient(made: JSON, clean: JSON, look: Look) -> JSON:
    """Extensions, nine identifiers, doubled names, postal text, language skills."""
    made["extension"] = extensions(made, look)
    made["identifier"] = _identifiers(made, clean, look)
    made["name"] = names(made, look)
    made["telecom"] = [
        {key: value for key, value in point.items() if key != "period"} | {"rank": number + 1}
        for number, point in enumerate(made.get("telecom", ()))
    ]
    if not made["telecom"]:
        del made["telecom"]
    if "deceasedDateTime" not in made:
        made.setdefault("deceasedBoolean", False)
    if "address" in made:
        made["address"] = [_address(address) for address in made["address"]]
    if "maritalStatus" in made:
        made["maritalStatus"] = {"text": text_of(made["maritalStatus"])}
    for language in made.get("communication", ()):
        _communicate(language)
    drop(made, "photo")
    if not look.dresser.stream("epic", "primary-care", str(clean.get("id", ""))).chance(
        look.tables["primary_care_share"]
    ):
        drop(made, "generalPractitioner")
    return made


def extensions(made: JSON, look: Look) -> list[JSON]:
    """Legal sex, sex for clinical use, race, ethnicity, sex and pronouns, in this order; no birth sex, no gender."""
    clean = {str(one.get("url", "")): one for one in made.get("extension", ()) if isinstance(one, dict)}
    gender = str(made.get("gender", "unknown"))
    at_birth = clean.get(_US_CORE + "us-core-birthsex", {}).get("valueCode", "")
    born = _BIRTH_SEX.get(at_birth, gender)
    legal = concept(look.oid(_SEX_SYSTEM), gender, gender, gender.title())
    clinical = {"coding": [coding(look.oid(_SEX_SYSTEM), born, born)]}
    pronoun = _PRONOUNS.get(gender, _PRONOUNS_OTHER)
    found = [
        _extension(EPIC_EXTENSION + "legal-sex", valueCodeableConcept=legal),
        _extension(EPIC_EXTENSION + "sex-for-clinical-use", valueCodeableConcept=clinical),
    ]
    for part in ("race", "ethnicity"):
        found.append(_group(clean.get(f"{_US_CORE}us-core-{part}"), part))
    found.append(_extension(_US_CORE + "us-core-sex", valueCode=_SEX_CODES.get(born, "184115007")))
    found.append(
        _extension(
            EPIC_EXTENSION + "calculated-pronouns-to-use-for-text",
            valueCodeableConcept={"coding": [coding(_LOINC, *pronoun)]},
        )
    )
    known = {one["url"] for one in found} | {_US_CORE + "us-core-birthsex", _US_CORE + "us-core-genderIdentity"}
    return found + [one for url, one in clean.items() if url not in known]


def _group(told: JSON | None, part: str) -> JSON:
    """Race or ethnicity; an unknown ethnicity has only the text, an unknown race also UNK."""
    parts = list(told["extension"]) if told else []
    category = next((p["valueCoding"].get("code") for p in parts if p.get("url") == "ombCategory"), "UNK")
    if category in ("UNK", "ASKU"):
        unknown = coding("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK", "Unknown")
        parts = [{"valueString": "Unknown", "url": "text"}]
        if part == "race":
            parts.insert(0, {"valueCoding": unknown, "url": "ombCategory"})
    return {"extension": parts, "url": f"{_US_CORE}us-core-{part}"}


def _extension(url: str, **value: object) -> JSON:
    return {**value, "url": url}


def _identifiers(made: JSON, clean: JSON, look: Look) -> list[JSON]:
    """CEID, EPIC, EXTERNAL, two FHIR ids, INTERNAL (padded), EPI (the MRN), and MyChart's for those who have it."""
    dice = look.dresser.stream("epic", "patient", str(clean.get("id", "")))
    local = look.number(clean, "patient")
    told = (one for one in made.get("identifier", ()) if code_in(one.get("type")) == "MR")
    mrn = next((one["value"] for one in told if one.get("value")), local)
    external: JSON = typed("EXTERNAL", look.oid("2.698084"), f"Z{local}")
    external["type"] = {"coding": [coding(CARIN, "um")], "text": "EXTERNAL"}
    padded = f"     Z{local}" if look.tables["padded_internal_ids"] else f"Z{local}"
    found = [
        typed("CEID", look.oid("3.688884.100"), "FHR" + letters(dice.token(8))),
        typed("EPIC", look.oid("5.737384.0"), f"E{local}"),
        external,
        typed("FHIR", EPIC + "patient-dstu2-fhir-id", dstu2_id(clean, look)),
        typed("FHIR STU3", EPIC + "patient-fhir-id", str(made["id"])),
        typed("INTERNAL", look.oid("2.698084"), padded),
        typed(str(look.tables["record_number_type"]), look.oid("5.737384.14"), str(mrn)),
    ]
    if dice.chance(0.7):
        family = next((str(n.get("family", "")) for n in made.get("name", ()) if n.get("family")), "USER")
        login = "".join(letter for letter in family.upper() if letter.isalnum()) + local[-3:]
        found.append(typed("MYCHARTLOGIN", look.oid("3.878082.110"), login))
        found.append(typed("WPRINTERNAL", look.oid("2.878082"), look.number(clean, "mychart")))
    return found


def dstu2_id(clean: JSON, look: Look) -> str:
    """The id that the DSTU2 service uses for a patient: `T…B`, 45 characters."""
    place = place_of(str(clean.get("id", "")))
    seed = look.dresser.facts.key("epic", "dstu2", str(place or clean.get("id", "")))
    return "T" + base64.b64encode(seed + seed[:1], altchars=b".-").decode()[:43] + "B"


def typed(name: str, system: str, value: str) -> JSON:
    """An identifier whose type is only a text."""
    return {"use": "usual", "type": {"text": name}, "system": system, "value": value}


def letters(octets: bytes) -> str:
    """Twelve letters and digits that cannot be taken for one another."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    number = int.from_bytes(octets, "big")
    return "".join(alphabet[number >> 5 * place & 31] for place in range(12))


def names(made: JSON, look: Look) -> list[JSON]:
    """The official name, again as `usual`, and what the patient wants to be called, in the way of the house."""
    found: list[JSON] = []
    wished = next((one for one in made.get("name", ()) if one.get("use") == "nickname"), None)
    way = look.tables["preferred_name"]
    for name in made.get("name", ()):
        if name is wished and way != "nickname":
            continue
        name = {key: value for key, value in name.items() if key != "period"}
        if "prefix" in name:
            name["prefix"] = [str(prefix).upper() for prefix in name["prefix"]]
        name.setdefault("text", spoken_name(name))
        shown = {key: name[key] for key in ("use", "text", "family", "given", "prefix", "suffix") if key in name}
        if name.get("use", "official") == "official":
            found.insert(0, {**shown, "use": "official"})
            usual = {**shown, "use": "usual"}
            found.insert(1, _called(usual, wished, way) if wished is not None else usual)
        elif name.get("use") != "usual":
            found.append({"use": name["use"], "text": name["text"], **{k: v for k, v in shown.items() if k != "use"}})
    return found


def _called(usual: JSON, wished: JSON, way: str) -> JSON:
    """The usual name with what the patient wants to be called: in place of the given ones, or beside them."""
    given = list(wished.get("given", ())) or [str(wished.get("text", ""))]
    if way == "usual":
        named = {**usual, "given": given}
        named["text"] = spoken_name(named)
        return named
    if way == "extension":
        called = {"extension": [{"valueCode": "CL", "url": _QUALIFIER}]}
        names = list(usual.get("given", ()))
        return {**usual, "given": [*names, *given], "_given": [*([None] * len(names)), *([called] * len(given))]}
    return usual


def _address(address: JSON) -> JSON:
    """Upper-case city and county, `text` with CRLF and the country's name, no `type`."""
    address = {key: value for key, value in address.items() if key != "type"}
    address["use"] = address.get("use", "home")
    for name in ("city", "district"):
        if name in address:
            address[name] = str(address[name]).removesuffix(" County").upper()
    town = " ".join(str(address[name]) for name in ("city", "state", "postalCode") if name in address)
    country = str(address.get("country", ""))
    lines = [*address.get("line", ()), town, COUNTRIES.get(country, country)]
    address["text"] = "\r\n".join(line for line in lines if line)
    order = ("use", "text", "line", "city", "district", "state", "postalCode", "country", "period")
    return {name: address[name] for name in order if name in address}


def _communicate(language: JSON) -> None:
    """Spoken and written skills, and preferences for both, on what is preferred."""
    with_text(language["language"])
    if not language.get("preferred"):
        return
    ability = "http://terminology.hl7.org/CodeSystem/v3-LanguageAbilityMode"
    preference = "http://hl7.org/fhir/language-preference-type"
    skills, wishes = [], []
    for code, display, mode in _MODES:
        inner = _extension("type", valueCoding=coding(ability, code, display))
        skills.append({"extension": [inner], "url": "http://hl7.org/fhir/StructureDefinition/patient-proficiency"})
        wish = coding(preference, mode, mode)
        wishes.append(_extension("http://hl7.org/fhir/StructureDefinition/patient-preferenceType", valueCoding=wish))
    spoken = dict(language)
    language.clear()
    language.update({"extension": skills, **spoken, "_preferred": {"extension": wishes}})
