"""What a personality needs of stored records."""

from __future__ import annotations

from typing import Protocol

from mockehr.core.exchange import JSON


class Stored(Protocol):
    """What is needed of a stored record (`mockehr.fhir.record.Record` is one). `updated` is in site seconds."""

    resource_type: str
    id: str
    version: int
    updated: float
    document: JSON
    body: bytes


class Shelf(Protocol):
    """What a vendor may know and keep while it files what a client wrote."""

    def now(self) -> float:
        """The site's time, in seconds since 1970."""

    def read(self, reference: str) -> JSON | None:
        """A current resource by `Type/id`, as the server shows it; None for what is not there."""

    def keep(self, resource: JSON) -> str:
        """Store another new resource in the same transaction; its id."""
