"""Departments and providers of the practice."""

from __future__ import annotations

from mockehr.core.exchange import JSON, Reply
from mockehr.personalities.athena.api.call import Call, Refused, answered, as_number, number_of, told
from mockehr.personalities.athena.ids import bare


def departments(call: Call) -> list[JSON]:
    """The Locations of the practice."""
    return call.found("Location")


def list_departments(call: Call) -> Reply:
    """GET /departments."""
    found = departments(call)
    call.tell(found)
    return call.page("departments", [_department(one, call) for one in found])


def read_department(call: Call) -> Reply:
    """GET /departments/{departmentid}: a list of one."""
    found = call.department(call.holes["departmentid"])
    if found is None:
        raise Refused(404, "Invalid departmentid.")
    call.tell([found])
    return answered([_department(found, call)])


def _department(place: JSON, call: Call) -> JSON:
    address = place.get("address", {})
    lines = [*(address.get("line") or ()), None, None]
    phone = next((one.get("value") for one in place.get("telecom", ()) if one.get("system") == "phone"), None)
    name = str(place.get("name", ""))
    return told(
        {
            "departmentid": bare(str(place["id"])),
            "name": name.replace(" ", "_"),
            "patientdepartmentname": name,
            "address": lines[0],
            "address2": lines[1],
            "city": address.get("city"),
            "state": address.get("state"),
            "zip": address.get("postalCode"),
            "phone": phone,
            "providergroupid": "1",
            "chartsharinggroupid": "1",
            "servicedepartment": True,
            "ishospitaldepartment": False,
            "placeofservicetypeid": "11",
            "placeofservicetypename": "OFFICE",
            "timezonename": "US/Eastern",
            "timezoneoffset": -5,
        }
    )


def list_providers(call: Call) -> Reply:
    """GET /providers."""
    found = call.found("Practitioner")
    call.tell(found)
    return call.page("providers", [_provider(one) for one in found])


def read_provider(call: Call) -> Reply:
    """GET /providers/{providerid}: a list of one."""
    found = call.provider(call.holes["providerid"])
    if found is None:
        raise Refused(404, "Invalid providerid.")
    call.tell([found])
    return answered([_provider(found)])


def _provider(person: JSON) -> JSON:
    name: JSON = next(iter(person.get("name") or ()), {})
    family, first = str(name.get("family", "")), str(next(iter(name.get("given") or ()), ""))
    degree = next(iter(name.get("suffix") or ()), "")
    told_of = {str(one.get("system", "")): str(one.get("value", "")) for one in person.get("identifier", ())}
    npi = told_of.get("http://hl7.org/fhir/sid/us-npi", "")
    return told(
        {
            "providerid": as_number(bare(str(person["id"]))),
            "firstname": first,
            "lastname": family,
            "displayname": ", ".join(part for part in (f"{first} {family}".strip(), degree) if part),
            "schedulingname": f"{family}_{first}",
            "providertypeid": degree or None,
            "providerusername": told_of.get("https://identity.athena.io/sid/athenanet-user"),
            "npi": as_number(npi) if npi else None,
            "sex": str(person.get("gender", "")).upper()[:1] or None,
            "entitytype": "Person",
            "billable": True,
            "hideinportal": False,
            "createencounteroncheckin": True,
        }
    )


def homes(call: Call) -> dict[str, str]:
    """Number of each provider → that of the department where they see patients."""
    found = {}
    for role in call.found("PractitionerRole"):
        where = next((one.get("reference") for one in role.get("location", ())), "")
        who = role.get("practitioner", {}).get("reference")
        if who and where:
            found[number_of(who)] = number_of(where)
    return found
