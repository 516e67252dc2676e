"""Persons of NextGen's own API from Patients as its FHIR shows them, and back. Sources: notes.md, Native API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.nextgen.look import digits_of
from mockehr.personalities.nextgen.native.answers import Faulty, message
from mockehr.personalities.nextgen.native.odata import SEXES
from mockehr.personalities.nextgen.patient import NUMBERS
from mockehr.personalities.people import main_name

_LETTERS: Final = {"male": "M", "female": "F"}
_SSN: Final = "http://hl7.org/fhir/sid/us-ssn"
_OTHER: Final = "urn:oid:2.16.840.1.113883.19.5.96"
REQUIRED: Final = ("LastName", "FirstName", "DateOfBirth", "Sex")
_LONGEST: Final = 500


def person_of(patient: JSON, root: str) -> JSON:
    """A person in camelCase, with links; what is not known is left out."""
    name = main_name(patient)
    given = [*name.get("given", ()), ""]
    address = (patient.get("address") or [{}])[0]
    lines = [*address.get("line", ()), "", ""]
    number = next((one["value"] for one in patient.get("identifier", ()) if one.get("system") == NUMBERS), "")
    made = {
        "id": patient["id"],
        "personNumber": number,
        "medicalRecordNumber": number,
        "firstName": given[0],
        "middleName": " ".join(part for part in given[1:] if part),
        "lastName": name.get("family", ""),
        "dateOfBirth": f"{patient['birthDate']}T00:00:00" if "birthDate" in patient else "",
        "sex": _LETTERS.get(str(patient.get("gender")), "U"),
        "addressLine1": lines[0],
        "addressLine2": lines[1],
        "city": address.get("city", ""),
        "state": address.get("state", ""),
        "zip": address.get("postalCode", ""),
        "homePhone": _point(patient, "phone", "home"),
        "cellPhone": _point(patient, "phone", "mobile"),
        "emailAddress": _point(patient, "email", ""),
    }
    person: JSON = {key: value for key, value in made.items() if value}
    person["isPatient"] = True
    person["_links"] = links_of(patient["id"], root)
    return person


def links_of(id: str, root: str) -> list[JSON]:
    """Where one can go on from a person; `root` is the API's own base."""
    here = f"{root}/persons/{id}"
    return [
        {"href": here, "method": "GET", "rel": "self", "description": "Get person"},
        {"href": here, "method": "PATCH", "rel": "update", "description": "Update person"},
        {"href": f"{here}/chart/balances", "method": "GET", "rel": "balances", "description": "Get chart balances"},
    ]


def _point(patient: JSON, system: str, use: str) -> str:
    told = (one for one in patient.get("telecom", ()) if one.get("system") == system)
    return next((str(one.get("value", "")) for one in told if not use or one.get("use") == use), "")


def changed(patient: JSON, fields: Mapping[str, Any]) -> JSON:
    """The Patient with fields in PascalCase laid over it; raises Faulty for a field or a value that is none."""
    made = dict(patient)
    for field, value in fields.items():
        if field == "IgnoreDuplicatePersons":
            continue
        write = _WRITERS.get(field)
        if write is None:
            raise Faulty(message(400, f"'{field[:80]}' is not a property of Person."))
        if value is not None and (not isinstance(value, str) or len(value) > _LONGEST):
            raise Faulty(message(400, f"The value of {field} is not valid."))
        if field in REQUIRED and not (value or "").strip():
            raise Faulty(message(400, f"The {field} field is required."))
        write(made, (value or "").strip())
    return {name: value for name, value in made.items() if value not in ([], {}, "")}


def required(fields: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Raises Faulty for a field that is missing, or empty."""
    for name in names:
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            raise Faulty(message(400, f"The {name} field is required."))


def _named(part: str) -> Callable[[JSON, str], None]:
    def write(patient: JSON, value: str) -> None:
        names = [dict(one) for one in patient.get("name", ())] or [{"use": "official"}]
        first, rest = names[0], list(names[0].get("given", ()))
        if part == "LastName":
            first["family"] = value
        elif part == "FirstName":
            first["given"] = [value, *rest[1:]]
        else:
            first["given"] = [*rest[:1], *([value] if value else [])]
        patient["name"] = [{key: one for key, one in first.items() if one}, *names[1:]]

    return write


def _born(patient: JSON, value: str) -> None:
    day = value[:10]
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Faulty(message(400, "The value of DateOfBirth is not valid.")) from None
    if value[10:] not in ("", "T00:00:00", "T00:00:00Z"):
        raise Faulty(message(400, "The value of DateOfBirth is not valid."))
    patient["birthDate"] = day


def _sexed(patient: JSON, value: str) -> None:
    if value not in SEXES:
        raise Faulty(message(400, "The value of Sex is not valid."))
    patient["gender"] = SEXES[value]


def _placed(part: str, line: int = -1) -> Callable[[JSON, str], None]:
    def write(patient: JSON, value: str) -> None:
        addresses = [dict(one) for one in patient.get("address", ())] or [{"use": "home"}]
        first = addresses[0]
        if line >= 0:
            lines = [*first.get("line", ()), "", ""][: max(2, len(first.get("line", ())))]
            lines[line] = value
            first["line"] = [one for one in lines if one]
        else:
            first[part] = digits_of(value) if part == "postalCode" else value
        kept = {key: one for key, one in first.items() if one}
        patient["address"] = [*([kept] if kept.keys() - {"use"} else []), *addresses[1:]]

    return write


def _reached(system: str, use: str) -> Callable[[JSON, str], None]:
    def write(patient: JSON, value: str) -> None:
        told = list(patient.get("telecom", ()))
        mine = next((one for one in told if one.get("system") == system and (not use or one.get("use") == use)), None)
        others = [one for one in told if one is not mine]
        shown = digits_of(value) if system == "phone" else value
        if value and system == "phone" and not re.fullmatch(r"\d{10}", shown):
            raise Faulty(message(400, "A phone number has ten digits."))
        patient["telecom"] = [*others, *([{"system": system, "value": shown, "use": use or "home"}] if value else [])]

    return write


def _numbered(system: str) -> Callable[[JSON, str], None]:
    def write(patient: JSON, value: str) -> None:
        others = [one for one in patient.get("identifier", ()) if one.get("system") != system]
        patient["identifier"] = [*others, *([{"system": system, "value": value}] if value else [])]

    return write


_WRITERS: Final[Mapping[str, Callable[[JSON, str], None]]] = MappingProxyType(
    {
        "LastName": _named("LastName"),
        "FirstName": _named("FirstName"),
        "MiddleName": _named("MiddleName"),
        "DateOfBirth": _born,
        "Sex": _sexed,
        "AddressLine1": _placed("line", 0),
        "AddressLine2": _placed("line", 1),
        "City": _placed("city"),
        "State": _placed("state"),
        "Zip": _placed("postalCode"),
        "HomePhone": _reached("phone", "home"),
        "CellPhone": _reached("phone", "mobile"),
        "EmailAddress": _reached("email", ""),
        "SocialSecurityNumber": _numbered(_SSN),
        "OtherIdNumber": _numbered(_OTHER),
    }
)
"""Field of a body → what it does to a Patient."""
