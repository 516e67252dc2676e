"""Patients of the proprietary API: found, read, written; a number of the Social Security only by its end."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from mockehr.core.exchange import JSON, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.athena.api.call import Call, Refused, answered, day_text, number_of, told
from mockehr.personalities.athena.api.places import departments
from mockehr.personalities.athena.ids import bare
from mockehr.personalities.athena.look import SIDS, SSN, STRUCTURES
from mockehr.personalities.athena.patient import with_parentheses

SEARCHABLE: Final = ("guarantorfirstname", "dob", "firstname", "workphone", "departmentid", "guarantorsuffix",
                     "guarantorlastname", "mobilephone", "middlename", "suffix", "guarantormiddlename", "lastname",
                     "homephone", "anyphone")  # fmt: skip
TOO_LITTLE: Final = (
    "Data for one or more of the fields listed above are required to successfully find a patient record.  "
    "Note: invalid phone numbers are ignored."
)
LIMITS: Final[Mapping[str, int]] = MappingProxyType(
    {"lastname": 30, "firstname": 20, "middlename": 20, "suffix": 20, "address1": 100, "address2": 100, "zip": 10,
     "ssn": 13, "email": 50}
)  # fmt: skip
"""Longest texts that patients' fields take."""
_MARITAL: Final = MappingProxyType({"S": "SINGLE", "M": "MARRIED", "D": "DIVORCED", "W": "WIDOWED", "X": "SEPARATED",
                                    "P": "PARTNER", "U": "UNKNOWN"})  # fmt: skip
_TO_FHIR: Final = MappingProxyType({"X": "L", "P": "T", "U": "UNK"})
_FROM_FHIR: Final = MappingProxyType({"L": "X", "T": "P", "UNK": "U"})
_MARITAL_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
_SEXES: Final = MappingProxyType({"M": "male", "F": "female"})
_PHONES: Final = MappingProxyType({"homephone": "home", "mobilephone": "mobile", "workphone": "work"})


def row(patient: JSON, call: Call) -> JSON:
    """A patient as the API shows it."""
    name: JSON = _current(patient.get("name")) or {}
    home: JSON = _current([one for one in patient.get("address", ()) if one.get("use") == "home"]) or {}
    given = [*(name.get("given") or ()), None, None]
    ssn = next((one.get("value") for one in patient.get("identifier", ()) if one.get("system") == SSN), None)
    marital = next((one.get("code") for one in (patient.get("maritalStatus") or {}).get("coding", ())), None)
    marital = _FROM_FHIR.get(str(marital), marital)
    lines = [*(home.get("line") or ()), None, None]
    mail = next((one.get("value") for one in patient.get("telecom", ()) if one.get("system") == "email"), None)
    department = home_department(patient, call)
    made: JSON = {
        "patientid": bare(str(patient["id"])),
        "firstname": given[0],
        "middlename": given[1],
        "lastname": name.get("family"),
        "suffix": next(iter(name.get("suffix") or ()), None),
        "dob": day_text(patient.get("birthDate")),
        "sex": str(patient.get("gender", "")).upper()[:1] or None,
        "ssn": f"*****{ssn[-4:]}" if ssn else None,
        "address1": lines[0],
        "address2": lines[1],
        "city": home.get("city"),
        "state": home.get("state"),
        "zip": home.get("postalCode"),
        "countrycode": home.get("country"),
        "countrycode3166": str(home["country"])[:2] if home.get("country") else None,
        "email": mail,
        "emailexists": mail is not None,
        "maritalstatus": marital,
        "maritalstatusname": _MARITAL.get(str(marital)),
        "departmentid": department,
        "primarydepartmentid": department,
        "registrationdate": day_text((name.get("period") or {}).get("start")),
        "status": "inactive" if patient.get("active") is False else "active",
    }
    for field, use in _PHONES.items():
        made[field] = _digits(_phone(patient, use)) or None
    return told(made)


