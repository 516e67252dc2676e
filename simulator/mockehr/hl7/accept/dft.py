"""DFT: charges (HL7 v2 chapter 6). One FT1 is a ChargeItem, its PR1 are Procedures, DG1 are Conditions.

A transaction is found again by FT1-2 within its sending application, so that one that is sent again is not charged
again. A credit is a charge of its own with a negative quantity: what was charged is the sum. A void marks its
transaction as entered in error.
"""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, concept, entity, required, when
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Upsert, reference
from mockehr.hl7.accept.person import keys
from mockehr.hl7.accept.treatment import (
    Opening,
    Placed,
    component_time,
    concepts,
    decimal,
    groups,
    notes,
    open_message,
    whole,
)
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment
from mockehr.hl7.terms import LOCAL_AUTHORITY

PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ROLE: Final = "http://terminology.hl7.org/CodeSystem/v2-0443"
TRANSACTION_KIND: Final = {"CG": "billable", "CD": "billable", "CR": "billable", "VD": "entered-in-error"}
"""FT1-6 (table 0017, with the CR and VD that sites add) to chargeitem-status."""
_CREDITS: Final = ("CD", "CR")
_DIAGNOSIS_STATUS: Final = {"F": "confirmed", "A": "provisional", "W": "provisional"}
_CONDITION: Final = "http://terminology.hl7.org/CodeSystem/condition-"
_SUBJECT_KEY: Final = LOCAL_AUTHORITY + "diagnosis"
_PROCEDURE_KEY: Final = LOCAL_AUTHORITY + "procedure"


def charges(message: Message, context: Context) -> Accepted:
    """DFT^P03 and P11 as Patient, Encounter (if PV1 names one), Procedures, Conditions and ChargeItems.

    Raises Rejection: 100 without PID or FT1, 101 without FT1-4, FT1-6 or FT1-7, 102 for what is no time or number,
    103 for a transaction that is no charge (a payment, an adjustment).
    """
    opening = open_message(message, context)
    procedures: list[Intent] = []
    items: list[Intent] = []
    for group in groups(message, "FT1", several=True):
        head: Placed | None = None
        charge: JSON = {}
        for segment, sequence in group:
            if segment.id == "FT1":
                head = segment, sequence
                found = _charge(segment, sequence, message, context, opening)
                charge = found.resource
                items.append(found)
            elif segment.id == "PR1" and head is not None:
                done = _procedure(segment, sequence, head, charge, context, opening)
                procedures.append(done)
                charge.setdefault("service", []).append(reference(done.key))
            elif segment.id == "NTE" and head is not None:
                charge["note"] = [*charge.get("note", []), *notes([(segment, sequence)])]
    diagnoses = [
        _diagnosis(segment, sequence, message, context, opening)
        for sequence, segment in enumerate(message.all("DG1"), 1)
        if segment.has(3) or segment.has(4)
    ]
    intents = (*opening.intents, *procedures, *diagnoses, *items)
    return Accepted(intents, message.header.kind, "ChargeItem")


def _charge(ft1: Segment, sequence: int, message: Message, context: Context, opening: Opening) -> Upsert:
    for field, meaning in ((4, "transaction date"), (6, "transaction type"), (7, "transaction code")):
        required(ft1, field, meaning, sequence=sequence)
    kind = ft1.text(6, 1, 1).upper()
    if kind not in TRANSACTION_KIND:
        text = f"FT1-6 is {kind!r}; what is kept here are charges ({', '.join(TRANSACTION_KIND)})"
        raise Rejection("AE", Fault(103, "FT1", sequence, 6, text=text))
    charge: JSON = {
        "resourceType": "ChargeItem",
        "status": TRANSACTION_KIND[kind],
        "code": _code(ft1),
        "quantity": {"value": _quantity(ft1, sequence, credit=kind in _CREDITS)},
    }
    opening.join(charge, visit="context")
    number = _transaction(ft1, message, credit=kind in _CREDITS)
    if number:
        charge["identifier"] = [number]
    _times(charge, ft1, sequence, context)
    _money(charge, ft1, sequence)
    _people(charge, ft1)
    reasons = concepts(ft1, 19)
    if reasons:
        charge["reason"] = reasons
    order = entity(ft1.repetitions(23)[0], "FILL") if ft1.has(23) else None
    if order:
        charge["supportingInformation"] = [{"type": "ServiceRequest", "identifier": order}]
    if kind == "VD":
        # The void may say less than the charge did, which stays what it was but for its status.
        kept: JSON = {name: charge[name] for name in ("resourceType", "status", "identifier") if name in charge}
        rest = {name: value for name, value in charge.items() if name not in kept}
        return Upsert(f"charge-{sequence}", kept, keys(charge.get("identifier", [])), (), rest)
    return Upsert(f"charge-{sequence}", charge, keys(charge.get("identifier", [])))


def _transaction(ft1: Segment, message: Message, *, credit: bool) -> JSON | None:
    value = ft1.text(2, 1, 1) if ft1.has(2) else ""
    if not value:
        return None
    sender = message.header.first(3).decode("latin-1") or "charge"
    return {"system": LOCAL_AUTHORITY + sender + ("/credit" if credit else ""), "value": value}


def _code(ft1: Segment) -> JSON:
    """FT1-7, the procedure code of FT1-25 as a further coding, and the words of FT1-8 for want of others."""
    found = whole(ft1, 7, 25) or {}
    words = ft1.text(8, 1, 1) if ft1.has(8) else ""
    return found if "text" in found or not words else {**found, "text": words}


def _quantity(ft1: Segment, sequence: int, *, credit: bool) -> float | int:
    value = decimal(ft1, 10, sequence)
    value = 1 if value is None else value
    return -abs(value) if credit else value


