"""ADT about who is who: merges, links, other numbers, deletions, and the swap of two beds (HL7 v2 chapter 3.6.2).

| trigger | who survives | whom or what it replaces |
|---|---|---|
| A18, A30, A34, A40 | PID-3 | MRG-1, each of its repetitions |
| A36 | PID-3, PID-18 | MRG-1, MRG-3 |
| A39 | PID-2 (else PID-3) | MRG-4 (else MRG-1) |
| A35, A41 | account PID-18 | account MRG-3 |
| A47 | the patient's numbers PID-3 | the same patient's MRG-1 |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.adt import following, needed_segment, person_of
from mockehr.hl7.accept.fields import identifier, required
from mockehr.hl7.accept.intents import (
    Accepted,
    Account,
    Associate,
    Context,
    Intent,
    Key,
    Merge,
    Remove,
    Renumber,
    Unmerge,
)
from mockehr.hl7.accept.person import cx_keys, keys, pid_identifiers
from mockehr.hl7.accept.visit import encounter, needed_number
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment


def merge(message: Message, context: Context) -> Accepted:
    """Each PID is what survives, the MRG after it what it replaces. Raises Rejection (205) for one with oneself."""
    intents: list[Intent] = []
    for number, pid, mrg in _pairs(message):
        required(mrg, 1, "prior patient identifier list", sequence=number)
        losers = cx_keys(mrg, 1, context)
        intents += _merged(message, context, pid, losers, number)
        if message.header.kind == "ADT^A36" and mrg.has(3):
            intents.append(_account(pid, mrg, context))
    return Accepted(tuple(intents), message.header.kind, "Patient")


def merge_external(message: Message, context: Context) -> Accepted:
    """A39: by the external numbers in PID-2 and MRG-4 where there are any."""
    intents: list[Intent] = []
    for number, pid, mrg in _pairs(message):
        field = 4 if mrg.has(4) else 1
        required(mrg, field, "prior patient id", sequence=number)
        losers = cx_keys(mrg, field, context)
        survivor = cx_keys(pid, 2, context) if field == 4 else ()
        intents += _merged(message, context, pid, losers, number, survivor)
    return Accepted(tuple(intents), message.header.kind, "Patient")


def merge_accounts(message: Message, context: Context) -> Accepted:
    """A35 and A41: what was under the account of MRG-3 is under that of PID-18."""
    intents: list[Intent] = []
    for number, pid, mrg in _pairs(message):
        required(pid, 18, "patient account number", sequence=number)
        required(mrg, 3, "prior patient account number", sequence=number)
        intents += [person_of(message, pid, context, f"patient-{number}", sequence=number, quiet=True)]
        intents += [_account(pid, mrg, context)]
    return Accepted(tuple(intents), message.header.kind, "Encounter")


def renumber(message: Message, context: Context) -> Accepted:
    """A47: the numbers in MRG-1 are no longer those of the patient, the ones in PID-3 are."""
    pid, mrg = needed_segment(message, "PID"), needed_segment(message, "MRG")
    required(mrg, 1, "prior patient identifier list")
    found, bare = pid_identifiers(pid, context)
    new = tuple(found) or ({"value": bare[0].value} | ({"system": bare[0].system} if bare[0].system else {}),)
    old = tuple(key for key in cx_keys(mrg, 1, context) if key not in keys(list(new)))
    if not old:
        raise Rejection("AE", Fault(205, "MRG", 1, 1, text="MRG-1 names the very numbers that shall take its place"))
    place = Fault(204, "MRG", 1, 1)
    return Accepted((Renumber("Patient", old, new, place, context.strict),), message.header.kind, "Patient")


def link(message: Message, context: Context) -> Accepted:
    """A24: two PID that speak of one patient."""
    (one, first), (other, second) = _two(message, context)
    people = [
        person_of(message, pid, context, f"patient-{number}", sequence=number, quiet=True)
        for number, pid in enumerate((one, other), 1)
    ]
    return Accepted((*people, Associate(first, second, context.strict)), message.header.kind, "Patient")


def unlink(message: Message, context: Context) -> Accepted:
    """A37: two PID that do so no longer. Nothing else of them is written: whose data they are is in doubt."""
    (_, first), (_, second) = _two(message, context)
    return Accepted((Unmerge(first, second, context.strict),), message.header.kind, "Patient")


def swap(message: Message, context: Context) -> Accepted:
    """A17: two pairs of PID and PV1, each PV1-3 being the bed where that patient lies from now on."""
    intents: list[Intent] = []
    pids = message.all("PID")
    for number, pid in enumerate(pids[:2], 1):
        pv1 = following(message, pid, "PV1")
        if pv1 is None:
            raise Rejection("AE", Fault(100, "PV1", number, text="ADT^A17 needs a PV1 after each PID"))
        person = person_of(message, pid, context, f"patient-{number}", sequence=number, quiet=True)
        stay = encounter(
            pv1, message, context, status="in-progress", patient_key=person.key, key=f"encounter-{number}",
            quiet=number == 1,
        )  # fmt: skip
        intents += [person, stay]
    if len(pids) < 2:
        raise Rejection("AE", Fault(100, "PID", 2, text="ADT^A17 needs two PID segments"))
    return Accepted(tuple(intents), message.header.kind, "Encounter")


def remove_person(message: Message, context: Context) -> Accepted:
    """A29: the person's record is deleted."""
    found, bare = pid_identifiers(needed_segment(message, "PID"), context)
    intent = Remove("Patient", keys(found) + bare, Fault(204, "PID", 1, 3), context.strict)
    return Accepted((intent,), message.header.kind, "Patient")


