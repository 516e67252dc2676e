"""Records in the words of the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.personalities.behind import Behind
from mockehr.personalities.nexhealth.copied import DRAWER, FOR_EVER, Written, kind, sync_of
from mockehr.personalities.proprietary import Records

UNIT: Final = 1_000_000_000


def number_of(records: Records, behind: Behind, resource_type: str, id: str) -> int:
    """The number under which the API knows a record; kept, so that it can be found again."""
    given = records.kept(DRAWER, f"number {resource_type} {behind.name} {id}")
    if isinstance(given, int):
        return given
    raw = records.key("number", behind.name, resource_type, id)
    number = UNIT + int.from_bytes(raw[:4], "big")
    records.keep(DRAWER, f"id {resource_type} {number}", (behind.name, id), FOR_EVER)
    return number


def id_of(records: Records, behind: Behind, resource_type: str, number: int) -> str:
    """The id of a record that was shown under a number; empty for one that nobody was shown."""
    found = records.kept(DRAWER, f"id {resource_type} {number}")
    if found is not None and found[0] == behind.name:
        return str(found[1])
    given = records.kept(DRAWER, f"written {number}")
    return given.foreign if isinstance(given, Written) and kind(given) == resource_type else ""


def patient(records: Records, behind: Behind, document: JSON, place: JSON) -> JSON:
    """A patient; `place` is the location."""
    name: JSON = next(iter(document.get("name") or ()), {})
    given = [*(name.get("given") or ()), None, None]
    home: JSON = next(iter(document.get("address") or ()), {})
    lines = [*(home.get("line") or ()), "", ""]
    phones = {
        one.get("use"): one.get("value") for one in document.get("telecom") or () if one.get("system") == "phone"
    }
    mail = next((one.get("value") for one in document.get("telecom") or () if one.get("system") == "email"), None)
    whole = " ".join(str(part) for part in (given[0], name.get("family")) if part)
    return {
        "id": number_of(records, behind, "Patient", str(document["id"])),
        "email": mail,
        "first_name": given[0],
        "middle_name": given[1],
        "last_name": name.get("family"),
        "name": whole,
        **_common(records, behind, document, place),
        "bio": {
            "city": home.get("city"),
            "state": home.get("state"),
            "gender": str(document.get("gender") or "").capitalize() or None,
            "zip_code": home.get("postalCode"),
            "new_patient": False,
            "non_patient": False,
            "phone_number": next((one for one in phones.values() if one), None),
            "date_of_birth": document.get("birthDate"),
            "address_line_1": lines[0],
            "address_line_2": lines[1],
            "street_address": lines[0],
            "cell_phone_number": phones.get("mobile"),
            "home_phone_number": phones.get("home"),
            "work_phone_number": phones.get("work"),
        },
        "inactive": document.get("active") is False,
        "unsubscribe_sms": False,
        "location_ids": [place["id"]],
    }


def provider(records: Records, behind: Behind, document: JSON, place: JSON) -> JSON:
    """A practitioner."""
    name: JSON = next(iter(document.get("name") or ()), {})
    given = [*(name.get("given") or ()), None, None]
    whole = " ".join(str(part) for part in (given[0], name.get("family")) if part)
    npi = next(
        (
            one.get("value")
            for one in document.get("identifier") or ()
            if str(one.get("system", "")).endswith("us-npi")
        ),
        None,
    )
    return {
        "id": number_of(records, behind, "Practitioner", str(document["id"])),
        "first_name": given[0],
        "middle_name": given[1],
        "last_name": name.get("family"),
        "name": whole,
        "npi": npi,
        **_common(records, behind, document, place),
        "inactive": document.get("active") is False,
        "locations": [{"id": place["id"], "name": place["name"], "bookable": True}],
    }


def appointment(records: Records, behind: Behind, document: JSON, place: JSON, told: Mapping[str, Any]) -> JSON:
    """An appointment of the practice's system."""
    number = number_of(records, behind, "Appointment", str(document["id"]))
    return {**_booking(records, behind, document, place, told), "id": number} | _synced(records, behind, document)


def accepted(records: Records, behind: Behind, one: Written, place: JSON, told: Mapping[str, Any]) -> JSON:
    """An appointment that was accepted; `foreign_id` says whether it is written."""
    made = {**_booking(records, behind, one.resource, place, told), "id": one.number}
    return made | {
        "foreign_id": one.foreign or None,
        "foreign_id_type": _source(behind),
        "last_sync_time": instant(one.written_at) if one.written_at else None,
        "created_at": instant(one.at, millis=True),
        "updated_at": instant(one.written_at or one.at, millis=True),
        "misc": {"is_booked_on_nexhealth": True},
    }


def _booking(records: Records, behind: Behind, document: JSON, place: JSON, told: Mapping[str, Any]) -> JSON:
    actors = [one.get("actor") or {} for one in document.get("participant") or ()]
    refs = {str(one.get("reference", "")).rpartition("/")[0].rpartition("/")[2]: one for one in actors}
    who, staff = refs.get("Patient", {}), refs.get("Practitioner", {})

    def numbered(resource_type: str, actor: JSON) -> int | None:
        id = str(actor.get("reference", "")).rpartition("/")[2]
        return number_of(records, behind, resource_type, id) if id else None

    start, end = document.get("start"), document.get("end")
    if start and not end:
        minutes = int(document.get("minutesDuration") or told["slot"])
        end = (datetime.fromisoformat(str(start)) + timedelta(minutes=minutes)).isoformat()
    status = document.get("status")
    return {
        "patient_id": numbered("Patient", who),
        "provider_id": numbered("Practitioner", staff),
        "provider_name": staff.get("display"),
        "start_time": start,
        "end_time": end,
        "confirmed": status in ("booked", "arrived", "fulfilled"),
        "patient_missed": status == "noshow",
        "cancelled": status == "cancelled",
        "checked_out": status == "fulfilled",
        "note": document.get("comment") or document.get("description"),
        "unavailable": False,
        "location_id": place["id"],
        "institution_id": place["institution_id"],
        "operatory_id": None,
        "timezone": told["timezone"],
        "timezone_offset": told["zone"],
    }


def _common(records: Records, behind: Behind, document: JSON, place: JSON) -> JSON:
    return {"institution_id": place["institution_id"], **_synced(records, behind, document)}


def _synced(records: Records, behind: Behind, document: JSON) -> JSON:
    updated = (document.get("meta") or {}).get("lastUpdated")
    return {
        "foreign_id": str(document["id"]),
        "foreign_id_type": _source(behind),
        "created_at": updated,
        "updated_at": updated,
        "last_sync_time": instant(sync_of(records, behind).synced),
    }


def _source(behind: Behind) -> str:
    """As in `msg-dentrix-DataSource-100`."""
    return f"{behind.name}-DataSource-1"