def _times(charge: JSON, ft1: Segment, sequence: int, context: Context) -> None:
    start = when(ft1, 4, context, sequence=sequence)
    # From 2.5 on FT1-4 is a range; before, its second component is a degree of precision (a letter).
    if ft1.text(4, 1, 2, 1)[:4].isdigit():
        charge["occurrencePeriod"] = {"start": start, "end": component_time(ft1, 4, 2, context, sequence)}
    else:
        charge["occurrenceDateTime"] = start
    entered = when(ft1, 5, context, sequence=sequence)
    if entered:
        charge["enteredDate"] = entered


def _money(charge: JSON, ft1: Segment, sequence: int) -> None:
    """The total of FT1-11, else that of the unit price of FT1-12 (or the unit cost of FT1-22)."""
    total = _price(ft1, 11, sequence)
    unit = _price(ft1, 12, sequence) or _price(ft1, 22, sequence)
    if total is None and unit is not None:
        total = {**unit, "value": round(unit["value"] * abs(charge["quantity"]["value"]), 2)}
    if total is not None:
        charge["priceOverride"] = total


def _price(ft1: Segment, field: int, sequence: int) -> JSON | None:
    value = decimal(ft1, field, sequence)
    if value is None:
        return None
    currency = ft1.text(field, 1, 1, 2)
    return {"value": value, "currency": currency.upper()} if len(currency) == 3 else {"value": value}


def _people(charge: JSON, ft1: Segment) -> None:
    performers = [
        {"function": {"coding": [{"system": system, "code": role}]}, "actor": who}
        for field, system, role in ((20, PARTICIPATION, "PPRF"), (21, ROLE, "OP"))
        for item in ft1.repetitions(field)
        if (who := clinician(item))
    ]
    if performers:
        charge["performer"] = performers
    enterer = clinician(ft1.repetitions(24)[0]) if ft1.has(24) else None
    if enterer:
        charge["enterer"] = enterer
    department = concept(ft1.repetitions(13)[0]) if ft1.has(13) else None
    if department:
        codes = department.get("coding", [])
        centre: JSON = {"type": "Organization"}
        if codes:
            centre["identifier"] = {"system": LOCAL_AUTHORITY + "department", "value": codes[0]["code"]}
        charge["costCenter"] = {**centre, "display": department.get("text") or codes[0]["code"]}


def _procedure(pr1: Segment, sequence: int, head: Placed, charge: JSON, context: Context, opening: Opening) -> Upsert:
    """PR1; found again by PR1-19, else by its transaction and its place in it."""
    code = concept(pr1.repetitions(3)[0]) if pr1.has(3) else None
    words = pr1.text(4) if pr1.has(4) else ""
    if code is None and not words:
        raise Rejection("AE", Fault(101, "PR1", sequence, 3, text="PR1-3 (procedure code) is empty, and so is PR1-4"))
    procedure: JSON = {"resourceType": "Procedure", "status": "completed", "code": code or {"text": words}}
    if code is not None and words and "text" not in code:
        procedure["code"] = {**code, "text": words}
    opening.join(procedure)
    done = when(pr1, 5, context, sequence=sequence)
    if done:
        procedure["performedDateTime"] = done
    people = [
        {"actor": who} for field in (12, 11, 8) for item in pr1.repetitions(field)[:1] if (who := clinician(item))
    ]
    if people:
        procedure["performer"] = people[:1] + [one for one in people[1:] if one != people[0]]
    number = entity(pr1.repetitions(19)[0], "FILL") if pr1.has(19) else None
    if number is None and "identifier" in charge:
        transaction = charge["identifier"][0]
        place = pr1.text(1) or str(sequence)
        number = {"system": _PROCEDURE_KEY, "value": f"{transaction['value']}:{place}"}
    if number:
        procedure["identifier"] = [number]
    return Upsert(f"procedure-{sequence}", procedure, keys(procedure.get("identifier", [])))


def _diagnosis(dg1: Segment, sequence: int, message: Message, context: Context, opening: Opening) -> Upsert:
    """DG1; found again by DG1-20, else by its code and the visit (or the patient) that it is of."""
    code = concept(dg1.repetitions(3)[0]) if dg1.has(3) else None
    condition: JSON = {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"system": _CONDITION + "clinical", "code": "active"}]},
        "verificationStatus": {
            "coding": [
                {"system": _CONDITION + "ver-status", "code": _DIAGNOSIS_STATUS.get(dg1.text(6, 1, 1), "confirmed")}
            ]
        },
        "category": [{"coding": [{"system": _CONDITION + "category", "code": "encounter-diagnosis"}]}],
        "code": code or {"text": dg1.text(4)},
    }
    opening.join(condition)
    began = when(dg1, 5, context, sequence=sequence)
    if began:
        condition["onsetDateTime"] = began
    recorder = clinician(dg1.repetitions(16)[0]) if dg1.has(16) else None
    if recorder:
        condition["recorder"] = recorder
    number = entity(dg1.repetitions(20)[0], "FILL") if dg1.has(20) else None
    if number is None:
        whose = opening.intents[-1]
        name = dg1.text(3, 1, 1) or dg1.text(3, 1, 2) or dg1.text(4)
        owner = whose.match[0].value if isinstance(whose, Upsert) and whose.match else ""
        number = {"system": _SUBJECT_KEY, "value": f"{owner}:{name}"}
    condition["identifier"] = [number]
    return Upsert(f"condition-{sequence}", condition, keys(condition["identifier"]))


ACCEPTS: Final = {"DFT^P03": charges, "DFT^P11": charges}
"""Message type and trigger to what it means."""
