"""RDE, RDS and RAS out: a MedicationRequest, MedicationDispense or MedicationAdministration and its patient.

What the resource names and is at hand is told too: the Encounter, the Medication, who ordered, dispensed or gave it,
and the order that a dispense or an administration is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Event, Outline, needed, referred
from mockehr.hl7.emit.places import place_pl
from mockehr.hl7.emit.treatment import (
    add_route,
    add_timing,
    clinicians,
    concepts_cwe,
    drug_cwe,
    number_text,
    numbered,
    open_message,
    order_numbers,
    own_number,
    plain_number,
    timing_tq,
    units,
    value_of,
)
from mockehr.hl7.medication import COMPLETED, DISPENSED_STATUS, DOSE, STATUS_CONTROL
from mockehr.hl7.stamps import stamp
from mockehr.hl7.terms import LOCAL_AUTHORITY, UCUM
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field, Repeat

PRESCRIPTION: Final = LOCAL_AUTHORITY + "prescription"
_TRIGGERS: Final = {"RDE": "O11", "RDS": "O13", "RAS": "O17"}
_ORDERS: Final = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_UNKNOWN_DOSE: Final = "999"


def order(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH PID [PV1] ORC RXE [NTE] TQ1 RXR of one MedicationRequest; notes go to RXE-21 before 2.5."""
    request = needed(resources, "MedicationRequest", event)
    outline, _ = open_message(_named(event, dialect), resources, dialect)
    dosage = (request.get("dosageInstruction") or [{}])[0]
    modern = at_least(dialect.version, "2.5")
    _add_order(outline, request, dosage, resources)
    texts = [note["text"] for note in request.get("note", []) if note.get("text")]
    outline.add("RXE", _encoded(request, dosage, resources, outline, [] if modern else texts))
    if modern:
        for number, text in enumerate(texts, 1):
            outline.add("NTE", {1: str(number), 3: Repeat(text.split("\n"))})
    add_timing(outline, dosage)
    add_route(outline, dosage, required=True)
    return outline.finish()


def _add_order(outline: Outline, request: JSON, dosage: JSON, resources: Sequence[JSON]) -> None:
    control, status = STATUS_CONTROL.get(request.get("status", ""), ("NW", ""))
    if control == "NW" and request.get("meta", {}).get("versionId", "1") != "1":
        control = "XO"
    placer, filler = order_numbers(request, outline.dialect)
    fields: dict[int, Field] = {
        1: control,
        2: placer,
        3: filler,
        4: entity_ei(request.get("groupIdentifier")),
        5: status,
        9: outline.time(request.get("authoredOn", "")),
        10: clinicians([request.get("recorder")], resources),
        12: clinicians([request.get("requester")], resources),
        16: concept_cwe(request.get("statusReason")),
    }
    if not at_least(outline.dialect.version, "2.5"):
        fields[7] = timing_tq(dosage, outline)
    outline.add("ORC", fields)


def _encoded(
    request: JSON, dosage: JSON, resources: Sequence[JSON], outline: Outline, texts: Sequence[str]
) -> dict[int, Field]:
    """RXE. Where the dose is in the words of the sig alone, the required amount is one dose."""
    rate = (dosage.get("doseAndRate") or [{}])[0]
    spread = rate.get("doseRange", {})
    low = rate.get("doseQuantity") or spread.get("low") or {"value": 1, "system": UCUM, "code": DOSE}
    supply = request.get("dispenseRequest", {})
    allowed = request.get("substitution", {}).get("allowedBoolean")
    reasons = [*request.get("reasonCode", []), *_reasons(request, resources)]
    ratio = rate.get("rateRatio", {})
    fields: dict[int, Field] = {
        2: drug_cwe(request, resources),
        3: value_of(low),
        4: value_of(spread.get("high")),
        5: units(low) or [DOSE],
        7: ["", dosage["text"]] if dosage.get("text") else "",
        9: "" if allowed is None else "G" if allowed else "N",
        10: value_of(supply.get("quantity")),
        11: units(supply.get("quantity")),
        12: number_text(supply.get("numberOfRepeatsAllowed")),
        15: _prescription(request),
        21: Repeat(["", text] for text in texts),
        27: concepts_cwe(reasons[:1]),
        32: outline.time(request.get("authoredOn", "")),
    }
    if ratio.get("denominator", {}).get("code") in ("h", "min", "d"):
        per = ratio["denominator"]
        fields |= {22: f"{per['code'][0].upper()}{value_of(per)}"}
        fields |= {23: value_of(ratio.get("numerator")), 24: units(ratio.get("numerator"))}
    if not at_least(outline.dialect.version, "2.5"):
        fields[1] = timing_tq(dosage, outline)
    return fields


