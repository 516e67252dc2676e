"""ppmdmsg actions about patients: finding them, all about one, and who changed. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.personalities.advancedmd.desk import Desk, Refused
from mockehr.personalities.advancedmd.ppmd.call import Call, listing, result
from mockehr.personalities.advancedmd.words import (
    email_of,
    head,
    phone_of,
    read_moment,
    shown_at,
    split_name,
    us_date,
    us_stamp,
    us_time,
)
from mockehr.personalities.concepts import text_of
from mockehr.personalities.markup import Element
from mockehr.personalities.people import main_name
from mockehr.personalities.zones import local

SSN: Final = "http://hl7.org/fhir/sid/us-ssn"


def look_up_patient(call: Call) -> Element:
    """By the beginning of `@name` (`Last,First`), or by `@phone`; a page of `@page`."""
    name, phone = call.told("name"), call.told("phone")
    last, given = split_name(name)
    query = {"family": last, "given": given[0] if given else "", "phone": phone}
    if not last and not phone:
        raise Refused("A name or a phone number is required")
    found = call.desk.find("Patient", urlencode({key: value for key, value in query.items() if value}))
    rows, told = page_of(call, found)
    return result({}, listing("patientlist", [listed(call.desk, call.desk.saw(one)) for one in rows], **told))


def get_demographic(call: Call) -> Element:
    """All that is known of `@patientid`, with their insurance."""
    patient = call.patient()
    desk = call.desk
    made = listed(desk, patient)
    covers = desk.of_patient("Coverage", str(patient["id"]))
    carriers = {carrier_number(one): carrier_name(one) for one in covers}
    made.attributes |= {
        "ssn": _ssn(patient),
        "maritalstatus": text_of(patient.get("maritalStatus")),
        "language": text_of(head(patient.get("communication", ())).get("language")),
        "changedat": _changed(desk, patient),
    }
    made.children.append(listing("insplanlist", [_plan(desk.saw(one), patient) for one in covers]))
    known = [Element("carrier", {"id": number, "name": name}) for number, name in carriers.items()]
    return result({}, listing("patientlist", [made]), listing("carrierlist", known))


def get_updated_patients(call: Call) -> Element:
    """Those who changed since `@datechanged`, with what the template `patient` asks for."""
    desk = call.desk
    since = changed_since(call)
    found = desk.everywhere("Patient", f"_lastUpdated=ge{instant(since)}", since)
    template = call.message.find("patient")
    rows = [patient_by(desk, desk.saw(one), template) for one in found[: desk.most]]
    return result({"servertime": server_time(desk)}, listing("patientlist", rows))


def changed_since(call: Call) -> float:
    """`@datechanged`; raises Refused if it is missing or no time."""
    found = read_moment(call.told("datechanged"), call.desk.zone)
    if found is None:
        raise Refused("datechanged is not a valid date")
    return found


def server_time(desk: Desk) -> str:
    """The time, as the next call is to give it back."""
    return us_stamp(local(desk.records.now(), desk.zone))


def page_of(call: Call, rows: list[JSON]) -> tuple[list[JSON], dict[str, str]]:
    """(the rows of `@page`, which begins at 1; what the list says of pages)."""
    size, asked = int(call.desk.settings["page"]), call.told("page") or "1"
    page = int(asked) if asked.isdecimal() and len(asked) < 8 else 1
    pages = max(1, -(-len(rows) // size))
    return rows[max(0, page - 1) * size :][:size], {"page": str(page), "pagecount": str(pages)}


def listed(desk: Desk, patient: JSON) -> Element:
    """A patient as lists and demographics have them, with address and telephones."""
    id, address = str(patient["id"]), head(patient.get("address", ()))
    lines = [*address.get("line", ()), ""]
    where = {
        "zip": str(address.get("postalCode", "")),
        "city": str(address.get("city", "")),
        "state": str(address.get("state", "")),
        "address1": " ".join(lines[1:]).strip(),
        "address2": str(lines[0]),
    }
    numbers = {
        "homephone": phone_of(patient, "home"),
        "officephone": phone_of(patient, "work"),
        "cellphone": phone_of(patient, "mobile"),
        "email": email_of(patient),
    }
    about = {
        "id": f"pat{id}",
        "name": desk.name(patient),
        "dob": us_date(str(patient.get("birthDate", ""))),
        "sex": sex_of(patient),
        "gender": sex_of(patient),
        "chart": chart_number(patient),
        "respparty": f"resp{id}",
    }
    return Element("patient", about, "", [Element("address", where), Element("contactinfo", numbers)])


def sex_of(patient: JSON) -> str:
    """`F`, `M` or `U`."""
    return {"female": "F", "male": "M"}.get(str(patient.get("gender")), "U")


def chart_number(patient: JSON) -> str:
    """The number of the chart."""
    told = patient.get("identifier", ())
    kinds = ((one, text_of(one.get("type"))) for one in told)
    return str(next((one for one, kind in kinds if "record" in kind.lower()), head(told)).get("value", ""))


def carrier_number(cover: JSON) -> str:
    """`car12`."""
    return "car" + str(head(cover.get("payor", ())).get("reference", "")).rpartition("/")[2]


def carrier_name(cover: JSON) -> str:
    """The name of who pays."""
    return str(head(cover.get("payor", ())).get("display", "")).upper()


def _plan(cover: JSON, patient: JSON) -> Element:
    period = cover.get("period", {})
    told = {
        "id": f"ins{cover['id']}",
        "carrier": carrier_number(cover),
        "subscriber": f"resp{patient['id']}",
        "subscribernum": str(cover.get("subscriberId", "")),
        "hipaarelationship": "18" if text_of(cover.get("relationship")).lower() == "self" else "G8",
        "begindate": us_date(str(period.get("start", ""))),
        "enddate": us_date(str(period.get("end", ""))),
        "coverage": "1",
    }
    return Element("insplan", told)


# templates: what a client asks for, under names of its own


def _ssn(patient: JSON) -> str:
    found = (str(one.get("value", "")) for one in patient.get("identifier", ()) if one.get("system") == SSN)
    return next(found, "")


def _changed(desk: Desk, patient: JSON) -> str:
    return us_time(str(patient.get("meta", {}).get("lastUpdated", "")), desk.zone)


def _part(name: str) -> Callable[[Desk, JSON], str]:
    def part(desk: Desk, patient: JSON) -> str:
        return str(head(patient.get("address", ())).get(name, ""))

    return part


def _line(place: int) -> Callable[[Desk, JSON], str]:
    def line(desk: Desk, patient: JSON) -> str:
        lines = [*head(patient.get("address", ())).get("line", ()), "", ""]
        return str(lines[place])

    return line


PATIENT_FIELDS: Final[Mapping[str, Callable[[Desk, JSON], str]]] = MappingProxyType(
    {
        "Name": lambda desk, one: desk.name(one),
        "FirstName": lambda desk, one: _first(one).upper(),
        "LastName": lambda desk, one: _last(one).upper(),
        "DOB": lambda desk, one: us_date(str(one.get("birthDate", ""))),
        "Sex": lambda desk, one: sex_of(one),
        "SSN": lambda desk, one: _ssn(one),
        "Chart": lambda desk, one: chart_number(one),
        "Address1": _line(1),
        "Address2": _line(0),
        "City": _part("city"),
        "State": _part("state"),
        "ZipCode": _part("postalCode"),
        "HomePhone": lambda desk, one: phone_of(one, "home"),
        "OfficePhone": lambda desk, one: phone_of(one, "work"),
        "CellPhone": lambda desk, one: phone_of(one, "mobile"),
        "Email": lambda desk, one: email_of(one),
        "ChangedAt": _changed,
    }
)
"""What a template may ask of a patient."""


def patient_by(desk: Desk, patient: JSON, template: Element | None) -> Element:
    """The id, and what the template asks for; what nobody knows is empty."""
    made = {"id": f"pat{patient['id']}"}
    for name, field in (template.attributes if template is not None else {}).items():
        known = PATIENT_FIELDS.get(field)
        made[name] = known(desk, patient) if known is not None else ""
    return Element("patient", made)


def day_of(text: str, zone: str) -> tuple[datetime, datetime]:
    """[that day, the next) of a date that a client wrote; raises Refused."""
    at = read_moment(text, zone)
    shown = None if at is None else shown_at(instant(at), zone)
    if shown is None:
        raise Refused("The date is not valid")
    first = shown.replace(hour=0, minute=0, second=0, microsecond=0)
    return first, first + timedelta(days=1)


def same_person(desk: Desk, family: str, given: str, born: str) -> bool:
    """Whether there is somebody with these names who was born on that day (a FHIR date)."""
    query = f"family={quote(family)}&birthdate={quote(born)}"
    wanted = (family.casefold(), given.casefold())
    return any((_last(one).casefold(), _first(one).casefold()) == wanted for one in desk.find("Patient", query))


def _last(patient: JSON) -> str:
    return str(main_name(patient).get("family", ""))


def _first(patient: JSON) -> str:
    return str(next(iter(main_name(patient).get("given", ())), ""))
