"""The interface between a store and the place where what was written lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mockehr.core.errors import MockehrError
from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record

Key = str
"""`Type/id`, as `Record.key` has it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that was written up to one moment, in the order of writing, and how many ids had been made."""

    versions: tuple[Record, ...]
    serial: int


class Overtaken(MockehrError):
    """A write over a version that is not the current one: somebody else was faster. Nothing was written."""

    def __init__(self, key: str, meant: int, current: int) -> None:
        self.meant = meant
        self.current = current
        super().__init__(
            f"{key} was to be written over version {meant}, and is at version {current}.",
            remedy="Read it again and repeat the change on what is there now.",
        )


class Overlay(Protocol):
    """Versions in the order in which they were written, numbered from 1 without gaps; and the current ones.

    Writes happen between `begin` and `commit` or `rollback`; only an overlay that is `alone` also takes single ones
    outside. These pairs may be nested: what an inner one undoes, the outer one never had.
    """

    alone: bool
    """True if nobody else can write here, so that what was read stays true until the next write."""

    def current(self, key: Key, /) -> Record | None:
        """The newest version of a resource, tombstones included; None if it was never written."""

    def versions(self, key: Key) -> Sequence[Record]:
        """All versions that were written of one resource, oldest first."""

    def of_type(self, resource_type: str) -> Sequence[Record]:
        """Current versions of a type, tombstones included, in the order in which each was first written."""

    def of_patient(self, resource_type: str, patient: str) -> Sequence[Record]:
        """Current versions of a type in one patient's chart, no tombstones, in the order of their last writing."""

    def with_identifier(self, resource_type: str, system: str, value: str) -> Sequence[Record]:
        """Current versions of a type that carry an identifier, in any case, in the order of their last writing."""

    def unwritten(self, resource_type: str, records: Sequence[Record]) -> list[Record]:
        """Those of the base's records of that type over which nothing was written."""

    def everything(self) -> Iterator[Record]:
        """All current versions, tombstones included, type by type in the order in which each was first written."""

    def last(self) -> int:
        """The number of the newest version; 0 if nothing was written."""

    def count(self, resource_type: str, since: float, top: int) -> int:
        """How many versions of a type (empty: of all) were written at `since` or later, with a number up to `top`.

        `since` is in site seconds, -inf for any time.
        """

    def newest(self, resource_type: str, since: float, top: int, offset: int, limit: int) -> Sequence[Record]:
        """A page of what `count` counts, the newest first."""

    def append(self, record: Record) -> int:
        """Add a version, which becomes the current one; returns its number."""

    def next_serial(self) -> int:
        """A number, from 1, that was not given before."""

    def begin(self) -> None:
        """Open a transaction, or one within it. Nobody else writes until the outermost is closed."""

    def commit(self) -> None:
        """Make what was written since `begin` last, and visible to all."""

    def rollback(self) -> None:
        """Undo everything since `begin`, serial numbers included."""

    def keep(self) -> Kept:
        """All of it, to return to."""

    def return_to(self, kept: Kept) -> None:
        """Hold exactly that; not within a transaction."""

    def clear(self) -> None:
        """Hold nothing; not within a transaction."""

    def close(self) -> None:
        """Let go of files; nothing else may be asked afterwards. May be called twice."""


def identifiers_of(document: JSON) -> list[tuple[str, str]]:
    """(system, value) of every identifier that has a value; the system may be empty."""
    given = document.get("identifier")
    if not given:
        return []
    found = []
    for one in given if isinstance(given, list) else (given,):
        if isinstance(one, dict) and isinstance(one.get("value"), str):
            system = one.get("system")
            found.append((system if isinstance(system, str) else "", one["value"]))
    return found


def indexed_identifiers(document: JSON) -> set[tuple[str, str]]:
    """What a resource is found by: its identifiers with their values in one case, as token searches compare them."""
    return {(system, value.casefold()) for system, value in identifiers_of(document)}


def living(records: Iterable[Record]) -> list[Record]:
    """Those that are no tombstones."""
    return [record for record in records if not record.deleted]
