"""Patients that are one, or two again, and numbers that change (HL7 v2 chapter 3.6.2): links between records.

The record that was merged stays, with all that refers to it; `link` says who goes on. Chains are kept as they came
about (A by B, B by C), since each link of them may be undone.
"""

from __future__ import annotations

from typing import Protocol

from mockehr.core.changes import QUIET
from mockehr.core.exchange import JSON
from mockehr.fhir.overlay.model import identifiers_of
from mockehr.fhir.record import Record
from mockehr.hl7.accept.intents import Account, Associate, Key, Merge, Remove, Renumber, Unmerge
from mockehr.hl7.faults import Fault, Rejection
from mockehr.sites.finding import carriers, find_by_identifier, linked, replaced_by
from mockehr.sites.site import Site


class Writer(Protocol):
    """One message being written."""

    site: Site

    @property
    def event(self) -> str:
        """What the message says happened."""

    def commit(self, document: JSON, version: int, event: str) -> Record:
        """Write one version."""

    def miss(self, fault: Fault, *, strict: bool = False) -> None:
        """Something is not as the message supposes: refuse it, or tell so with the acceptance."""


def merge(writer: Writer, intent: Merge) -> None:
    """Link whoever is merged to who survives; what is linked so already stays as it is.

    Whom the survivor had been merged into is merged into the survivor instead: such a merge turns the first round.
    """
    site, place = writer.site, intent.sequence
    losers = list(carriers(site, "Patient", intent.loser))
    survivor = find_by_identifier(site, "Patient", intent.survivor, within=intent.loser)
    if survivor is None or not losers:
        who = "PID-3 names nobody" if survivor is None else "MRG-1 names nobody"
        segment, field = ("PID", 3) if survivor is None else ("MRG", 1)
        text = f"{who} who is known here; nothing was merged"
        writer.miss(Fault(204, segment, place, field, text=text), strict=intent.strict)
        return
    others = [loser for loser in losers if loser.id != survivor.id]
    if not others:
        writer.miss(Fault(205, "MRG", place, 1, text="MRG-1 is a number of the very patient who survives"))
    for loser in others:
        loser = site.store.read("Patient", loser.id) or loser
        if replaced_by(loser.document) != survivor.id:
            _release(writer, loser)
            survivor = _replace(writer, loser, survivor)


def unmerge(writer: Writer, intent: Unmerge) -> None:
    """Take away all links between two records; one that had been replaced by the other is active again."""
    pairs = [
        (one, other)
        for one in carriers(writer.site, "Patient", intent.one)
        for other in carriers(writer.site, "Patient", intent.other)
        if one.id != other.id
    ]
    joined = [(one, other) for one, other in pairs if _knows(one, other) or _knows(other, one)]
    if not joined:
        text = "The two patients are not linked" if pairs else "Not both of the patients are known here"
        writer.miss(Fault(204, "PID", 2, 3, text=f"{text}; nothing was unlinked"), strict=intent.strict)
        return
    one, other = joined[0]
    for record, away, event in ((other, one, QUIET), (one, other, writer.event)):
        document = _linked(record.document, _without(record.document, away))
        if replaced_by(record.document) == away.id:
            document["active"] = True
        writer.commit(document, record.version + 1, event)


def associate(writer: Writer, intent: Associate) -> None:
    """Link two records that speak of one patient and both go on."""
    one = find_by_identifier(writer.site, "Patient", intent.one)
    other = find_by_identifier(writer.site, "Patient", intent.other)
    if one is None or other is None or one.id == other.id:
        same = one is not None and other is not None
        text = "Both PID-3 mean one record" if same else "Not both of the patients are known here"
        code = 205 if same else 204
        writer.miss(Fault(code, "PID", 2, 3, text=f"{text}; nothing was linked"), strict=intent.strict)
        return
    for record, away, event in ((other, one, QUIET), (one, other, writer.event)):
        links = [*record.document.get("link", ()), _link(away, "seealso")]
        if not _knows(record, away):
            writer.commit(_linked(record.document, links), record.version + 1, event)


def renumber(writer: Writer, intent: Renumber) -> None:
    """Give a resource its new identifiers; the old stay with use `old`, so that it is still found by them.

    Raises Rejection (205) if another one has the new ones.
    """
    new = tuple(Key(one.get("system", ""), one["value"]) for one in intent.new)
    record = next(carriers(writer.site, intent.resource_type, intent.old), None)
    holder = next(carriers(writer.site, intent.resource_type, new), None)
    place = intent.place
    if record is None:
        if holder is None:
            text = f"{place.place} names nothing that is known here"
            writer.miss(Fault(204, place.segment, place.sequence, place.field, text=text), strict=intent.strict)
        return
    if holder is not None and holder.id != record.id:
        text = "The new number is that of another record; a merge would join the two"
        raise Rejection("AE", Fault(205, "PID", 1, 3, text=text))
    document = _renumbered(record.document, set(intent.old), intent.new)
    writer.commit(document, record.version + 1, writer.event)


