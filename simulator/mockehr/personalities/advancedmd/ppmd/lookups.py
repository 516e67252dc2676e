"""ppmdmsg actions that look up what a practice has: people, places, payers, codes, columns. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from mockehr.core.exchange import JSON
from mockehr.personalities.advancedmd.desk import FACILITY, Provider, Refused
from mockehr.personalities.advancedmd.ppmd.call import Call, listing, result
from mockehr.personalities.advancedmd.ppmd.patients import page_of
from mockehr.personalities.concepts import codings
from mockehr.personalities.markup import Element
from mockehr.personalities.people import title_of

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
NPI = "http://hl7.org/fhir/sid/us-npi"


def look_up_provider(call: Call) -> Element:
    """Those whose name begins with `@name`."""
    found = _people(call)
    rows, told = page_of(call, [one.resource for one in found])
    by_id = {one.resource["id"]: one for one in found}
    return result({}, listing("providerlist", [_provider(call, by_id[one["id"]]) for one in rows], **told))


def look_up_profile(call: Call) -> Element:
    """The profiles of those whose name begins with `@name`."""
    rows = [_profile(call, one) for one in _people(call)]
    return result({}, listing("profilelist", rows))


def look_up_facility(call: Call) -> Element:
    """The facilities whose name begins with `@name`."""
    wanted = call.told("name").casefold()
    rows = [
        _facility(FACILITY + place, one)
        for place, one in enumerate(call.desk.facilities())
        if str(one.get("name", "")).casefold().startswith(wanted)
    ]
    return result({}, listing("facilitylist", rows))


def look_up_carrier(call: Call) -> Element:
    """Who pays, with a name that begins with `@name`."""
    wanted = call.told("name").casefold()
    rows = [
        Element("carrier", {"id": f"car{one['id']}", "name": title_of(one).upper()})
        for one in call.desk.find("Organization", limit=1000)
        if _pays(one) and title_of(one).casefold().startswith(wanted)
    ]
    return result({}, listing("carrierlist", rows))


def look_up_diagnosis(call: Call) -> Element:
    """ICD-10-CM codes that begin with `@code`, of those that this practice ever wrote."""
    wanted = call.told("code").upper()
    if not wanted:
        raise Refused("A code is required")
    known: dict[str, str] = {}
    for one in call.desk.everywhere("Condition", f"code={quote(ICD10)}|"):
        for coding in codings(one.get("code")):
            if coding.get("system") == ICD10 and str(coding.get("code", "")).upper().startswith(wanted):
                known[str(coding["code"])] = str(coding.get("display", ""))
    rows = [
        Element("diagcode", {"code": code, "codeset": "10", "description": known[code]}) for code in sorted(known)
    ]
    return result({}, listing("diagcodelist", rows))


def get_scheduler_setup(call: Call) -> Element:
    """The columns, with who and where they are for and when they are open."""
    desk = call.desk
    columns = []
    for one in desk.staff():
        hours = {"start": "0800", "end": "1700", "increment": "15", "interval": "15", "maxapptsperslot": "0"}
        told = {
            "id": f"col{desk.column(one)}",
            "name": desk.name(one.resource),
            "profile": f"prof{one.profile}",
            "facility": f"fac{desk.facility_number(one.facility)}" if one.facility else "",
        }
        columns.append(Element("column", told, "", [Element("columnsetting", hours | {"workweek": "0111110"})]))
    profiles = [_profile(call, one) for one in desk.staff()]
    places = [_facility(FACILITY + place, one) for place, one in enumerate(desk.facilities())]
    lists = (
        listing("columnlist", columns),
        listing("profilelist", profiles),
        listing("facilitylist", places),
    )
    return result({}, *lists)


def _people(call: Call) -> list[Provider]:
    wanted = call.told("name").casefold().replace(", ", ",")
    name: Callable[[JSON], str] = call.desk.name
    return [one for one in call.desk.staff() if name(one.resource).casefold().replace(", ", ",").startswith(wanted)]


def _provider(call: Call, one: Provider) -> Element:
    call.desk.saw(one.resource)
    npi = (str(each["value"]) for each in one.resource.get("identifier", ()) if each.get("system") == NPI)
    told = {"id": f"prov{one.resource['id']}", "code": one.code, "name": call.desk.name(one.resource)}
    return Element("provider", {**told, "npi": next(npi, "")})


def _profile(call: Call, one: Provider) -> Element:
    return Element("profile", {"id": f"prof{one.profile}", "code": one.code, "name": call.desk.name(one.resource)})


def _facility(number: int, one: JSON) -> Element:
    return Element("facility", {"id": f"fac{number}", "code": f"FAC{number}", "name": title_of(one).upper()})


def _pays(organization: JSON) -> bool:
    return any(one.get("code") in ("pay", "ins") for kind in organization.get("type", ()) for one in codings(kind))