def home_department(patient: JSON, call: Call) -> str | None:
    """The department that a patient belongs to: as registered, or the same one of them each time."""
    url = STRUCTURES + "ah-department"
    for one in patient.get("extension", ()):
        if one.get("url") == url:
            return number_of(one.get("valueReference", {}).get("reference"))
    known = departments(call)
    drawn = int.from_bytes(call.records.key("department", str(patient["id"]))[:4], "big")
    return bare(str(known[drawn % len(known)]["id"])) if known else None


def find(call: Call) -> Reply:
    """GET /patients: by at least one of some fields, and by no more than the API can bear."""
    if not any(call.get(name) for name in SEARCHABLE):
        raise Refused(400, TOO_LITTLE, fields=list(SEARCHABLE))
    query = {
        name: _plain(call.get(field))
        for field, name in (("lastname", "family"), ("firstname", "given"))
        if call.get(field)
    }
    born = call.day("dob")
    if born is not None:
        query["birthdate"] = born.isoformat()
    most = int(call.settings["most_patients"])
    found = call.records.search("Patient", urlencode(query), limit=most + 1)
    if isinstance(found, Problem) or len(found[1]) > most:
        text = f"The given search parameters would produce a total data set larger than {most} records."
        raise Refused(400, f"{text}  Please refine your search and try again.")
    rows = [row(one, call) for one in found[1]]
    rows = [one for one in rows if _meant(one, call)]
    call.exchange.returned = tuple(f"Patient/{call.ids.of_number('Patient', one['patientid'])}" for one in rows)
    return call.page("patients", rows)


def _meant(made: JSON, call: Call) -> bool:
    for name in ("departmentid", "middlename", "suffix", "status"):
        wanted = call.get(name).lower()
        if wanted and str(made.get(name, "")).lower() != wanted:
            return False
    anywhere = {made.get(name) for name in _PHONES}
    for name in (*_PHONES, "anyphone"):
        wanted = _digits(call.get(name))
        if len(wanted) == 10 and wanted not in (anywhere if name == "anyphone" else {made.get(name)}):
            return False
    return not any(call.get(name) for name in SEARCHABLE if name.startswith("guarantor"))


def read(call: Call) -> Reply:
    """GET /patients/{patientid}: a list of one."""
    patient = call.patient()
    call.tell([patient])
    return answered([row(patient, call)])


def create(call: Call) -> Reply:
    """POST /patients. Nothing tells a second request from a retried one: each makes a patient."""
    call.wants("firstname", "lastname", "dob", "departmentid")
    if call.department(call.get("departmentid")) is None:
        raise Refused(400, "Invalid departmentid.")
    patient: JSON = {
        "resourceType": "Patient",
        "identifier": [{"value": "{id}", "system": f"{SIDS}ah-patient"}],
        "extension": [
            {"url": STRUCTURES + "ah-chart-sharing-group",
             "valueReference": {"reference": f"Organization/a-{call.ids.practice}.CSG-1"}},
        ],
    }  # fmt: skip
    made = call.create(_changed(patient, call))
    return answered([{"patientid": bare(str(made["id"])), "errormessage": ""}])


def update(call: Call) -> Reply:
    """PUT /patients/{patientid}: what is not given stays."""
    patient = call.patient()
    made = call.stored(call.records.update(call.exchange, _changed(patient, call)))
    return answered([{"patientid": bare(str(made["id"]))}])


