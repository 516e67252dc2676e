"""Epic's medication orders. Sources: notes.md, section MedicationRequest."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import add_display, codes_of, coding, codings, concept, drop, text_of, with_text
from mockehr.personalities.dates import day_of, moment
from mockehr.personalities.epic.look import ORDER, Look
from mockehr.personalities.ids import place_of

_SNOMED: Final = "http://snomed.info/sct"
_UCUM: Final = "http://unitsofmeasure.org"
_DOSE_TYPE: Final = "http://epic.com/CodeSystem/dose-rate-type"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
_COURSE: Final = "http://terminology.hl7.org/CodeSystem/medicationrequest-course-of-therapy"
_CATEGORIES: Final = {"community": "Community", "outpatient": "Outpatient", "inpatient": "Inpatient",
                      "discharge": "Discharge"}  # fmt: skip
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS: Final = {1: ("09:00:00",), 2: ("09:00:00", "21:00:00")}
"""When what is taken once or twice a day is taken."""
_LAST_MINUTE: Final = "T04:59:00Z"
"""The end of a day in US Central Daylight Time, on the next one in UTC."""
_SLOTS: Final = ("calculated", "admin-amount", "ordered")


def shape_medication_request(made: JSON, clean: JSON, look: Look) -> JSON:
    """The drug by reference, dates without times, doses three times over, a supply in days."""
    made["identifier"] = [look.identifier(ORDER, look.number(clean, "order"))]
    categories = made.get("category") or [concept(_CATEGORY, "community", "Community")]
    made["category"] = [with_text(add_display(one, _CATEGORIES)) for one in categories]
    _refer_to_drug(made, clean, look)
    if isinstance(made.get("authoredOn"), str):
        made["authoredOn"] = day_of(made["authoredOn"])
    if "requester" in made:
        made.setdefault("recorder", dict(made["requester"]))
    chronic = codes_of(made.get("courseOfTherapyType")) & {"continuous"} or made.get("status") == "active"
    course = ("continuous", "Continuous long term therapy") if chronic else ("acute", "Short course (acute) therapy")
    made["courseOfTherapyType"] = concept(_COURSE, *course)
    instructions = [_instruct(one, made, look) for one in made.get("dosageInstruction", ())]
    made["dosageInstruction"] = instructions or [_instruct({}, made, look)]
    made["dispenseRequest"] = _supply(made)
    drop(made, "reportedBoolean", "reasonReference")
    return made


def _refer_to_drug(made: JSON, clean: JSON, look: Look) -> None:
    """`medicationReference` always; a drug that was told by code has a Medication of the order's own place."""
    told = made.pop("medicationCodeableConcept", None)
    if told is None:
        return
    place = place_of(str(clean.get("id", "")))
    id = look.dresser.ids.encode("Medication", *place) if place is not None else str(clean.get("id", ""))
    made["medicationReference"] = {"reference": f"Medication/{id}", "display": text_of(told)}


def derive_medication(clean: JSON, look: Look) -> tuple[JSON, ...]:
    """The Medication behind an order that tells its drug by code."""
    told = clean.get("medicationCodeableConcept")
    place = place_of(str(clean.get("id", "")))
    if not isinstance(told, dict) or place is None:
        return ()
    made: JSON = {"resourceType": "Medication", "id": look.dresser.ids.encode("Medication", *place)}
    made["code"] = {**told, "coding": [dict(one) for one in codings(told)]}
    return (shape_medication(made, clean, look),)


def order_of(report: JSON, look: Look) -> JSON | None:
    """The reference to the order behind a clean report or procedure, if the chart has none of its own."""
    place = place_of(str(report.get("id", "")))
    if report.get("basedOn") or place is None:
        return None
    id = look.dresser.ids.encode("ServiceRequest", *place)
    return {"reference": f"ServiceRequest/{id}", "display": text_of(report.get("code"))}


def derive_order(clean: JSON, look: Look) -> tuple[JSON, ...]:
    """The ServiceRequest behind a report or procedure whose chart has none."""
    reference = order_of(clean, look)
    if reference is None or "subject" not in clean:
        return ()
    made: JSON = {
        "resourceType": "ServiceRequest",
        "id": reference["reference"].partition("/")[2],
        "identifier": [look.identifier(ORDER, look.number(clean, "order"))],
        "status": "completed",
        "intent": "order",
        "code": {"coding": [dict(one) for one in codings(clean.get("code"))], "text": text_of(clean.get("code"))},
    }
    for name in ("subject", "encounter"):
        told = clean.get(name)
        if isinstance(told, dict):
            reference = {**told, "reference": look.dresser.refer(told["reference"])}
            made[name] = look.refer(reference, told["reference"], "ServiceRequest")
    done = clean.get("performedDateTime") or clean.get("performedPeriod", {}).get("start")
    at = str(clean.get("effectiveDateTime") or clean.get("issued") or done or "")
    if at:
        made["authoredOn"] = moment(at, "seconds")
    return (made,)


