"""Oracle Health's Patient. Sources: notes.md, section Patient."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from mockehr.core.exchange import JSON
from mockehr.core.page import SearchPage
from mockehr.personalities.concepts import code_in
from mockehr.personalities.dates import as_moment
from mockehr.personalities.oracle.look import HL7, Look, unknown
from mockehr.personalities.oracle.relations import contacts
from mockehr.personalities.people import sorted_name

_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/"
_HL7_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/"
_SEX_CODES: Final = {"F": "248152002", "M": "248153007"}
_MRN: Final = "urn:oid:2.16.840.1.113883.6.1000"
_MILITARY: Final = "urn:oid:2.16.840.1.113883.3.42.10001.100001.12"
_OTHERS: Final = (
    # what, system, v2-0203 code and display, type text, digits
    (
        "CMRN",
        "urn:oid:2.16.840.1.113883.3.787.0.0",
        ("MR", "Medical record number"),
        "Community Medical Record Number",
        9,
    ),
    ("MRN", "urn:oid:7.7.7.7.7.7", ("MR", "Medical record number"), "MRN", 10),
    ("MSG", "urn:oid:2.16.840.1.113883.3.13.8", ("U", "Unspecified identifier"), "Messaging", 0),
    ("FPP", "urn:oid:2.16.840.1.113883.3.13.6", ("AN", "Account number"), "Federated Person Principal", 0),
)


def shape_patient(made: JSON, clean: JSON, look: Look) -> JSON:
    """Element ids, periods, the tenant's codes beside the standard's, several identifiers, one contact preference."""
    since = _since(made)
    made["extension"] = _extensions(made, look)
    made["identifier"] = _identifiers(made, clean, since, look)
    made["name"] = [_name(name, number, since, look) for number, name in enumerate(made.get("name", ()))]
    made["name"] += _former(made["name"], str(clean.get("id", "")), look)
    points = [_point(point, number, since, look) for number, point in enumerate(made.get("telecom", ()))]
    if points:
        made["telecom"] = points
    addresses = [_address(address, number, look) for number, address in enumerate(made.get("address", ()))]
    if addresses:
        made["address"] = addresses
    if "deceasedDateTime" in made:
        made["deceasedDateTime"] = as_moment(made["deceasedDateTime"], "millis")
    else:
        made.setdefault("deceasedBoolean", False)
    if "maritalStatus" in made:
        made["maritalStatus"] = look.mapped("codeSet/38", made["maritalStatus"])
    for language in made.get("communication", ()):
        language["language"] = look.mapped("codeSet/36", language["language"])
    for number, doctor in enumerate(made.get("generalPractitioner", ())):
        made["generalPractitioner"][number] = {"id": _id(look, "gp", clean, number), **doctor}
    known = contacts(clean, look)
    if known:
        made["contact"] = known
    made.pop("managingOrganization", None)
    return made


def combined(made: JSON) -> JSON | None:
    """Of a record that was combined into another there is nothing but the other's id; None for all others.

    One whose merge is half done is still active, and shown as it is.
    """
    gone = any(link.get("type") == "replaced-by" for link in made.get("link", ()))
    if not gone or made.get("active") is not False:
        return None
    kept = ("resourceType", "id", "meta", "link")
    nothing: JSON = {"identifier": [unknown()], "active": False, "name": [unknown()], "_gender": unknown()}
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>Patient</b></p></div>'}
    head = {**{name: made[name] for name in kept if name in made}, "text": text}
    return {**head, "meta": {**made.get("meta", {}), "versionId": "0"}, **nothing}


def found_patients(page: SearchPage) -> SearchPage:
    """A page without those who were combined into another."""
    kept = [one for one in page.entries if not (isinstance(one[2], bytes) and _is_combined(one[2]))]
    if len(kept) == len(page.entries):
        return page
    total = None if page.total is None else page.total - len(page.entries) + len(kept)
    return replace(page, entries=kept, total=total, joined=None)


def _is_combined(body: bytes) -> bool:
    return b'"replaced-by"' in body and combined(orjson.loads(body.decode("utf-8", "replace"))) is not None


def _since(made: JSON) -> str:
    periods = (
        one.get("period", {}).get("start", "") for name in ("name", "identifier") for one in made.get(name, ())
    )
    return as_moment(next((str(start) for start in periods if start), "2015-01-01"), "millis")


def _id(look: Look, what: str, clean: JSON, number: int) -> str:
    """Element ids that show internal keys: `CI-490016886-0`."""
    return f"CI-{look.number('element', what, str(clean.get('id', '')), digits=9)}-{number}"


def _extensions(made: JSON, look: Look) -> list[JSON]:
    """Race, ethnicity, birth sex, sex, and how the patient wants to be reached."""
    told = [one for one in made.get("extension", ()) if one.get("url", "").startswith(_US_CORE)]
    for one in told:
        for part in one.get("extension", ()):
            if "valueCoding" in part:
                part["valueCoding"]["userSelected"] = False
    found = [one for one in told if not one["url"].endswith(("us-core-sex", "us-core-genderIdentity"))]
    birth = next((one.get("valueCode") for one in told if one["url"].endswith("us-core-birthsex")), "")
    if birth in _SEX_CODES:
        found.append({"valueCode": _SEX_CODES[birth], "url": _US_CORE + "us-core-sex"})
    found.append(_preference(made, look))
    return found


def _preference(made: JSON, look: Look) -> JSON:
    """One `communication-preference`, nested, about reminders by phone."""

    def part(name: str, path: str, system: str, code: str, text: str) -> JSON:
        standard = {"coding": [{"system": system, "code": code, "display": text}], "text": text}
        return {"valueCodeableConcept": look.mapped(path, standard), "url": name}

    topic = part("communication-type", "codeSet/4640016", HL7 + "communication-topic", "reminder", "Reminder")
    method = part("contact-method", "codeSet/23042", "http://hl7.org/fhir/contact-point-system", "phone", "Phone")
    kind = part("contact-type", "codeSet/43", "http://hl7.org/fhir/contact-point-use", "home", "Home")
    verified = {"valueDateTime": _since(made), "url": "verified-datetime"}
    number = look.number("preference", str(made["id"]), digits=8)
    url = f"{look.tables['ehr']}/communication-preference"
    return {"id": number, "extension": [topic, method, kind, verified], "url": url}


def _identifiers(made: JSON, clean: JSON, since: str, look: Look) -> list[JSON]:
    """The MRN under the enterprise's OID, a community number, a second pool's, and two for messages and portal."""
    told = (one for one in made.get("identifier", ()) if code_in(one.get("type")) == "MR")
    mrn = next((str(one["value"]) for one in told if one.get("value")), str(made["id"]))
    medical = ("MR", "Medical record number")
    found = [_identifier(look, clean, 0, since, "MRN", medical, "MRN") | {"system": _MRN, "value": mrn}]
    for number, (what, system, kind, text, digits) in enumerate(_OTHERS, start=1):
        one = _identifier(look, clean, number, since, what, kind, text)
        if what == "FPP":
            value = (
                f"URN:CERNER:IDENTITY-FEDERATION:REALM:{look.tenant}:PRINCIPAL:{look.number('fpp', mrn, digits=12)}"
            )
        elif what == "MSG":
            value = f"{look.number('message', mrn, digits=9)}@direct.example.org"
        else:
            value = look.number(what, str(number), mrn, digits=digits)
        found.append({**one, "system": system, "value": value})
    if look.dresser.stream("oracle", "military", str(clean.get("id", ""))).chance(look.tables["military_share"]):
        military = _identifier(look, clean, len(found), since, "Military", ("", ""), "Military Id")
        found.append({**military, "system": _MILITARY, "value": look.number("military", mrn, digits=9)})
    nameless = _identifier(look, clean, len(found), since, "Historical", medical, "Historical MRN")
    found.append({**nameless, "use": "old", "_system": unknown(), "value": look.number("historical", mrn, digits=6)})
    for one in found:
        rendered = {"valueString": one["value"], "url": "http://hl7.org/fhir/StructureDefinition/rendered-value"}
        one["_value"] = {"extension": [rendered]}
    order = ("id", "use", "type", "system", "_system", "value", "_value", "period")
    return [{name: one[name] for name in order if name in one} for one in found]


def _identifier(
    look: Look, clean: JSON, number: int, since: str, what: str, kind: tuple[str, str], text: str
) -> JSON:
    own = look.own("codeSet/4", what, text, digits=4)
    standard = [{"system": HL7 + "v2-0203", "code": kind[0], "display": kind[1], "userSelected": False}]
    period = {"start": since, **({"end": "2100-12-31T00:00:00.000Z"} if number % 2 else {})}
    return {
        "id": _id(look, f"identifier{number}", clean, number),
        "use": "usual",
        "type": {"coding": [own, *(standard if kind[0] else [])], "text": text},
        "period": period,
    }


def _name(name: JSON, number: int, since: str, look: Look) -> JSON:
    made: JSON = {
        "id": f"CI-{look.number('name', name.get('text') or sorted_name(name), digits=9)}-{number}",
        "use": name.get("use", "official"),
        "text": sorted_name(name) or " ".join(name.get("given", ())),
        "family": name.get("family"),
        "given": name.get("given"),
        "prefix": name.get("prefix"),
        "suffix": name.get("suffix"),
        "period": {"start": since},
    }
    return {key: value for key, value in made.items() if value}


def _former(names: list[JSON], patient: str, look: Look) -> list[JSON]:
    """For some an old name, which is the present one in another spelling, and over."""
    if not names or not look.dresser.stream("oracle", "former", patient).chance(look.tables["former_names_share"]):
        return []
    now = names[0]
    period = {"start": now["period"]["start"], "end": now["period"]["start"]}
    old = {**now, "id": f"CI-{look.number('former', patient, digits=9)}-{len(names)}", "use": "old", "period": period}
    if "family" in now:
        old |= {"family": now["family"].upper(), "text": now.get("text", "").upper()}
    return [old]


def _point(point: JSON, number: int, since: str, look: Look) -> JSON:
    """A phone also as `tel:`, a mail address also as `mailto:` (iso21090-TEL-address)."""
    value = str(point.get("value", ""))
    url = f"mailto:{value}" if point.get("system") == "email" else "tel:" + "".join(c for c in value if c.isdigit())
    extensions: list[JSON] = [{"valueUrl": url, "url": _HL7_EXTENSION + "iso21090-TEL-address"}]
    if point.get("use") == "work" and point.get("system") == "phone":
        line = look.number("line", value, digits=3)
        extensions.append({"valueString": line, "url": _HL7_EXTENSION + "contactpoint-extension"})
    prefix = "EM" if point.get("system") == "email" else "PH"
    return {
        "id": f"CI-{prefix}-{look.number('telecom', value, digits=8)}-{number}",
        "extension": extensions,
        **{name: point[name] for name in ("system", "value", "use") if name in point},
        "rank": number + 1,
        "period": {"start": since},
    }


def _address(address: JSON, number: int, look: Look) -> JSON:
    lines = list(address.get("line", ()))
    town = ", ".join(str(address[name]) for name in ("city", "state") if name in address)
    text = "\n".join([*lines, f"{town} {address.get('postalCode', '')}".strip(), str(address.get("country", ""))])
    start = address.get("period", {}).get("start")
    made: JSON = {
        "id": f"CI-{look.number('address', text, digits=9)}-{number}",
        "use": address.get("use", "home"),
        "text": text,
        **{n: address[n] for n in ("line", "city", "district", "state", "postalCode", "country") if n in address},
    }
    return {**made, "period": {"start": as_moment(start, "millis")}} if start else made
