"""Queries: who is it (QBP^Q22, Q21, QRY^A19), under which other numbers (Q23), with which vaccinations (Q11).

HL7 v2 chapters 3 and 5; IHE ITI-21 and ITI-9; CDC's guide for immunizations (Z34, Z44). A query whose content is
wrong is answered with the reply of its own type, AE in MSA and QAK.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mockehr.hl7.accept.criteria import Criteria, asked_of, by_birth, by_name, by_number, domains
from mockehr.hl7.accept.fields import identifier, integer
from mockehr.hl7.accept.found import Asked, Found, History, Identities, Movements
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Known
from mockehr.hl7.answers import Question
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.terms import GENDER

MOST: Final = 100
"""Patients in one reply, whatever RCP-2 asks."""
USUAL: Final = 50
_HISTORIES: Final = ("Z34", "Z44")


def find_patients(message: Message, context: Context) -> Accepted:
    """QBP^Q22 (IHE ITI-21): whom the criteria of QPD-3 describe, with the identifiers of the domains in QPD-8."""
    qpd = _segment(message, "QPD")
    asked = Found("RSP^K22", (qpd,), qpd, *_portion(message))

    def ask() -> tuple[Asked, Question]:
        criteria = asked_of(qpd.repetitions(3), context)
        wanted = domains(qpd.repetitions(8), context.dialect, 8)
        return asked.within(wanted), _question(criteria, asked)

    return _answer(message, asked, ask)


def get_person(message: Message, context: Context) -> Accepted:
    """QBP^Q21: the person whom QPD-3 identifies."""
    qpd = _segment(message, "QPD")
    asked = Found("RSP^K21", (qpd,), qpd)

    def ask() -> tuple[Asked, Question]:
        wanted = domains(qpd.repetitions(4), context.dialect, 4)
        return asked.within(wanted), _question((by_number(_number(qpd), context),), asked)

    return _answer(message, asked, ask)


def cross_reference(message: Message, context: Context) -> Accepted:
    """QBP^Q23 (IHE ITI-9): the identifiers that whoever QPD-3 identifies has in the domains of QPD-4, or in all."""
    qpd = _segment(message, "QPD")
    asked = Identities("RSP^K23", (qpd,), qpd)

    def ask() -> tuple[Asked, Question]:
        found = identifier(_number(qpd), context.dialect) or {}
        if not found.get("system"):
            text = "QPD-3 names no assigning authority that is known here"
            raise Rejection("AE", Fault(204, "QPD", 1, 3, 4, text))
        wanted = domains(qpd.repetitions(4), context.dialect, 4)
        key = (str(found["system"]), str(found["value"]))
        return asked.of(key).within(wanted), Question("Patient", keys=(key,))

    def known(question: Question) -> Sequence[Intent]:
        match = tuple(Key(*key) for key in question.keys)
        return [Known("Patient", match, Fault(204, "QPD", 1, 3, 1, "Nobody here has this identifier"))]

    return _answer(message, asked, ask, known)


def immunization_history(message: Message, context: Context) -> Accepted:
    """QBP^Q11 by CDC's profiles Z34 and Z44: the vaccinations of one person, or the people that it may be."""
    qpd = _segment(message, "QPD")
    asked = History("RSP^K11", (qpd,), qpd, *_portion(message))

    def ask() -> tuple[Asked, Question]:
        if qpd.text(1, 1, 1) not in _HISTORIES:
            text = f"QPD-1 is {qpd.text(1, 1, 1)!r}, not one of {', '.join(_HISTORIES)}"
            raise Rejection("AE", Fault(103, "QPD", 1, 1, text=text))
        return asked, _question(_described(qpd, context), asked, ("Immunization",))

    return _answer(message, asked, ask)


