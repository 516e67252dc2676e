"""One export as a plain value, kept until it expires; everything that it gives follows from it and the site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Query = tuple[tuple[str, str], ...]
"""A search as (parameter, value) pairs; all must hold."""


class Drawer(Protocol):
    """Where jobs lie, by name, each until a site time (`mockehr.auth.drawers.Drawer` is one)."""

    def next_number(self) -> int:
        """A number that no other job was given, from 1."""

    def put(self, name: str, thing: Any, until: float) -> None:
        """Keep a thing."""

    def get(self, name: str, now: float) -> Any:
        """The thing of that name, or None."""

    def take(self, name: str, now: float) -> Any:
        """The thing of that name, which is gone then."""

    def every(self, now: float) -> list[Any]:
        """All that is in it, oldest first."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a client asked for at kick-off, and what was decided about it then. Times are site seconds."""

    id: str
    number: int
    client: str
    level: str
    group: str
    """FHIR id of the Group; empty at the other levels."""
    request: str
    """The whole URL of the kick-off."""
    base_url: str
    kicked_off: float
    due: float
    expires: float
    last: int
    """Number of the newest version that the store had: what was written later is not exported."""
    types: tuple[str, ...]
    since: float | None
    filters: tuple[tuple[str, Query], ...]
    """(type, search): several of one type are alternatives."""
    limits: tuple[tuple[str, tuple[Query, ...]], ...]
    """Per type, what the token is confined to: alternatives."""
    elements: tuple[str, ...]
    associated: str
    """Which Provenance comes along: `latest`, `relevant` or empty."""
    patients: tuple[str, ...] | None
    """Ids of the patients where they were listed: by the client, or in a Group that was written."""
    size: int
    """How many patients it has."""
    counted: bool
    """Whether the manifest counts; else it is given at once and files may be empty."""
    chunk: int
    """Patients of one stretch of work."""

    @property
    def transaction_time(self) -> float:
        """As of when everything is exported."""
        return self.kicked_off


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of one file without having it. `section` is where the manifest lists it."""

    section: str
    kind: str
    chunk: int
    part: int
    """From 1, within its chunk and type."""
    lines: int
    octets: int
    """Uncompressed."""
    packed: int
    """In gzip."""
    digest: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: its note, and its octets in gzip."""

    note: Note
    packed: bytes
