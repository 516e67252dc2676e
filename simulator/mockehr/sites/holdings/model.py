"""What a reader of a client's records gives on: whole resources, rows of a table, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mockehr.core.exchange import JSON


@dataclass(frozen=True, slots=True)
class Row:
    """A record that holds some elements only, those that a mapping names; only these are compared.

    `elements` has, by element path, a value as FHIR's JSON writes it, None for an empty cell, and a list where all
    values at the path are meant. `place` is where it was read.
    """

    resource_type: str
    id: str
    elements: Mapping[str, Any]
    place: str = ""

    @property
    def key(self) -> str:
        """`Type/id`."""
        return f"{self.resource_type}/{self.id}"

    def as_json(self) -> JSON:
        """As `row_from` reads it."""
        return {"resourceType": self.resource_type, "id": self.id, "elements": dict(self.elements)}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something among a client's records that is no record: where, and why not."""

    place: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.why}" if self.place else self.why


Holding = JSON | Row | Unreadable
"""One thing that a client hands back."""


class Records(Protocol):
    """The seam: a source of a client's records, to be gone through once, one after the other.

    What is wrong with a single record comes as an Unreadable; going through raises EnvironmentProblem for a source
    that cannot be read at all, UsageError for one that is not what its mapping says.
    """

    def __iter__(self) -> Iterator[Holding]: ...