def patient_query(message: Message, context: Context) -> Accepted:
    """QRY^A19, the query of versions before 2.4: QRD-8 has the number of a patient, or a name."""
    qrd = _segment(message, "QRD")
    echoed = tuple(segment for segment in message.segments if segment.id in ("QRD", "QRF"))
    limit, start = _portion(message, qrd.text(7, 1, 1))
    asked = Movements("ADR^A19", echoed, qrd, limit, start)

    def ask() -> tuple[Asked, Question]:
        who = qrd.repetitions(8)[0] if qrd.has(8) else []
        criteria: Criteria = ()
        if part(who, 1):
            authority = who[8] if len(who) > 8 else [""]
            cx = [[part(who, 1)], [""], [""], authority, [part(who, 13)]]
            criteria = (by_number(cx, context),)
        elif part(who, 2):
            criteria = (*by_name("family", part(who, 2)), *by_name("given", part(who, 3)))
        if not criteria:
            raise Rejection("AE", Fault(101, "QRD", 1, 8, text="QRD-8 (who subject filter) names nobody"))
        return asked, _question(criteria, asked, ("Encounter",))

    return _answer(message, asked, ask)


def cancel(message: Message, context: Context) -> Accepted:
    """QCN^J01: a continuation is not wanted any more. Nothing is held for one, so there is nothing to let go of."""
    return Accepted((), message.header.kind)


def _answer(
    message: Message,
    asked: Asked,
    ask: Callable[[], tuple[Asked, Question]],
    known: Callable[[Question], Sequence[Intent]] = lambda question: (),
) -> Accepted:
    """What was asked; or, where it cannot be asked, a refusal that the reply of its type tells.

    An unmet Known is what refuses after the reply is known: a Rejection from here would become a bare ACK.
    """
    kind = message.header.kind
    try:
        answer, question = ask()
    except Rejection as rejection:
        return Accepted((Known("Patient", (), rejection.faults[0]),), kind, respond=asked)
    return Accepted(tuple(known(question)), kind, respond=answer, question=question)


def _question(criteria: Criteria, asked: Asked, beside: tuple[str, ...] = ()) -> Question:
    if asked.start < 0:
        fault = Fault(204, "DSC", 1, 1, text="DSC-1 is no continuation pointer that was given here")
        raise Rejection("AE", fault)
    return Question("Patient", criteria, limit=asked.limit, start=asked.start, beside=beside)


def _portion(message: Message, quantity: str = "") -> tuple[int, int]:
    """How many patients one reply may have, and after how many it begins (-1 for a pointer that is none)."""
    rcp, dsc = message.segment("RCP"), message.segment("DSC")
    said = rcp.text(2, 1, 1) if rcp is not None else quantity
    limit = min(integer(said) or USUAL, MOST)
    pointer = dsc.text(1) if dsc is not None else ""
    start = integer(pointer) if pointer else 0
    return limit, -1 if start is None else start


def _described(qpd: Segment, context: Context) -> Criteria:
    """QPD-4, 6 and 7 of Z34: name, birth date and sex; the identifiers of QPD-3 where these do not suffice."""
    name = qpd.repetitions(4)[0] if qpd.has(4) else []
    birth = qpd.text(6, 1, 1) if qpd.has(6) else ""
    if part(name, 1) and birth:
        given = by_name("given", part(name, 2)) if part(name, 2) else []
        found = [*by_name("family", part(name, 1)), *given, *by_birth(birth, 6)]
        if qpd.text(7, 1, 1).upper() in ("M", "F"):
            found.append(("gender", GENDER[qpd.text(7, 1, 1).upper()]))
        return tuple(found)
    numbers = [by_number(item, context)[1] for item in qpd.repetitions(3) if part(item, 1)]
    if not numbers:
        text = "Neither QPD-4 and QPD-6 (name and birth date) nor QPD-3 (identifiers) says who is meant"
        raise Rejection("AE", Fault(101, "QPD", 1, 4, text=text))
    return (("identifier", ",".join(numbers)),)


def _number(qpd: Segment) -> Repetition:
    repetitions = [item for item in qpd.repetitions(3) if part(item, 1)]
    if not repetitions:
        raise Rejection("AE", Fault(101, "QPD", 1, 3, text="QPD-3 (person identifier) is empty"))
    return repetitions[0]


def _segment(message: Message, segment_id: str) -> Segment:
    found = message.segment(segment_id)
    if found is None:
        raise Rejection("AE", Fault(100, segment_id, 1, text=f"{message.header.kind} needs a {segment_id} segment"))
    return found


ACCEPTS: Final = {
    "QBP^Q11": immunization_history,
    "QBP^Q21": get_person,
    "QBP^Q22": find_patients,
    "QBP^Q23": cross_reference,
    "QCN^J01": cancel,
    "QRY^A19": patient_query,
}
"""Message type and trigger to what it means."""