def move_account(writer: Writer, intent: Account) -> None:
    """Put the visits of one account under another; a visit known by the account's number gets the new number.

    Where a visit of the new number is there as well, the old one becomes part of it.
    """
    patient = find_by_identifier(writer.site, "Patient", intent.patient)
    visits = writer.site.store.chart(patient.id, "Encounter") if patient is not None else []
    new = (intent.new.get("system", ""), intent.new["value"])
    old = {(key.system, key.value) for key in intent.old}
    target = next((one for one in visits if new in identifiers_of(one.document)), None)
    moved = 0
    for visit in visits:
        document = _accounted(visit.document, old, intent.new)
        if document is None and old & set(identifiers_of(visit.document)):
            if target is None:
                document = _renumbered(visit.document, set(intent.old), (intent.new,))
            else:
                document = {**visit.document, "partOf": {"reference": target.key}}
        if document is not None:
            writer.commit(document, visit.version + 1, writer.event)
            moved += 1
    if not moved:
        text = "MRG-3 is no account of this patient that is known here"
        writer.miss(Fault(204, "MRG", 1, 3, text=text), strict=intent.strict)


def remove(writer: Writer, intent: Remove) -> Record | None:
    """The record that an intent wants to have deleted, if it is there."""
    record = next(carriers(writer.site, intent.resource_type, intent.match), None)
    if record is None:
        place = intent.place
        text = f"{place.place} names no {intent.resource_type} that is known here"
        writer.miss(Fault(204, place.segment, place.sequence, place.field, text=text), strict=intent.strict)
    return record


def _replace(writer: Writer, loser: Record, survivor: Record) -> Record:
    links = [link for link in _without(loser.document, survivor) if link.get("type") != "replaced-by"]
    retired = _linked(loser.document, [*links, _link(survivor, "replaced-by")])
    writer.commit({**retired, "active": False}, loser.version + 1, QUIET)
    keeping = _linked(survivor.document, [*_without(survivor.document, loser), _link(loser, "replaces")])
    if replaced_by(survivor.document) == loser.id:
        keeping["active"] = True
    return writer.commit(keeping, survivor.version + 1, writer.event)


def _release(writer: Writer, loser: Record) -> None:
    """Whoever replaced this record until now does so no longer."""
    former = writer.site.store.read("Patient", replaced_by(loser.document)) if replaced_by(loser.document) else None
    if former is not None and not former.deleted and _knows(former, loser):
        document = _linked(former.document, _without(former.document, loser))
        writer.commit(document, former.version + 1, QUIET)


def _accounted(visit: JSON, old: set[tuple[str, str]], new: JSON) -> JSON | None:
    """The visit under the new account; None if it is not under the old one."""
    accounts = visit.get("account") or []
    told = [one.get("identifier") or {} for one in accounts]
    if not any((one.get("system", ""), one.get("value")) in old for one in told):
        return None
    kept = [
        account
        for account, one in zip(accounts, told, strict=True)
        if (one.get("system", ""), one.get("value")) not in old
    ]
    return {**visit, "account": [*kept, {"identifier": new}]}


def _renumbered(document: JSON, old: set[Key], new: tuple[JSON, ...]) -> JSON:
    fresh = [(one.get("system", ""), one["value"]) for one in new]
    kept = []
    for one in document.get("identifier") or ():
        key = (one.get("system", ""), one.get("value"))
        if Key(*key) in old:
            kept.append({**one, "use": "old"})
        elif key not in fresh:
            kept.append(one)
    return {**document, "identifier": [*new, *kept]}


def _knows(record: Record, other: Record) -> bool:
    return any(linked(link) == other.id for link in record.document.get("link") or ())


def _without(document: JSON, other: Record) -> list[JSON]:
    return [link for link in document.get("link") or () if linked(link) != other.id]


def _linked(document: JSON, links: list[JSON]) -> JSON:
    rest = {name: value for name, value in document.items() if name != "link"}
    return {**rest, "link": links} if links else rest


def _link(to: Record, kind: str) -> JSON:
    return {"other": {"reference": to.key}, "type": kind}