def _changed(patient: JSON, call: Call) -> JSON:
    """A copy of the patient with the fields that the call gives; raises Refused."""
    for name, limit in LIMITS.items():
        if len(call.get(name)) > limit:
            raise Refused(400, "The data provided is invalid.", fields=[name])
    made = {name: value for name, value in patient.items() if name != "meta"}
    _name(made, call)
    born = call.day("dob")
    if born is not None:
        made["birthDate"] = born.isoformat()
    if call.get("sex"):
        made["gender"] = _SEXES.get(call.get("sex").upper()[:1], "unknown")
    if call.get("ssn"):
        rest = [one for one in made.get("identifier", ()) if one.get("system") != SSN]
        made["identifier"] = [*rest, {"value": _digits(call.get("ssn")), "system": SSN}]
    if call.get("maritalstatus"):
        code = call.get("maritalstatus").upper()[:1]
        if code not in _MARITAL:
            raise Refused(400, "The data provided is invalid.", fields=["maritalstatus"])
        made["maritalStatus"] = {"coding": [{"code": _TO_FHIR.get(code, code), "system": _MARITAL_SYSTEM}]}
    if call.get("departmentid"):
        _place(made, call)
    _address(made, call)
    _reach(made, call)
    return made


def _name(made: JSON, call: Call) -> None:
    names: list[JSON] = list(made.get("name") or ())
    now = _current(names) or {"use": "official"}
    given = [*(now.get("given") or ()), "", ""][:2]
    first, middle = call.get("firstname") or given[0], call.get("middlename") or given[1]
    changed: JSON = {
        **now,
        "family": call.get("lastname") or now.get("family", ""),
        "given": [one for one in (first, middle) if one],
    }
    if call.get("suffix"):
        changed["suffix"] = [call.get("suffix")]
    if not names:
        changed["period"] = {"start": call.now.date().isoformat()}
    made["name"] = [changed if one is now else one for one in names] or [changed]


def _place(made: JSON, call: Call) -> None:
    if call.department(call.get("departmentid")) is None:
        raise Refused(400, "Invalid departmentid.")
    url = STRUCTURES + "ah-department"
    rest = [one for one in made.get("extension", ()) if one.get("url") != url]
    id = call.ids.of_number("Organization", call.get("departmentid"), "department")
    made["extension"] = [*rest, {"url": url, "valueReference": {"reference": f"Organization/{id}"}}]


def _address(made: JSON, call: Call) -> None:
    given = {name: call.get(name) for name in ("address1", "address2", "city", "state", "zip")}
    if not any(given.values()):
        return
    addresses: list[JSON] = list(made.get("address") or ())
    now = _current([one for one in addresses if one.get("use") == "home"]) or {"use": "home", "country": "USA"}
    lines = [*(now.get("line") or ()), "", ""][:2]
    lines = [given["address1"].upper() or lines[0], given["address2"].upper() or lines[1]]
    changed: JSON = {**now, "line": [line for line in lines if line]}
    for name, field in (("city", "city"), ("state", "state"), ("postalCode", "zip")):
        if given[field]:
            changed[name] = given[field].upper()
    changed = {name: value for name, value in changed.items() if value != []}
    made["address"] = [changed if one is now else one for one in addresses]
    if not any(one is changed for one in made["address"]):
        made["address"].append(changed)


def _reach(made: JSON, call: Call) -> None:
    points: list[JSON] = list(made.get("telecom") or ())
    for field, use in _PHONES.items():
        number = _digits(call.get(field))
        if len(number) == 10:  # others are ignored
            points = [one for one in points if (one.get("system"), one.get("use")) != ("phone", use)]
            points.append({"use": use, "value": with_parentheses(number), "system": "phone"})
    if call.get("email"):
        points = [one for one in points if one.get("system") != "email"]
        points.append({"value": call.get("email"), "system": "email"})
    if points:
        made["telecom"] = points


def _current(values: Any) -> JSON | None:
    """The one of several that has not ended."""
    listed = [one for one in values or () if isinstance(one, dict) and one.get("use") != "nickname"]
    return next((one for one in listed if "end" not in one.get("period", {})), listed[0] if listed else None)


def _phone(patient: JSON, use: str) -> str:
    points = patient.get("telecom", ())
    return next(
        (str(one.get("value", "")) for one in points if (one.get("system"), one.get("use")) == ("phone", use)), ""
    )


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isdigit())


def _plain(text: str) -> str:
    """A text as the value of a search parameter."""
    for letter in "\\,$|":
        text = text.replace(letter, "\\" + letter)
    return text
