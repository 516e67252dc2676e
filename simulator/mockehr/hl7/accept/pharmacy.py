"""RDE, RDS and RAS: drugs ordered, dispensed and given (HL7 v2 chapter 4A).

`request` also serves orders for drugs that come as ORM^O01 with an RXO.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.dosage import dosage
from mockehr.hl7.accept.fields import clinician, entity, required, when
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Known, Upsert, reference
from mockehr.hl7.accept.numbers import known_order, order_keys
from mockehr.hl7.accept.person import keys
from mockehr.hl7.accept.pharmacy_reply import PharmacyReply
from mockehr.hl7.accept.places import place
from mockehr.hl7.accept.treatment import (
    Opening,
    Placed,
    amount,
    concepts,
    decimal,
    groups,
    notes,
    numbers,
    one,
    open_message,
    route,
    whole,
)
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.medication import (
    COMPLETION,
    DISPENSE_STATUS,
    OF_A_KNOWN_ORDER,
    ORDER_CONTROL,
    ORDER_STATUS,
    UNKNOWN_DOSE,
)
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment
from mockehr.hl7.terms import LOCAL_AUTHORITY

PRESCRIPTION: Final = LOCAL_AUTHORITY + "prescription"
"""System of a bare prescription number (RXE-15, RXD-7)."""
DISPENSE_KEY: Final = LOCAL_AUTHORITY + "dispense"
ADMINISTRATION_KEY: Final = LOCAL_AUTHORITY + "administration"


def orders(message: Message, context: Context) -> Accepted:
    """RDE as Patient, Encounter (if PV1 names one) and MedicationRequest per RXE.

    Raises Rejection: 100 without PID or RXE, 101 without a drug, 102 for what is no time or number; an order that
    shall be cancelled, stopped or held and is not known is refused (204).
    """
    opening = open_message(message, context)
    found = [
        intent
        for place_, group in enumerate(groups(message, "RXE"), 1)
        if one(group, "RXE")
        for intent in request(group, context, opening, place_)
    ]
    return _accepted(message, context, (*opening.intents, *found), "MedicationRequest")


def request(group: Sequence[Placed], context: Context, opening: Opening, place_: int = 1) -> tuple[Intent, ...]:
    """The MedicationRequest of one ORC and what follows it up to the next: RXE or RXO, TQ1, RXR, NTE.

    Found again by ORC-2, ORC-3 or RXE-15. `place_` says the how many-th order of the message it is: its intent has
    the key `medication-request-1` and so on. Before it stands a Known where ORC-1 wants an order that is there.
    """
    orc = one(group, "ORC")
    drug = one(group, "RXE") or one(group, "RXO")
    if drug is None:
        raise Rejection("AE", Fault(100, "RXE", place_, text="An order for a drug needs RXE or RXO"))
    order: JSON = {"resourceType": "MedicationRequest", "intent": "order"}
    identifiers = numbers(orc[0] if orc else None)
    if drug[0].id == "RXE" and drug[0].has(15):
        identifiers.append({"system": PRESCRIPTION, "value": drug[0].text(15)})
    if identifiers:
        order["identifier"] = identifiers
    status, defaults = _status(orc[0] if orc else None)
    if status:
        order["status"] = status
    opening.join(order)
    order["medicationCodeableConcept"] = _drug(*drug)
    _ordered(order, orc, drug, context)
    told = dosage(group, context)
    if told:
        order["dosageInstruction"] = [told]
    _supply(order, *drug)
    extra = [item for item in concepts(drug[0], 21) if drug[0].id == "RXE"]
    annotations = notes(group, *(item.get("text", "") for item in extra))
    if annotations:
        order["note"] = annotations
    match = order_keys(context.dialect, *identifiers)
    cleared = ("statusReason",) if status == "active" else ()
    key = f"medication-request-{place_}"
    # A drug may have been a reference before; the choice has one form only.
    return (*_known(orc, match), Upsert(key, order, match, ("medicationReference", *cleared), defaults))


def _known(orc: Placed | None, match: tuple[Key, ...]) -> tuple[Intent, ...]:
    """What must be there where ORC-1 can only change an order."""
    control = orc[0].text(1).upper() if orc is not None else ""
    if orc is None or control not in OF_A_KNOWN_ORDER:
        return ()
    text = f"No order has this number, and ORC-1 is {control}"
    fault = Fault(204, "ORC", orc[1], 2 if orc[0].has(2) else 3, text=text)
    return (Known("MedicationRequest", match, fault),)


def _status(orc: Segment | None) -> tuple[str, JSON]:
    """The status that ORC says; else none, and that of a new order."""
    control = orc.text(1).upper() if orc is not None else ""
    said = ORDER_STATUS.get(orc.text(5).upper(), "") if orc is not None else ""
    status = ORDER_CONTROL.get(control) or said
    if status == "active" and said and control in ("NW", "XO", "RO"):
        status = said
    return status, {} if status else {"status": "active"}


def _drug(segment: Segment, sequence: int) -> JSON:
    fields = {"RXE": (2, 31), "RXO": (1, 24), "RXD": (2, 25), "RXA": (5,)}[segment.id]
    found = whole(segment, *fields)
    if found is None:
        required(segment, fields[0], "code of the drug", sequence=sequence)
        raise Rejection("AE", Fault(101, segment.id, sequence, fields[0], text="The drug has neither code nor name"))
    return found


def _ordered(order: JSON, orc: Placed | None, drug: Placed, context: Context) -> None:
    """Who ordered it, when and why."""
    segment, sequence = drug
    written = when(segment, 32, context, sequence=sequence) if segment.id == "RXE" else ""
    if orc is not None:
        written = written or when(orc[0], 9, context, sequence=orc[1]) or when(orc[0], 15, context, sequence=orc[1])
        requester = clinician(orc[0].repetitions(12)[0]) if orc[0].has(12) else None
        if requester:
            order["requester"] = requester
        recorder = clinician(orc[0].repetitions(10)[0]) if orc[0].has(10) else None
        if recorder:
            order["recorder"] = recorder
        if orc[0].has(4):
            group = entity(orc[0].repetitions(4)[0], "PGN")
            order |= {"groupIdentifier": group} if group else {}
        why = whole(orc[0], 16)
        if why:
            order["statusReason"] = why
    if written:
        order["authoredOn"] = written
    if "requester" not in order and segment.has(13 if segment.id == "RXE" else 14):
        requester = clinician(segment.repetitions(13 if segment.id == "RXE" else 14)[0])
        order |= {"requester": requester} if requester else {}
    reasons = concepts(segment, 27 if segment.id == "RXE" else 20)
    if reasons:
        order["reasonCode"] = reasons


def _supply(order: JSON, segment: Segment, sequence: int) -> None:
    """What shall be dispensed, how often again, and whether something else will do."""
    dispensed, units, repeats = (10, 11, 12) if segment.id == "RXE" else (11, 12, 13)
    supply: JSON = {}
    again = decimal(segment, repeats, sequence)
    if again is not None and again >= 0:
        supply["numberOfRepeatsAllowed"] = int(again)
    quantity = amount(segment, dispensed, units, sequence)
    if quantity:
        supply["quantity"] = quantity
    if supply:
        order["dispenseRequest"] = supply
    allowed = segment.text(9)
    if segment.has(9):
        order["substitution"] = {"allowedBoolean": allowed not in ("N", "0", "1")}


def dispenses(message: Message, context: Context) -> Accepted:
    """RDS as Patient, Encounter (if PV1 names one) and MedicationDispense per RXD, of the order if it is known.

    A dispense is found again by its order or prescription number and RXD-1. Raises Rejection: 100 without PID or RXD,
    101 without a drug, 102 for what is no time or number.
    """
    opening = open_message(message, context)
    found: list[Intent] = []
    for place_, group in enumerate(groups(message, "RXD"), 1):
        head = one(group, "RXD")
        if head is None:
            continue
        rxd, sequence = head
        orc = one(group, "ORC")
        dispense: JSON = {
            "resourceType": "MedicationDispense",
            "status": _dispensed(orc[0] if orc else None),
            "medicationCodeableConcept": _drug(rxd, sequence),
        }
        opening.join(dispense, visit="context")
        told = numbers(orc[0] if orc else None)
        if rxd.has(7):
            told.append({"system": PRESCRIPTION, "value": rxd.text(7)})
        known, link = _order(told, context, opening, place_)
        if link:
            found += known
            dispense["authorizingPrescription"] = [link]
            name = f"{told[0]['value']}:{rxd.text(1) or '1'}"
            dispense["identifier"] = [{"system": DISPENSE_KEY, "value": name}]
        _supplied(dispense, group, head, context)
        found.append(Upsert(f"dispense-{sequence}", dispense, keys(dispense.get("identifier", []))))
    return _accepted(message, context, (*opening.intents, *found), "MedicationDispense")


def _dispensed(orc: Segment | None) -> str:
    if orc is None:
        return "completed"
    control, said = ORDER_CONTROL.get(orc.text(1).upper(), ""), DISPENSE_STATUS.get(orc.text(5).upper(), "")
    return said or (control if control in ("cancelled", "stopped", "on-hold") else "completed")


def _order(told: Sequence[JSON], context: Context, opening: Opening, place_: int) -> tuple[list[Intent], JSON | None]:
    """The order that something was done for: looked up, and named by its number in any case."""
    if not told:
        return [], None
    key = f"order-{place_}"
    known = known_order(key, order_keys(context.dialect, *told), opening.patient_key, "MedicationRequest")
    return [known], {"type": "MedicationRequest", "identifier": told[0], **reference(key)}


def _supplied(dispense: JSON, group: Sequence[Placed], head: Placed, context: Context) -> None:
    rxd, sequence = head
    handed = when(rxd, 3, context, sequence=sequence)
    if handed:
        dispense["whenHandedOver"] = handed
    quantity = amount(rxd, 4, 5, sequence)
    if quantity:
        dispense["quantity"] = quantity
    performers = [{"actor": who} for item in rxd.repetitions(10) if (who := clinician(item))]
    if performers:
        dispense["performer"] = performers
    where = place(rxd.repetitions(13)[0]) if rxd.has(13) else None
    if where:
        dispense["destination"] = where
    if rxd.has(11):
        dispense["substitution"] = {"wasSubstituted": rxd.text(11) in ("G", "T", "3", "4", "5", "7", "8")}
    rest = [placed for placed in group if placed[0].id in ("RXE", "RXO", "RXR", "TQ1")]
    told = dosage(rest, context)
    if told:
        dispense["dosageInstruction"] = [told]
    annotations = notes(group, *rxd.texts(9))
    if annotations:
        dispense["note"] = annotations


def administrations(message: Message, context: Context) -> Accepted:
    """RAS as Patient, Encounter (if PV1 names one) and MedicationAdministration per RXA, of the order if it is known.

    One is found again by its order, RXA-1, RXA-2 and RXA-3. Raises Rejection: 100 without PID or RXA, 101 without
    RXA-3 or a drug, 102 for what is no time or number, 103 for a completion status outside of table 0322.
    """
    opening = open_message(message, context)
    found: list[Intent] = []
    for place_, group in enumerate(groups(message, "RXA", several=True), 1):
        orc = one(group, "ORC")
        told = numbers(orc[0] if orc else None)
        known, link = _order(told, context, opening, place_)
        if any(segment.id == "RXA" for segment, _ in group):
            found += known
        for at, (segment, sequence) in enumerate(group):
            if segment.id == "RXA":
                given = _administration((segment, sequence), group[at:], context, opening)
                if link:
                    given["request"] = link
                    parts = (told[0]["value"], *(segment.text(field) for field in (1, 2, 3)))
                    given["identifier"] = [{"system": ADMINISTRATION_KEY, "value": ":".join(parts)}]
                found.append(Upsert(f"administration-{sequence}", given, keys(given.get("identifier", []))))
    return _accepted(message, context, (*opening.intents, *found), "MedicationAdministration")


def _administration(head: Placed, after: Sequence[Placed], context: Context, opening: Opening) -> JSON:
    """One RXA with the RXR that follows it."""
    rxa, sequence = head
    required(rxa, 3, "start of administration", sequence=sequence)
    given: JSON = {
        "resourceType": "MedicationAdministration",
        "status": _given(rxa, sequence),
        "medicationCodeableConcept": _drug(rxa, sequence),
    }
    opening.join(given, visit="context")
    start, end = (when(rxa, field, context, sequence=sequence) for field in (3, 4))
    if end and end != start and given["status"] != "not-done":
        given["effectivePeriod"] = {"start": start, "end": end}
    else:
        given["effectiveDateTime"] = start
    performers = [{"actor": who} for item in rxa.repetitions(10) if (who := clinician(item))]
    if performers:
        given["performer"] = performers
    reasons = concepts(rxa, 18)
    if reasons:
        given["statusReason"] = reasons
    indications = concepts(rxa, 19)
    if indications:
        given["reasonCode"] = indications
    texts = [item.get("text") or item["coding"][0]["code"] for item in concepts(rxa, 9)]
    annotations = [{"text": text} for text in texts]
    if annotations:
        given["note"] = annotations
    dose = amount(rxa, 6, 7, sequence) if rxa.text(6, 1, 1) not in UNKNOWN_DOSE else None
    if dose:
        told, site, method = route(one(after, "RXR"))
        named = (("route", told), ("site", site), ("method", method))
        given["dosage"] = {"dose": dose, **{name: value for name, value in named if value}}
    return given


def _given(rxa: Segment, sequence: int) -> str:
    if rxa.text(21) == "D":
        return "entered-in-error"
    said = rxa.text(20).upper() if rxa.has(20) else "CP"
    if said not in COMPLETION:
        text = f"RXA-20 is {said!r}, not one of {', '.join(COMPLETION)}"
        raise Rejection("AE", Fault(103, "RXA", sequence, 20, text=text))
    return COMPLETION[said]


def _accepted(message: Message, context: Context, intents: tuple[Intent, ...], subject: str) -> Accepted:
    """What is asked for, and the application reply where the site answers orders with more than an ACK."""
    kind = message.header.kind
    if context.dialect.order_reply == "ack":
        return Accepted(intents, kind, subject)
    reply = PharmacyReply(kind.partition("^")[0], message.segment("PID"), tuple(message.all("ORC")))
    return Accepted(intents, kind, subject, respond=reply)


ACCEPTS: Final = {
    "RDE^O01": orders,
    "RDE^O11": orders,
    "RDS^O01": dispenses,
    "RDS^O13": dispenses,
    "RAS^O01": administrations,
    "RAS^O17": administrations,
}
"""Message type and trigger to what it means; before 2.4 all pharmacy messages had the trigger O01."""