def shape_medication(made: JSON, clean: JSON, look: Look) -> JSON:
    """Codings without displays and the local record number."""
    code = with_text(made.get("code", {}))
    for one in codings(code):
        drop(one, "display")
    text = text_of(code)
    made["identifier"] = [look.identifier("2.698288", look.local_code(text, "medication"))]
    order = ("resourceType", "id", "identifier", "code", "status", "form", "ingredient", "batch")
    return {name: made[name] for name in order if name in made}


def _instruct(told: JSON, order: JSON, look: Look) -> JSON:
    start = str(order.get("authoredOn", ""))
    text = str(told.get("text") or told.get("patientInstruction") or "Take as directed")
    made: JSON = {"text": "", "patientInstruction": text}
    made["timing"] = _timing(told.get("timing", {}), start, text)
    made["text"] = _said(text, start, made["timing"]["repeat"])
    made["asNeededBoolean"] = bool(told.get("asNeededBoolean", "asNeededCodeableConcept" in told))
    route = text_of(told.get("route")) or "Oral"
    known = [one for one in codings(told.get("route")) if one.get("system") == _SNOMED]
    for one in known:
        one.setdefault("display", route)
    local = coding(look.oid("4.798268.7025"), look.local_code(route, "route", 2), route)
    made["route"] = {"coding": [*known, local], "text": route}
    made["method"] = concept(_SNOMED, "419652001", "Take")
    dose = next((one["doseQuantity"] for one in told.get("doseAndRate", ()) if "doseQuantity" in one), None)
    made["doseAndRate"] = _doses(dose or {"value": 1, "unit": "tablet", "code": "{tbl}"})
    return made


def _said(text: str, start: str, repeat: JSON) -> str:
    """`…, Starting Tue 5/28/2019, Until Wed 5/27/2020, Normal`: the end only of what has a time of day."""
    parts = [text, *([f"Starting {_spelt(start)}"] if len(start) == 10 else [])]
    end = str(repeat.get("boundsPeriod", {}).get("end", ""))
    if "T" in end:
        parts.append(f"Until {_spelt(end[:10], back=1)}")
    return ", ".join([*parts, "Normal"])


def _spelt(text: str, back: int = 0) -> str:
    at = date.fromisoformat(text) - timedelta(days=back)
    return f"{_DAYS[at.weekday()]} {at.month}/{at.day}/{at.year}"


def _timing(told: JSON, start: str, text: str) -> JSON:
    """Bounds and a count; the hours of what is taken every day, which ends with the house's last minute of a day."""
    repeat: dict[str, Any] = dict(told.get("repeat", {}))
    bounds = repeat.pop("boundsPeriod", {}) or {}
    hours = (
        _HOURS.get(repeat.get("frequency", 0), ())
        if (repeat.get("period"), repeat.get("periodUnit")) == (1, "d")
        else ()
    )
    period = {"start": day_of(str(bounds.get("start") or start))} if bounds.get("start") or start else {}
    if bounds.get("end"):
        period["end"] = day_of(str(bounds["end"]))
    elif start:
        end = f"{int(start[:4]) + 1}{start[4:].replace('02-29', '02-28')}"
        period["end"] = f"{end}{_LAST_MINUTE}" if hours and len(end) == 10 else end
    for name in ("frequency", "period", "periodUnit"):
        repeat.pop(name, None)
    named = "-".join(hour[:2] + hour[3:5] for hour in hours)
    code = text_of(told.get("code")) or named or ("Daily" if "day" in text else "As directed")
    made = {"boundsPeriod": period, "count": repeat.pop("count", 365), **repeat}
    return {"repeat": {**made, **({"timeOfDay": list(hours)} if hours else {})}, "code": {"text": code}}


def _doses(dose: JSON) -> list[JSON]:
    """What was calculated, what is given, what was ordered."""
    unit = str(dose.get("unit", "tablet"))
    whole = {"value": dose.get("value", 1), "unit": unit, "system": _UCUM, "code": dose.get("code") or unit}
    return [{"type": concept(_DOSE_TYPE, name, name), "doseQuantity": dict(whole)} for name in _SLOTS]


def _supply(made: JSON) -> JSON:
    told: JSON = made.get("dispenseRequest", {})
    start = str(made.get("authoredOn", ""))
    bounds = made["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"]
    quantity = told.get("quantity", {})
    made_supply: JSON = {
        "validityPeriod": {"start": start, **({"end": bounds["end"]} if len(bounds.get("end", "")) == 10 else {})},
        "numberOfRepeatsAllowed": told.get("numberOfRepeatsAllowed", 0),
        "quantity": {"value": quantity.get("value", 30), "unit": quantity.get("unit", "tablet")},
    }
    days = told.get("expectedSupplyDuration", {}).get("value", 30)
    made_supply["expectedSupplyDuration"] = {"value": days, "unit": "Day", "system": _UCUM, "code": "d"}
    return made_supply
