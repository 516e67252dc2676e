"""Oracle Health's practitioners, organizations and places. Sources: notes.md, section Practitioner, Organization …"""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import codings, drop, text_of
from mockehr.personalities.oracle.look import HL7, Look, standard_codings, unknown
from mockehr.personalities.people import main_name, sorted_name

_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_SINCE: Final = "2015-01-01T06:00:00.000Z"
_KINDS: Final = {
    # organization-type → code and text in code set 278
    "prov": ("PLACEOFSVC", "Place of Service"),
    "ins": ("INSCO", "Insurance Company"),
    "pay": ("INSCO", "Insurance Company"),
    "bus": ("EMPLOYER", "Employer"),
}


def shape_practitioner(made: JSON, clean: JSON, look: Look) -> JSON:
    """An identifier of an unknown system and the NPI; degrees in code set 29600; names as "Family, Given"."""
    npi = next((str(one["value"]) for one in clean.get("identifier", ()) if one.get("system") == _NPI), "")
    made["identifier"] = [
        _identifier("DOCUPIN", "PRN", "Provider number", look.number("docupin", str(made["id"]), digits=6)),
    ]
    if npi:
        made["identifier"].append(
            _identifier("National Provider Identifier", "NPI", "National provider identifier", npi, _NPI)
        )
    name = main_name(clean)
    told: JSON = {
        "use": "usual",
        "text": sorted_name({key: value for key, value in name.items() if key != "suffix"}),
        **{key: name[key] for key in ("family", "given", "prefix", "suffix") if key in name},
        "period": {"start": _SINCE},
    }
    made["name"] = [told]
    made["qualification"] = [
        {
            "code": {"coding": [look.own("codeSet/29600", degree, degree, digits=6)], "text": degree},
            "period": {"start": _SINCE},
        }
        for degree in name.get("suffix", ())
    ]
    if not made["qualification"]:
        del made["qualification"]
    made["address"] = [_address(one) for one in made.get("address", ())]
    drop(made, "communication", "photo", *(() if made["address"] else ("address",)))
    return made


def _identifier(text: str, code: str, display: str, value: str, system: str = "") -> JSON:
    where: JSON = {"system": system} if system else {"_system": unknown()}
    return {
        "use": "usual",
        "type": {"coding": [{"system": HL7 + "v2-0203", "code": code, "display": display}], "text": text},
        **where,
        "value": value,
        "period": {"start": _SINCE},
    }


def shape_organization(made: JSON, clean: JSON, look: Look) -> JSON:
    """Types in code set 278, whose codes are words; what is not there is told as unknown."""
    for one in made.get("identifier", ()):
        npi = one.get("system") == _NPI
        code, text = ("NPI", "National Provider Identifier") if npi else ("ORGALIAS", "Organization Alias")
        standard = {"system": HL7 + "v2-0203", "code": "NPI", "display": "National provider identifier"}
        own = {"system": look.system("codeSet/334"), "code": code, "display": text, "userSelected": True}
        kind = {"coding": [own, *([standard] if npi else [])], "text": text}
        told = {"use": "official", "type": kind, **{k: one[k] for k in ("system", "value") if k in one}}
        one.clear()
        one.update(told)
    kinds = []
    for kind in made.get("type", ()):
        code, text = _KINDS.get(next((str(one.get("code")) for one in codings(kind)), ""), ("CLIENT", "Client"))
        own = {"system": look.system("codeSet/278"), "code": code, "display": text, "userSelected": True}
        kinds.append({"coding": [own, *standard_codings(kind)], "text": text})
    made["type"] = kinds
    made["address"] = [_address(one) for one in made.get("address", ())]
    for name in ("identifier", "type", "telecom", "address"):
        made[name] = made.get(name) or [unknown()]
    drop(made, "contact", "endpoint", "alias")
    return made


def shape_location(made: JSON, clean: JSON, look: Look) -> JSON:
    """A physical type in code set 222 and the standard's; an identifier whose system is the name of its type."""
    told = next((str(one["value"]) for one in clean.get("identifier", ()) if one.get("value")), "")
    own = {"system": look.system("codeSet/73"), "code": "ACCTRECEIVABLE", "display": "FIN NBR", "userSelected": True}
    if told:
        made["identifier"] = [{"use": "official", "type": {"coding": [own]}, "system": "FIN NBR", "value": told}]
    if isinstance(made.get("physicalType"), dict):
        site = {"bu": "Facility(s)", "wa": "Nurse Unit(s)", "ro": "Room(s)", "bd": "Bed(s)"}
        code = next((str(one.get("code")) for one in codings(made["physicalType"])), "")
        text = site.get(code, text_of(made["physicalType"]))
        made["physicalType"] = look.mapped("codeSet/222", made["physicalType"], text)
    if isinstance(made.get("address"), dict):
        made["address"] = _address(made["address"])
    drop(made, "position", "hoursOfOperation", "endpoint", "description")
    return made


def _address(address: JSON) -> JSON:
    """With everything on one text: lines, town, country."""
    lines = list(address.get("line", ()))
    town = ", ".join(str(address[name]) for name in ("city", "state") if name in address)
    parts = [*lines, f"{town} {address.get('postalCode', '')}".strip(), str(address.get("country", ""))]
    known = ("line", "city", "district", "state", "postalCode", "country")
    return {
        **({"use": address["use"]} if "use" in address else {}),
        "text": "\n".join(part for part in parts if part),
        **{name: address[name] for name in known if name in address},
    }
