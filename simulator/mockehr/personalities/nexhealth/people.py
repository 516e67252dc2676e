"""Patients and providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from mockehr.core.exchange import JSON
from mockehr.personalities.nexhealth import copied, shown
from mockehr.personalities.nexhealth.asked import Asked, Done, Refusal


def patients(asked: Asked, id: str) -> Done:
    """Those who fit every parameter; by name loosely, by date of birth exactly."""
    asked.need_location()
    wanted: list[tuple[str, str]] = []
    for word in asked.get("name").split():
        wanted.append(("name", word))
    for ours, theirs in (("email", "email"), ("phone_number", "phone"), ("date_of_birth", "birthdate")):
        if asked.get(ours):
            wanted.append((theirs, asked.get(ours)))
    if asked.get("inactive") == "true":
        wanted.append(("active", "false"))
    for name in ("non_patient", "new_patient", "location_strict", "include_upcoming_appts"):
        asked.get(name)
    query = urlencode(wanted)
    page, size = asked.number("page", 1), asked.size
    found = copied.search(asked.records, asked.behind, "Patient", query, page * size)
    told = [_told(asked, one) for one in found[(page - 1) * size : page * size]]
    asked.exchange.returned = tuple(f"Patient/{one['foreign_id']}" for one in told)
    count = copied.count(asked.records, asked.behind, "Patient", query, len(found))
    return 200, {"patients": told} if asked.version == "v2" else told, {"count": count}


def patient(asked: Asked, id: str) -> Done:
    """One of them."""
    return 200, _told(asked, the_patient(asked, id)), {}


def the_patient(asked: Asked, number: Any) -> JSON:
    """The patient of that number in the copy; raises Refusal."""
    found = _read(asked, "Patient", number)
    asked.exchange.patient = str(found["id"])
    return found


def the_provider(asked: Asked, number: Any) -> JSON:
    """The same of a provider."""
    return _read(asked, "Practitioner", number)


def create(asked: Asked, id: str) -> Done:
    """A new patient, or the one who is there already by that name and date of birth."""
    asked.need_location()
    told, bio = asked.body("patient"), asked.body("patient").get("bio")
    bio = bio if isinstance(bio, dict) else {}
    staff = asked.body("provider")
    the_provider(asked, staff.get("provider_id"))
    missing = [name for name in ("first_name", "last_name") if not told.get(name)]
    missing += [f"bio.{name}" for name in ("date_of_birth",) if not bio.get(name)]
    if missing:
        raise Refusal(400, f"Missing parameter: {', '.join(missing)}")
    query = urlencode({"given": told["first_name"], "family": told["last_name"], "birthdate": bio["date_of_birth"]})
    present = copied.search(asked.records, asked.behind, "Patient", query, 1)
    if present:
        if asked.get("return_existing_if_match") != "true":
            raise Refusal(400, "Patient already exists")
        return 200, {"user": _told(asked, present[0])}, {}
    resource = _resource(told, bio)
    patience = float(asked.told["patience"])
    answer = asked.behind.ask(asked.exchange, "POST", "/Patient", orjson.dumps(resource), patience=patience)
    if not answer.ok:
        raise Refusal(400 if answer.answered else 500, f"The patient could not be written: {answer.text}")
    place = answer.header("location").split("/_history/")[0].rpartition("/")[2]
    resource["id"] = place or str(answer.document.get("id", ""))
    return 201, {"user": _told(asked, resource)}, {}


def providers(asked: Asked, id: str) -> Done:
    """Those of the practice."""
    found = copied.search(asked.records, asked.behind, "Practitioner", "", 1000)
    told = [shown.provider(asked.records, asked.behind, one, asked.place) for one in found]
    return asked.page(told, len(told))


def _told(asked: Asked, document: JSON) -> JSON:
    return shown.patient(asked.records, asked.behind, document, asked.place)


def _read(asked: Asked, resource_type: str, number: Any) -> JSON:
    text = str(number)
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400 if number is None else 404, f"{_WORDS[resource_type]} not found")
    id = shown.id_of(asked.records, asked.behind, resource_type, int(text[:18]))
    found = copied.read(asked.records, asked.behind, resource_type, id) if id else None
    if found is None:
        raise Refusal(404, f"{_WORDS[resource_type]} not found")
    return found


_WORDS: Final = MappingProxyType({"Patient": "Patient", "Practitioner": "Provider"})


def _resource(told: JSON, bio: JSON) -> JSON:
    telecom = [
        {"system": "phone", "use": use, "value": str(bio[name])}
        for name, use in (("cell_phone_number", "mobile"), ("home_phone_number", "home"), ("phone_number", "home"))
        if bio.get(name)
    ]
    telecom += [{"system": "email", "value": str(told["email"])}] if told.get("email") else []
    given = [str(told[name]) for name in ("first_name", "middle_name") if told.get(name)]
    made: JSON = {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": str(told["last_name"]), "given": given}],
        "birthDate": str(bio["date_of_birth"]),
    }
    gender = str(bio.get("gender") or "").lower()
    return made | ({"telecom": telecom} if telecom else {}) | ({"gender": gender} if gender else {})


CALLS: Final[Mapping[str, Callable[[Asked, str], Done]]] = MappingProxyType(
    {"patients": patients, "patients/id": patient, "patients/create": create, "providers": providers}
)
"""By the API's own word."""
