"""Magic actions about the server and those who work there."""

from __future__ import annotations

from datetime import UTC, datetime

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, text_of
from mockehr.personalities.people import main_name
from mockehr.personalities.veradigm.unity.call import Call, MagicError
from mockehr.personalities.veradigm.unity.words import Row, email_of, head, padded, phone_of
from mockehr.personalities.zones import local

NPI = "http://hl7.org/fhir/sid/us-npi"


def get_server_info(call: Call) -> list[Row]:
    """The zone of all times, the time, the product."""
    now = call.records.now()
    shown = local(now, call.zone)
    away = (shown - datetime.fromtimestamp(now, UTC).replace(tzinfo=None)).total_seconds() / 3600
    offset = f"{'-' if away < 0 else '+'}{abs(round(away)):02}:00"
    return [
        {
            "ServerDateTimeOffset": f"{shown:%Y-%m-%dT%H:%M:%S}.{shown.microsecond:06}0{offset}",
            "ServerTime": f"{shown:%Y-%m-%dT%H:%M:%S}",
            "uaibornondate": str(call.settings["born"]),
            "ProductVersion": str(call.settings["version"]),
            "System": str(call.settings["system"]),
            "ServerTimeZone": f"{call.zone} Standard Time",
        }
    ]


def get_user_authentication(call: Call) -> list[Row]:
    """Whether somebody may sign in by the name AppUserID with Parameter1 for a password."""
    valid = call.records.user(call.request.user, call.parameter(1))
    return [{"valid_user": "YES" if valid else "NO"}]


def get_providers(call: Call) -> list[Row]:
    """All of them; with Parameter2 those whose name begins so."""
    wanted = call.parameter(2).casefold()
    rows = []
    roles = roles_of(call)
    for place, one in enumerate(practitioners(call)):
        name = main_name(one)
        if not wanted or str(name.get("family", "")).casefold().startswith(wanted):
            rows.append(_listed(one, name, place, roles))
    return rows


def get_provider(call: Call) -> list[Row]:
    """One, by Parameter1 (the number) or Parameter2 (the user name)."""
    number, user = call.parameter(1), call.parameter(2).casefold()
    for place, one in enumerate(practitioners(call)):
        if (number and number == person_number(place)) or (user and user == user_name(one).casefold()):
            call.saw(one)
            return [_whole(one, place, roles_of(call))]
    raise MagicError(f"Provider {number or user or '(none)'} was not found.")


def practitioners(call: Call) -> list[JSON]:
    """Those who work here, in an order that never changes."""
    return call.find("Practitioner", limit=1000)


def roles_of(call: Call) -> dict[str, JSON]:
    """Practitioner reference → the role that they have."""
    return {str(one.get("practitioner", {}).get("reference", "")): one for one in call.find("PractitionerRole")}


def person_number(place: int) -> str:
    """The number of the provider at a place of that order."""
    return str(68 + 3 * place)


def user_name(practitioner: JSON) -> str:
    """`pallbright` for Peter Allbright."""
    name = main_name(practitioner)
    return (str((name.get("given") or [""])[0])[:1] + str(name.get("family", ""))).lower().replace(" ", "")


def provider_name(practitioner: JSON) -> str:
    """`Terry A Manning, MD`."""
    name = main_name(practitioner)
    plain = " ".join([*name.get("given", ()), str(name.get("family", ""))])
    return ", ".join([plain, *name.get("suffix", ())])


def _listed(one: JSON, name: JSON, place: int, roles: dict[str, JSON]) -> Row:
    given = [*name.get("given", ()), "", ""]
    active = "N" if one.get("active", True) else "Y"
    return {
        "Security": "",
        "EntryCode": padded(user_name(one), 16),
        "Profession": _profession(one),
        "DefaultSiteCode": padded("001", 10),
        "supervisingdefaultID": "0",
        "Credentials": " ".join(name.get("suffix", ())),
        "UserInactive": active,
        "Middle": str(given[1]),
        "SecSpecialty": " ",
        "ProviderInactive": active,
        "Username": user_name(one),
        "LastName": str(name.get("family", "")),
        "DefaultSiteName": _site(one, roles),
        "rxsupervisionrequired": "N",
        "CanPrescribeFlag": "Y" if _profession(one) == "Physician" else "N",
        "UserType": "User/Provider",
        "personid": person_number(place),
        "PrimSpecialty": _specialty(one, roles),
        "orderingauthority": "8",
        "supervisingdefaultName": "",
        "FirstName": str(given[0]),
    }


def _whole(one: JSON, place: int, roles: dict[str, JSON]) -> Row:
    name = main_name(one)
    address = head(one.get("address", ()))
    npi = next((str(each["value"]) for each in one.get("identifier", ()) if each.get("system") == NPI), "")
    return {
        "ProviderID": person_number(place),
        "EntryCode": padded(user_name(one), 16),
        "UserName": user_name(one),
        "FirstName": str((name.get("given") or [""])[0]),
        "LastName": str(name.get("family", "")),
        "SuffixName": " ".join(name.get("suffix", ())),
        "Specialty": _specialty(one, roles),
        "AddressLine1": padded(" ".join(address.get("line", ())), 40),
        "AddressLine2": "",
        "City": str(address.get("city", "")),
        "State": padded(str(address.get("state", "")), 3),
        "ZipCode": str(address.get("postalCode", "")),
        "Phone": padded(phone_of(one, "work"), 20),
        "Fax": padded("", 20),
        "Email": email_of(one),
        "NPI": npi,
    }


def _profession(one: JSON) -> str:
    degrees = {code_in(each.get("code")) for each in one.get("qualification", ())}
    return "Physician" if degrees & {"MD", "DO"} else "Nurse" if degrees & {"RN", "NP"} else "Other"


def _specialty(one: JSON, roles: dict[str, JSON]) -> str:
    return text_of(roles.get(f"Practitioner/{one['id']}", {}).get("specialty"))


def _site(one: JSON, roles: dict[str, JSON]) -> str:
    places = roles.get(f"Practitioner/{one['id']}", {}).get("location", ())
    return str(head(places).get("display", ""))
