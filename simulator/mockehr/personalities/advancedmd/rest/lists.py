"""The lists of the Application Access API: each made of one type of FHIR resource. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.advancedmd.desk import Desk, Refused
from mockehr.personalities.advancedmd.words import head, listed_name, read_shown, shown_at, us_date, whole
from mockehr.personalities.concepts import code_in, codings, text_of

RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX: Final = "http://hl7.org/fhir/sid/cvx"
LOINC: Final = "http://loinc.org"
DAY: Final = timedelta(days=1)
Times = tuple[datetime, datetime]
"""[from, until) by the practice's clocks."""
Rows = list[JSON]


def within(first: str, last: str) -> Times:
    """[from, until) of two dates that a client wrote (`m/d/yyyy`); a missing one bounds nothing. Raises Refused."""
    since = read_shown(first) if first else datetime.min
    until = read_shown(last) if last else datetime.max - DAY
    if since is None or until is None:
        raise Refused("The date is not valid, m/d/yyyy is expected.")
    return since, until + DAY


def demographics(desk: Desk, patient: JSON) -> JSON:
    """Who a patient is."""
    address = head(patient.get("address", ()))
    lines = [*address.get("line", ()), "", ""]
    born = str(patient.get("birthDate", ""))
    return {
        "patientid": whole(str(patient["id"])),
        "name": listed_name(patient, ","),
        "address1": str(lines[1]),
        "address2": str(lines[0]),
        "city": str(address.get("city", "")),
        "state": str(address.get("state", "")),
        "zipcode": str(address.get("postalCode", "")),
        "dateofbirth": f"{born}T00:00:00" if len(born) == 10 else None,
    }


def _rows(desk: Desk, kind: str, patient: JSON, times: Times, *dates: str) -> Iterable[tuple[JSON, str]]:
    """(resource, its time) of one type, of those within the times; what has none is always there."""
    for one in desk.of_patient(kind, str(patient["id"])):
        when = next((str(one[name]) for name in dates if isinstance(one.get(name), str)), "")
        shown = shown_at(when, desk.zone) if when else None
        if shown is None or times[0] <= shown < times[1]:
            yield desk.saw(one), when


def allergies(desk: Desk, patient: JSON, times: Times) -> Rows:
    """What a patient does not bear."""
    return [
        {
            "id": whole(str(one["id"])),
            "name": text_of(one.get("code")),
            "status": text_of(one.get("clinicalStatus")),
            "allergyDate": us_date(when, desk.zone),
            "reaction": text_of(head(head(one.get("reaction", ())).get("manifestation", ()))),
            "rxNormId": _coded(one.get("code"), RXNORM),
        }
        for one, when in _rows(desk, "AllergyIntolerance", patient, times, "recordedDate")
    ]


def problems(desk: Desk, patient: JSON, times: Times) -> Rows:
    """What a patient has and had."""
    rows = []
    for one, when in _rows(desk, "Condition", patient, times, "onsetDateTime", "recordedDate"):
        coding = head(codings(one.get("code")))
        at = shown_at(when, desk.zone)
        rows.append(
            {
                "code": str(coding.get("code", "")),
                "codeSystem": str(coding.get("system", "")).rpartition("/")[2],
                "name": f"{coding.get('code', '')}-{text_of(one.get('code'))}",
                "description": text_of(one.get("code")),
                "status": "Current" if code_in(one.get("clinicalStatus")) == "active" else "Historical",
                "date": "" if at is None else f"{at:%Y%m%d}",
            }
        )
    return rows


def medications(desk: Desk, patient: JSON, times: Times) -> Rows:
    """What a patient takes."""
    rows = []
    for one, when in _rows(desk, "MedicationRequest", patient, times, "authoredOn"):
        medicine = _medicine(desk, one)
        rows.append(
            {
                "rxNormId": _coded(medicine, RXNORM),
                "name": text_of(medicine),
                "instructions": str(head(one.get("dosageInstruction", ())).get("text", "")),
                "quantity": one.get("dispenseRequest", {}).get("quantity", {}).get("value"),
                "date": us_date(when, desk.zone),
                "currentStatus": str(one.get("status", "")).capitalize(),
            }
        )
    return rows


