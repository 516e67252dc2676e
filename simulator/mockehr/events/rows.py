"""Records as athenahealth's proprietary API writes them, as far as public answers of it show.

(eleanorhealth/go-athenahealth, athenahealth/resources/*.json.) Keys in small letters, days as MM/DD/YYYY, ids as
texts in some answers and as numbers in others, a Social Security number of which only the end is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.events.athena import is_imaging

_STATUS: Final = MappingProxyType(
    {"arrived": "2", "checked-in": "2", "fulfilled": "3", "cancelled": "x", "entered-in-error": "x", "noshow": "x"}
)
"""Status of an Appointment → `appointmentstatus`; `f` (future) for all others."""
_RESULT: Final = MappingProxyType({"final": "CLOSED", "amended": "CLOSED", "corrected": "CLOSED"})
_SSN: Final = "http://hl7.org/fhir/sid/us-ssn"


def row(change: Change, offset: float = 0.0) -> JSON:
    """The record that a change is about, as it was after it. `offset`: seconds of the practice's clock from UTC."""
    write = _ROWS.get(change.resource_type)
    made = write(change, offset) if write is not None else {"id": change.id}
    return {key: value for key, value in made.items() if value is not None}


def stamp(at: float, offset: float = 0.0) -> str:
    """`MM/DD/YYYY HH:MM:SS` of a site time, by a clock that is so many seconds from UTC."""
    return (datetime.fromtimestamp(at, UTC) + timedelta(seconds=offset)).strftime("%m/%d/%Y %H:%M:%S")


def unstamped(text: str, offset: float = 0.0) -> float:
    """The site time of a stamp, or of a day; raises ValueError."""
    pattern = "%m/%d/%Y %H:%M:%S" if " " in text.strip() else "%m/%d/%Y"
    return datetime.strptime(text.strip(), pattern).replace(tzinfo=UTC).timestamp() - offset


def _patient(change: Change, offset: float) -> JSON:
    document = change.document
    name: JSON = next(iter(document.get("name") or ()), {})
    home: JSON = next(iter(document.get("address") or ()), {})
    given = [*(name.get("given") or ()), None]
    ssn = next((one.get("value") for one in document.get("identifier") or () if one.get("system") == _SSN), None)
    return {
        "patientid": _bare(change.id),
        "firstname": given[0],
        "lastname": name.get("family"),
        "dob": _day(document.get("birthDate")),
        "sex": str(document.get("gender", "")).upper()[:1] or None,
        "ssn": f"*****{ssn[-4:]}" if ssn else None,
        "address1": next(iter(home.get("line") or ()), None),
        "city": home.get("city"),
        "state": home.get("state"),
        "zip": home.get("postalCode"),
        "homephone": _telecom(document, "phone", "home"),
        "mobilephone": _telecom(document, "phone", "mobile"),
        "email": _telecom(document, "email", ""),
        "status": "inactive" if document.get("active") is False or change.kind == "delete" else "active",
    }


def _appointment(change: Change, offset: float) -> JSON:
    document = change.document
    day, time = _local(document.get("start"))
    status = "x" if change.kind == "delete" else _STATUS.get(str(document.get("status")), "f")
    return {
        "appointmentid": _bare(change.id),
        "appointmentstatus": status,
        "patientid": _actor(document, "Patient") or _bare(change.patient) or None,
        "departmentid": _actor(document, "Location"),
        "providerid": _actor(document, "Practitioner"),
        "date": day,
        "starttime": time,
        "duration": document.get("minutesDuration"),
        "appointmenttype": _text(document.get("appointmentType")),
        "cancelreasonname": _text(document.get("cancelationReason")),
        "cancelleddatetime": stamp(change.at, offset) if status == "x" else None,
        "lastmodified": stamp(change.at, offset),
    }


