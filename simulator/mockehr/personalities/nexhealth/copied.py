"""The copy: a practice's records as they were when they were last read, and what is still to be written there.

Nothing is copied in fact. What a practice's system has now, less what changed since the last time that reading
succeeded, is what the copy has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.behind import Behind
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.proprietary import Records

TYPES: Final = ("Patient", "Practitioner", "Appointment")
FOR_EVER: Final = 1e12
DRAWER: Final = "nexhealth"


@dataclass(frozen=True, slots=True)
class Sync:
    """How the synchronisation of one practice stands. Times are ours."""

    synced: float
    """The copy is as the practice's system was then."""
    seen: int = 0
    """How many of its changes the copy has."""
    read: str = "green"
    read_at: float = 0.0
    write: str = "green"
    write_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Written:
    """An appointment or a patient that we were given, on its way into the practice's system."""

    number: int
    site: str
    resource: JSON
    at: float
    foreign: str = ""
    """Its id there, once it is written."""
    written_at: float = 0.0
    failed: str = ""
    """Why it never will be."""


def begin(records: Records) -> None:
    """Everything is copied."""
    now = records.now()
    for behind in records.behind:
        sync = Sync(now, behind.heard, read_at=now, write_at=now)
        records.keep(DRAWER, f"sync {behind.name}", sync, FOR_EVER)


def sync_of(records: Records, behind: Behind) -> Sync:
    """How it stands."""
    found = records.kept(DRAWER, f"sync {behind.name}")
    return found if isinstance(found, Sync) else Sync(records.now())


def read_round(exchange: Exchange, records: Records, patience: float) -> None:
    """Ask every practice's system for what changed; what fails leaves the copy as old as it is."""
    now = records.now()
    for behind in records.behind:
        sync, heard = sync_of(records, behind), behind.heard
        changed = [
            f"/{one.resource_type}/{one.id}" for one in behind.changes(sync.seen) if one.resource_type in TYPES
        ]
        good = all(
            answer.ok or answer.status in (404, 410)
            for target in dict.fromkeys(changed or ["/metadata"])
            for answer in [behind.ask(exchange, "GET", target, patience=patience)]
        )
        sync = replace(sync, read="green" if good else "red", read_at=now)
        sync = replace(sync, synced=now, seen=heard) if good else sync
        records.keep(DRAWER, f"sync {behind.name}", sync, FOR_EVER)
        if not good:
            exchange.reply = Reply(502)


def write_round(exchange: Exchange, records: Records, patience: float) -> None:
    """Write what was accepted. What the practice's system refuses has failed; without an answer it is tried again."""
    now = records.now()
    for one in list(waiting(records)):
        behind = behind_named(records, one.site)
        if behind is None:
            continue
        start = str(one.resource.get("start", ""))
        sync = sync_of(records, behind)
        if start and datetime.fromisoformat(start).timestamp() < now:
            keep(records, replace(one, failed="timed_out"))
            continue
        changing = bool(one.foreign)
        method, target = ("PUT", f"/{kind(one)}/{one.foreign}") if changing else ("POST", f"/{kind(one)}")
        resource = one.resource | ({"id": one.foreign} if changing else {})
        answer = behind.ask(exchange, method, target, to_bytes(resource), patience=patience)
        good = answer.ok or answer.answered
        records.keep(
            DRAWER, f"sync {behind.name}", replace(sync, write="green" if good else "red", write_at=now), FOR_EVER
        )
        if answer.ok:
            place = answer.header("location").split("/_history/")[0].rpartition("/")[2]
            foreign = one.foreign or place or str(answer.document.get("id", ""))
            keep(records, replace(one, foreign=foreign, written_at=now))
            records.keep(DRAWER, f"number {kind(one)} {one.site} {foreign}", one.number, FOR_EVER)
        elif answer.answered:
            keep(records, replace(one, failed=answer.text))


def kind(one: Written) -> str:
    """Its resource type."""
    return str(one.resource["resourceType"])


def accept(records: Records, site: str, resource: JSON) -> Written:
    """Take something that is to be written."""
    number = records.number(DRAWER)
    one = Written(number, site, resource, records.now())
    keep(records, one)
    told = records.kept(DRAWER, "accepted") or ()
    records.keep(DRAWER, "accepted", (*told, number), FOR_EVER)
    return one


def keep(records: Records, one: Written) -> None:
    """In its present state."""
    records.keep(DRAWER, f"written {one.number}", one, FOR_EVER)


def written(records: Records) -> Iterator[Written]:
    """All that we were ever given."""
    for number in records.kept(DRAWER, "accepted") or ():
        found = records.kept(DRAWER, f"written {number}")
        if isinstance(found, Written):
            yield found


def waiting(records: Records) -> Iterator[Written]:
    """What is not written yet, and may still be."""
    return (one for one in written(records) if not one.written_at and not one.failed)


def behind_named(records: Records, name: str) -> Behind | None:
    """The site behind of that name."""
    return next((one for one in records.behind if one.name == name), None)


def search(records: Records, behind: Behind, resource_type: str, query: str, limit: int) -> list[JSON]:
    """Matches in the copy, at most so many."""
    theirs = behind.records
    if theirs is None:
        return []
    found = theirs.search(resource_type, query, limit=limit)
    if isinstance(found, Problem):
        return []
    older = _older(records, behind, resource_type)
    return [old for one in found[1] if (old := older.get(str(one["id"]), one)) is not None]


def count(records: Records, behind: Behind, resource_type: str, query: str, shown: int) -> int:
    """How many matches there are, without what was not read yet."""
    theirs = behind.records
    found = theirs.search(resource_type, query, limit=0) if theirs is not None else (shown, [])
    if isinstance(found, Problem) or found[0] is None:
        return shown
    fresh = sum(1 for old in _older(records, behind, resource_type).values() if old is None)
    return max(shown, found[0] - fresh)


def read(records: Records, behind: Behind, resource_type: str, id: str) -> JSON | None:
    """One record in the copy."""
    older = _older(records, behind, resource_type)
    if id in older:
        found: JSON | None = older[id]
        return found
    return behind.records.read(resource_type, id) if behind.records is not None else None


def _older(records: Records, behind: Behind, resource_type: str) -> dict[str, Any]:
    """Id → the record before its first change that was not read yet; None where it was not there."""
    older: dict[str, Any] = {}
    for change in behind.changes(sync_of(records, behind).seen):
        if change.resource_type == resource_type and change.id not in older:
            older[change.id] = change.before
    return older