def immunizations(desk: Desk, patient: JSON, times: Times) -> Rows:
    """What a patient was given, or not."""
    return [
        {
            "id": whole(str(one["id"])),
            "name": text_of(one.get("vaccineCode")),
            "date": us_date(when, desk.zone),
            "status": str(one.get("status", "")).capitalize(),
            "quantity": one.get("doseQuantity", {}).get("value"),
            "unit": str(one.get("doseQuantity", {}).get("unit", "")),
            "lotNumber": str(one.get("lotNumber", "")),
            "cvxCode": _coded(one.get("vaccineCode"), CVX),
        }
        for one, when in _rows(desk, "Immunization", patient, times, "occurrenceDateTime")
    ]


def vital_signs(desk: Desk, patient: JSON, times: Times) -> Rows:
    """Measurements, those of one time together."""
    visits: dict[str, list[JSON]] = {}
    for one, when in _rows(desk, "Observation", patient, times, "effectiveDateTime"):
        if any(code_in(kind) == "vital-signs" for kind in one.get("category", ())):
            parts = one.get("component") or [one]
            visits.setdefault(when, []).extend(
                _measured(part, "value") for part in parts if part.get("valueQuantity")
            )
    return [{"date": us_date(when, desk.zone), "measurements": visits[when]} for when in sorted(visits)]


def results(desk: Desk, patient: JSON, times: Times) -> Rows:
    """What laboratories found."""
    rows = []
    for one, when in _rows(desk, "Observation", patient, times, "effectiveDateTime"):
        if any(code_in(kind) == "laboratory" for kind in one.get("category", ())):
            span = head(one.get("referenceRange", ()))
            found = {
                "code": _coded(one.get("code"), LOINC),
                **_measured(one, "value"),
                "unit": str(one.get("valueQuantity", {}).get("unit", "")),
                "interpretationCode": code_in(head(one.get("interpretation", ()))),
                "range": str(span.get("text", "")),
                "rangeFrom": span.get("low", {}).get("value"),
                "rangeTo": span.get("high", {}).get("value"),
            }
            name = text_of(one.get("code"))
            rows.append({"code": found["code"], "name": name, "date": us_date(when, desk.zone), "results": [found]})
    return rows


def goals(desk: Desk, patient: JSON, times: Times) -> Rows:
    """What is aimed at."""
    found = _rows(desk, "Goal", patient, times, "startDate", "statusDate")
    return [{"goalText": text_of(one.get("description")), "date": us_date(when, desk.zone)} for one, when in found]


def procedures(desk: Desk, patient: JSON, times: Times) -> Rows:
    """What was done."""
    return [
        {
            "date": us_date(when or str(one.get("performedPeriod", {}).get("start", "")), desk.zone),
            "code": str(head(codings(one.get("code"))).get("code", "")),
            "type": text_of(one.get("category")),
            "description": text_of(one.get("code")),
        }
        for one, when in _rows(desk, "Procedure", patient, times, "performedDateTime")
    ]


LISTS: Final[Mapping[str, Callable[[Desk, JSON, Times], Rows]]] = MappingProxyType(
    {
        "allergies": allergies,
        "goals": goals,
        "immunizations": immunizations,
        "medications": medications,
        "problems": problems,
        "procedures": procedures,
        "results": results,
        "vitalsigns": vital_signs,
    }
)
"""`clinical/{name}` → what makes the list."""


def _coded(element: Any, system: str) -> str:
    return next((str(one.get("code", "")) for one in codings(element) if one.get("system") == system), "")


def _medicine(desk: Desk, request: JSON) -> Any:
    """The concept of what a request is for, be it said there or in a Medication."""
    told = request.get("medicationReference")
    if not isinstance(told, dict):
        return request.get("medicationCodeableConcept")
    found = desk.records.read("Medication", str(told.get("reference", "")).rpartition("/")[2])
    return found.get("code") if found is not None else {"text": told.get("display", "")}


def _measured(one: JSON, name: str) -> JSON:
    quantity = one.get("valueQuantity", {})
    value = quantity.get("value", one.get("valueString") or text_of(one.get("valueCodeableConcept")))
    return {"name": text_of(one.get("code")), name: value}