def remove_visit(message: Message, context: Context) -> Accepted:
    """A23: the visit's record is deleted; the patient's stays."""
    pv1 = needed_segment(message, "PV1")
    match = keys([needed_number(message, pv1, context)])
    field = context.dialect.visit_field
    intent = Remove("Encounter", match, Fault(204, field[:3], 1, int(field[4:])), context.strict)
    return Accepted((intent,), message.header.kind, "Encounter")


def _pairs(message: Message) -> Iterator[tuple[int, Segment, Segment]]:
    """(how manieth, PID, MRG) of a message; raises Rejection (100) unless each MRG has a PID before it."""
    pid: Segment | None = None
    seen = {"PID": 0, "MRG": 0}
    for segment in message.segments:
        if segment.id not in seen:
            continue
        seen[segment.id] += 1
        if segment.id == "PID":
            pid = segment
        elif pid is None:
            raise Rejection("AE", Fault(100, "MRG", seen["MRG"], text="MRG stands before any PID"))
        else:
            yield seen["MRG"], pid, segment
    if not seen["MRG"]:
        missing = "MRG" if seen["PID"] else "PID"
        raise Rejection("AE", Fault(100, missing, 1, text=f"{message.header.kind} needs PID and MRG"))


def _merged(
    message: Message, context: Context, pid: Segment, losers: tuple[Key, ...], number: int, by: tuple[Key, ...] = ()
) -> list[Intent]:
    sequence = message.all("PID").index(pid) + 1
    survivor = person_of(message, pid, context, f"patient-{sequence}", sequence=sequence, within=losers, quiet=True)
    match = by or survivor.match
    if set(losers) & set(match):
        text = "MRG-1 names the very patient that shall survive"
        raise Rejection("AE", Fault(205, "MRG", number, 1, text=text))
    return [survivor, Merge(match, losers, context.strict, number)]


def _account(pid: Segment, mrg: Segment, context: Context) -> Account:
    found, bare = pid_identifiers(pid, context)
    new = _number(pid, 18, context)
    old = [key for rules in ((context.dialect.visit,), ()) for key in cx_keys(mrg, 3, context, rules)]
    return Account(keys(found) + bare, tuple(dict.fromkeys(old)), new, context.strict)


def _number(pid: Segment, field: int, context: Context) -> JSON:
    rules = (context.dialect.visit,) if context.dialect.account_is_visit else ()
    found = identifier(pid.repetitions(field)[0], context.dialect, rules) if pid.has(field) else None
    if found is None:
        raise Rejection("AE", Fault(101, "PID", 1, field, text=f"PID-{field} (patient account number) is empty"))
    return found


def _two(message: Message, context: Context) -> list[tuple[Segment, tuple[Key, ...]]]:
    pids = message.all("PID")
    if len(pids) < 2:
        raise Rejection("AE", Fault(100, "PID", 2, text=f"{message.header.kind} needs two PID segments"))
    numbered = []
    for sequence, pid in enumerate(pids[:2], 1):
        found, bare = pid_identifiers(pid, context, sequence)
        numbered.append((pid, keys(found) + bare))
    if set(numbered[0][1]) & set(numbered[1][1]):
        raise Rejection("AE", Fault(205, "PID", 2, 3, text="Both PID-3 name the same patient"))
    return numbered


ACCEPTS: Final = {
    "ADT^A17": swap,
    "ADT^A18": merge,
    "ADT^A23": remove_visit,
    "ADT^A24": link,
    "ADT^A29": remove_person,
    "ADT^A30": merge,
    "ADT^A34": merge,
    "ADT^A35": merge_accounts,
    "ADT^A36": merge,
    "ADT^A37": unlink,
    "ADT^A39": merge_external,
    "ADT^A40": merge,
    "ADT^A41": merge_accounts,
    "ADT^A47": renumber,
}
"""Message type and trigger to what it means."""
