"""MEDITECH's orders: drugs, services, directives; what was given and done. Sources: notes.md."""

from __future__ import annotations

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import drop, keep, with_text
from mockehr.personalities.dates import as_moment
from mockehr.personalities.ids import place_of
from mockehr.personalities.meditech.look import Look
from mockehr.personalities.meditech.results import short_name


def shape_medication_request(made: JSON, clean: JSON, look: Look) -> JSON:
    """An order with its sig."""
    with_text(made.get("medicationCodeableConcept", {}))
    made["dosageInstruction"] = [
        keep(one, "text", "timing", "asNeededBoolean", "route", "doseAndRate")
        for one in made.get("dosageInstruction", ())
    ]
    supply = keep(made.get("dispenseRequest", {}), "numberOfRepeatsAllowed", "quantity")
    made["dispenseRequest"] = supply
    drop(made, "courseOfTherapyType", "reasonReference", "identifier", "note")
    for name in ("dosageInstruction", "dispenseRequest"):
        if not made[name]:
            del made[name]
    return made


def shape_immunization(made: JSON, clean: JSON, look: Look) -> JSON:
    """What was given, when and by whom."""
    for performer in made.get("performer", ()):
        drop(performer, "function")
    drop(made, "recorded", "reportOrigin", "identifier")
    return made


def shape_procedure(made: JSON, clean: JSON, look: Look) -> JSON:
    """What was done, when and by whom."""
    for performer in made.get("performer", ()):
        drop(performer, "function", "onBehalfOf")
    drop(made, "category", "reasonReference", "identifier", "report", "basedOn", "recorder", "note")
    return made


def derive_order(clean: JSON, look: Look) -> tuple[JSON, ...]:
    """The order behind a report."""
    place = place_of(str(clean.get("id", "")))
    patient = str(clean.get("subject", {}).get("reference", ""))
    if place is None or clean.get("basedOn") or not patient:
        return ()
    made: JSON = {
        "resourceType": "ServiceRequest",
        "id": look.dresser.ids.encode("ServiceRequest", *place),
        "status": "completed",
        "intent": "order",
        "code": {**clean.get("code", {}), "text": short_name(clean.get("code"))},
        "subject": look.to(patient),
    }
    visit, doctors = clean.get("encounter", {}).get("reference"), clean.get("resultsInterpreter", ())
    if visit:
        made["encounter"] = look.to(str(visit))
    at = clean.get("effectiveDateTime")
    if isinstance(at, str):
        made["occurrenceDateTime"] = made["authoredOn"] = as_moment(at, "offset")
    if doctors:
        made["requester"] = look.to(str(doctors[0].get("reference")))
    return (made,)


def derive_directive(clean: JSON, look: Look) -> tuple[JSON, ...]:
    """From a care team, the order on resuscitation that nobody has signed yet; of some patients."""
    place = place_of(str(clean.get("id", "")))
    patient = str(clean.get("subject", {}).get("reference", ""))
    if place is None or not patient or not look.draw("directive", clean, "directive_share"):
        return ()
    made: JSON = {
        "resourceType": "ServiceRequest",
        "id": look.dresser.ids.encode("ServiceRequest", *place),
        "status": "draft",
        "intent": "directive",
        "code": {"text": "Resuscitation Status*"},
        "subject": look.to(patient),
    }
    start = str(clean.get("period", {}).get("start") or look.dresser.recorded(clean))
    return ({**made, "authoredOn": as_moment(start, "offset")} if start else made,)