def _slot(change: Change, offset: float) -> JSON:
    document = change.document
    day, time = _local(document.get("start"))
    return {
        "appointmentid": _bare(change.id),
        "appointmentstatus": "o",
        "date": day,
        "starttime": time,
        "frozen": document.get("status") == "busy-unavailable",
        "lastmodified": stamp(change.at, offset),
    }


def _provider(change: Change, offset: float) -> JSON:
    name: JSON = next(iter(change.document.get("name") or ()), {})
    return {
        "providerid": _number(change.id),
        "firstname": next(iter(name.get("given") or ()), None),
        "lastname": name.get("family"),
        "displayname": name.get("text"),
    }


def _problem(change: Change, offset: float) -> JSON:
    coding: JSON = next(iter((change.document.get("code") or {}).get("coding") or ()), {})
    started = _day(str(change.document.get("onsetDateTime", ""))[:10])
    return {
        "problemid": _number(change.id),
        "patientid": _number(change.patient),
        "name": _text(change.document.get("code")),
        "code": coding.get("code"),
        "codeset": "SNOMED" if "snomed" in str(coding.get("system", "")) else "ICD10",
        "events": [{"eventtype": "START", "startdate": started}] if started else [],
    }


def _result(change: Change, offset: float) -> JSON:
    document = change.document
    return {
        "imagingresultid" if is_imaging(change) else "labresultid": _number(change.id),
        "patientid": _number(change.patient),
        "status": _RESULT.get(str(document.get("status")), "REVIEW"),
        "description": _text(document.get("code")),
        "observationdatetime": document.get("effectiveDateTime"),
        "lastmodifieddate": stamp(change.at, offset)[:10],
    }


def _prescription(change: Change, offset: float) -> JSON:
    document = change.document
    return {
        "documentid": _number(change.id),
        "patientid": _number(change.patient),
        "ordergenusname": _text(document.get("medicationCodeableConcept")),
        "dateordered": document.get("authoredOn"),
        "status": document.get("status"),
    }


def _claim(change: Change, offset: float) -> JSON:
    document = change.document
    return {
        "claimid": _number(change.id),
        "patientid": _number(change.patient),
        "claimcreateddate": _day(str(document.get("created", ""))[:10]),
        "status": document.get("status"),
    }


def _bare(id: str) -> str:
    """The id of the proprietary API: the end of the FHIR id, where that is like `a-432.E-528595`."""
    return id.rpartition("-")[2] if id.startswith("a-") else id


def _number(id: str) -> int | str:
    """The same as a number, where it is one."""
    bare = _bare(id)
    return int(bare) if bare.isascii() and bare.isdigit() else bare


def _day(text: object) -> str | None:
    try:
        return date.fromisoformat(str(text)).strftime("%m/%d/%Y")
    except ValueError:  # absent, or a year alone
        return None


def _local(text: object) -> tuple[str | None, str | None]:
    """Day and time of day as they are written, by the practice's clock."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None, None
    return moment.strftime("%m/%d/%Y"), moment.strftime("%H:%M")


def _actor(document: JSON, kind: str) -> str | None:
    for one in document.get("participant") or ():
        reference = str((one.get("actor") or {}).get("reference", ""))
        if reference.startswith(f"{kind}/"):
            return _bare(reference.removeprefix(f"{kind}/"))
    return None


def _telecom(document: JSON, system: str, use: str) -> Any:
    for one in document.get("telecom") or ():
        if one.get("system") == system and use in ("", one.get("use")):
            return one.get("value")
    return None


def _text(concept: JSON | None) -> Any:
    coding: JSON = next(iter((concept or {}).get("coding") or ()), {})
    return (concept or {}).get("text") or coding.get("display")


_ROWS: Final[Mapping[str, Callable[[Change, float], JSON]]] = MappingProxyType(
    {
        "Patient": _patient,
        "Appointment": _appointment,
        "Slot": _slot,
        "Practitioner": _provider,
        "Condition": _problem,
        "DiagnosticReport": _result,
        "MedicationRequest": _prescription,
        "Claim": _claim,
    }
)
