"""MFN out: a Practitioner (M02; with a PractitionerRole if it is at hand) or a Location (M05), one to a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import address_xad, authority, name_xpn, telecom_xtn
from mockehr.hl7.emit.outline import Event, Outline, first, needed
from mockehr.hl7.emit.places import place_pl
from mockehr.hl7.master_files import PHYSICAL_TYPE, PLACE_TYPE, PLACE_TYPES
from mockehr.hl7.stamps import stamp
from mockehr.hl7.terms import IDENTIFIER_TYPE, NPI, SEX
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field, Repeat

_OTHER: Final = "L"
"""Table 0260, other location."""


def staff(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH MFI MFE STF [PRA]."""
    person = needed(resources, "Practitioner", event)
    role = first(resources, "PractitionerRole") or {}
    outline = Outline(event, dialect)
    names = person.get("name", [])
    full = " ".join([*names[0].get("given", []), names[0].get("family", "")]).strip() if names else ""
    key: list[Component] = [_staff_key(person), full]
    _add_record(outline, ["STF", "Staff", "HL70175"], person, key, "CE", in_use=person.get("active", True))
    modern = at_least(dialect.version, "2.4")
    points = [one for one in person.get("telecom", []) if one.get("value")]
    mails = [one["value"] for one in points if one.get("system") == "email"]
    phones = [one for one in points if one.get("system") != "email"]
    titles = [code.get("text") or code["coding"][0].get("display", "") for code in role.get("code", [])]
    fields: dict[int, Field] = {
        1: key,
        2: Repeat(_staff_number(one, modern=modern) for one in person.get("identifier", []) if one.get("value")),
        3: Repeat(name_xpn(name, dialect) for name in names),
        5: SEX.get(person.get("gender", ""), ""),
        6: outline.time(person.get("birthDate", "")),
        7: "A" if person.get("active", True) else "I",
        8: ["", role.get("organization", {}).get("display", "")],
        10: Repeat(telecom_xtn(one, dialect) if modern else one["value"] for one in phones),
        11: Repeat(address_xad(one, dialect)[: None if modern else 8] for one in person.get("address", [])),
        15: Repeat(mails),
        18: titles[0] if titles else "",
    }
    outline.add("STF", fields)
    specialties = [_words(one) for one in role.get("specialty", [])]
    if any(specialties):
        outline.add("PRA", {1: key if modern else key[0], 5: Repeat([words] for words in specialties if words)})
    return outline.finish()


def places(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH MFI MFE LOC LDP; the department, which the grammar wants, is the place itself."""
    place = needed(resources, "Location", event)
    outline = Outline(event, dialect)
    used = place.get("status", "active") == "active"
    key = place_pl(None, place)[:4]
    _add_record(outline, ["LOC", "Location", "HL70175"], place, key, "PL", in_use=used)
    address = place.get("address")
    fields: dict[int, Field] = {
        1: key,
        2: place.get("name", ""),
        3: _place_type(place),
        5: address_xad(address, dialect) if address else "",
        6: Repeat(telecom_xtn(one, dialect) for one in place.get("telecom", []) if one.get("value")),
    }
    outline.add("LOC", fields)
    department = next((_code(one) for one in place.get("type", []) if _code(one)), "") or str(key[0])
    outline.add("LDP", {1: key, 2: [department], 6: "A" if used else "I"})
    return outline.finish()


def _add_record(
    outline: Outline, file: list[Component], resource: JSON, key: list[Component], key_type: str, *, in_use: bool
) -> None:
    """MFI and MFE: added at its first version, else updated; what is out of use is deactivated."""
    event, dialect = outline.event, outline.dialect
    now = stamp(event.at, dialect.precision, dialect.offset)
    new = resource.get("meta", {}).get("versionId") == "1"
    change = ("MAD" if new else "MUP") if in_use else "MDC"
    outline.add("MFI", {1: file, 3: "UPD", 4: now, 5: now, 6: "AL"})
    fields: dict[int, Field] = {1: change, 2: str(event.number), 3: now, 4: key}
    if at_least(dialect.version, "2.4"):
        fields[5] = key_type
    outline.add("MFE", fields)


def _staff_key(person: JSON) -> str:
    """The hospital's own number before the NPI, which some have and others not; else that of the record."""
    numbers = [one for one in person.get("identifier", []) if one.get("value")]
    own = [one for one in numbers if one.get("system") != NPI]
    return str((own or numbers or [{"value": person.get("id", "")}])[0]["value"])


def _staff_number(identifier: JSON, *, modern: bool) -> list[Component]:
    """STF-2: a CX, and a CE before 2.4."""
    value, system = str(identifier["value"]), identifier.get("system", "")
    if not modern:
        return [value, "", "NPI" if system == NPI else "L"]
    codings = identifier.get("type", {}).get("coding", [])
    kind = next((one.get("code", "") for one in codings if one.get("system") == IDENTIFIER_TYPE), "")
    return [value, "", "", "", "NPI"] if system == NPI else [value, "", "", authority(system), kind]


def _place_type(place: JSON) -> str:
    for system, concepts in ((PLACE_TYPE, place.get("type", [])), (PHYSICAL_TYPE, [place.get("physicalType", {})])):
        for coding in (coding for concept in concepts for coding in concept.get("coding", [])):
            if coding.get("system") == system:
                code = str(coding.get("code", ""))
                return code if system == PLACE_TYPE else PLACE_TYPES.get(code, _OTHER)
    return _OTHER


def _code(concept: JSON) -> str:
    return next((str(coding["code"]) for coding in concept.get("coding", []) if coding.get("code")), "")


def _words(concept: JSON) -> str:
    codings = concept.get("coding", [])
    return str(concept.get("text") or (codings[0].get("display", "") if codings else ""))


def _teller(name: str) -> Callable[[Change, Dialect], str]:
    def tell(change: Change, dialect: Dialect) -> str:
        # What was removed from the site cannot be told from what was changed once it is written as a resource.
        return "" if change.kind == "delete" else name

    return tell


EMITS: Final = {"MFN^M02": staff, "MFN^M05": places}
"""Message type and trigger to what writes it."""
TELLS: Final = {"Practitioner": _teller("MFN^M02"), "Location": _teller("MFN^M05")}
"""Resource type to the message that tells of its change."""