def _reasons(request: JSON, resources: Sequence[JSON]) -> list[JSON]:
    found = [referred(resources, one) for one in request.get("reasonReference", [])]
    return [one["code"] for one in found if one and one.get("resourceType") == "Condition" and one.get("code")]


def _prescription(request: JSON | None) -> str:
    numbers = [one for one in (request or {}).get("identifier", []) if one.get("system") == PRESCRIPTION]
    return str(numbers[0].get("value", "")) if numbers else ""


def dispense(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH PID [PV1] ORC RXD [NTE] RXR of one MedicationDispense; notes go to RXD-9 before 2.5."""
    given = needed(resources, "MedicationDispense", event)
    outline, _ = open_message(_named(event, dialect), resources, dialect)
    reference = (given.get("authorizingPrescription") or [None])[0]
    placer, filler, request = _of_order(reference, given, resources, dialect)
    timing: Field = "1" if not at_least(dialect.version, "2.4") else ""
    status = DISPENSED_STATUS.get(given.get("status", ""), "")
    outline.add("ORC", {1: "RE", 2: placer, 3: filler, 5: status, 7: timing})
    handed = given.get("whenHandedOver") or given.get("whenPrepared")
    at = event.occurred if event.occurred is not None else event.at
    texts = [note["text"] for note in given.get("note", []) if note.get("text")]
    modern = at_least(dialect.version, "2.5")
    dosage = (given.get("dosageInstruction") or [{}])[0]
    substituted = given.get("substitution", {}).get("wasSubstituted")
    number = _prescription(request) or str((plain_number(given) or own_number(given, dialect))["value"])
    outline.add(
        "RXD",
        {
            1: "1",
            2: drug_cwe(given, resources),
            3: outline.time(handed) if handed else stamp(at, dialect.precision, dialect.offset),
            4: value_of(given.get("quantity")) or "1",
            5: units(given.get("quantity")),
            7: number[:20],
            9: "" if modern else Repeat(" ".join(text.split()) for text in texts),
            10: clinicians([one.get("actor") for one in given.get("performer", [])], resources),
            11: "" if substituted is None else "G" if substituted else "N",
            13: place_pl(given.get("destination"), referred(resources, given.get("destination"))),
        },
    )
    if modern:
        for place, text in enumerate(texts, 1):
            outline.add("NTE", {1: str(place), 3: Repeat(text.split("\n"))})
    add_route(outline, dosage, required=True)
    return outline.finish()


def _of_order(
    reference: JSON | None, done: JSON, resources: Sequence[JSON], dialect: Dialect
) -> tuple[list[Component], list[Component], JSON | None]:
    """ORC-2 and ORC-3 of what was done, and the order that it is of if that is at hand.

    The placer's number is the order's; the filler's is the order's or else that of what was done itself.
    """
    request = referred(resources, reference)
    placer, filler = order_numbers(request, dialect)
    if not placer and reference and reference.get("identifier"):
        placer = entity_ei(reference["identifier"])
    own = numbered(done, "FILL") or plain_number(done) or own_number(done, dialect)
    return placer, filler or entity_ei(own), request


def administration(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH PID [PV1] ORC RXA RXR of one MedicationAdministration."""
    given = needed(resources, "MedicationAdministration", event)
    outline, _ = open_message(_named(event, dialect), resources, dialect)
    placer, filler, _ = _of_order(given.get("request"), given, resources, dialect)
    timing: Field = "1" if not at_least(dialect.version, "2.4") else ""
    outline.add("ORC", {1: "RE", 2: placer, 3: filler, 7: timing})
    period = given.get("effectivePeriod", {})
    start = outline.time(given.get("effectiveDateTime") or period.get("start", ""))
    dosage = given.get("dosage", {})
    status = given.get("status", "")
    refused = status == "not-done" and bool(given.get("statusReason"))
    outline.add(
        "RXA",
        {
            1: "0",
            2: "1",
            3: start,
            4: outline.time(period.get("end", "")) or start,
            5: drug_cwe(given, resources),
            6: ("0" if status == "not-done" else value_of(dosage.get("dose"))) or _UNKNOWN_DOSE,
            7: units(dosage.get("dose")) if status != "not-done" else "",
            9: Repeat(["", note["text"]] for note in given.get("note", []) if note.get("text")),
            10: clinicians([one.get("actor") for one in given.get("performer", [])], resources),
            18: concepts_cwe(given.get("statusReason", [])),
            19: concepts_cwe(given.get("reasonCode", [])),
            20: "RE" if refused else COMPLETED.get(status, "CP"),
            21: "D" if status == "entered-in-error" else "A",
        },
    )
    add_route(outline, dosage, required=True)
    return outline.finish()


def _named(event: Event, dialect: Dialect) -> Event:
    """The event under the name that the dialect's version has for it: before 2.4 every trigger was O01.

    Raises UsageError for a version that has no pharmacy messages.
    """
    kind = event.name.partition("^")[0]
    if not at_least(dialect.version, "2.2"):
        raise UsageError(f"HL7 {dialect.version} has no {kind}.", remedy="Write it in 2.2 or a later version.")
    return replace(event, name=f"{kind}^{_trigger(kind, dialect)}")


def _trigger(kind: str, dialect: Dialect) -> str:
    return _TRIGGERS[kind] if at_least(dialect.version, "2.4") else "O01"


def _name(kind: str, dialect: Dialect) -> str:
    """What tells of a change; nothing in 2.1, which has no pharmacy messages."""
    return f"{kind}^{_trigger(kind, dialect)}" if at_least(dialect.version, "2.2") else ""


def _tell_order(change: Change, dialect: Dialect) -> str:
    """What is ordered here; neither what is only planned nor what the patient says to take."""
    request = change.document
    told = request.get("status") in STATUS_CONTROL and request.get("intent") in _ORDERS
    if change.kind == "delete" or not told or request.get("reportedBoolean") or "reportedReference" in request:
        return ""
    return _name("RDE", dialect)


def _tell_dispense(change: Change, dialect: Dialect) -> str:
    told = change.kind != "delete" and change.document.get("status") in DISPENSED_STATUS
    return _name("RDS", dialect) if told else ""


def _tell_administration(change: Change, dialect: Dialect) -> str:
    """What was given or not given, once that is settled."""
    settled = change.document.get("status") in ("completed", "stopped", "not-done", "entered-in-error")
    return _name("RAS", dialect) if settled and change.kind != "delete" else ""


EMITS: Final = {
    "RDE^O01": order,
    "RDE^O11": order,
    "RDS^O01": dispense,
    "RDS^O13": dispense,
    "RAS^O01": administration,
    "RAS^O17": administration,
}
"""Message type and trigger to what writes it; it is written under the trigger of the dialect's version."""
TELLS: Final = {
    "MedicationRequest": _tell_order,
    "MedicationDispense": _tell_dispense,
    "MedicationAdministration": _tell_administration,
}
"""Resource type to the message that tells of its change."""
