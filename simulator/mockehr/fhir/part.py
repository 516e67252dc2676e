"""What of a type a client may see or write: alternatives, each confined to patients, to a query, or to both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.belonging import Belonging
from mockehr.fhir.record import Record


@dataclass(frozen=True, slots=True)
class Piece:
    """One alternative; both have to hold."""

    whose: Belonging | None = None
    """To whose records it is confined; None for everybody's."""
    test: Callable[[Any], bool] | None = None
    """A test of resources; None for none."""

    def covers(self, record: Record) -> bool:
        """Whether a record is in this alternative. A tombstone satisfies no test."""
        if self.whose is not None and not self.whose.covers(record):
            return False
        return self.test is None or (not record.deleted and self.test(record.document))


class Part:
    """The alternatives for one type and action; without any it covers nothing."""

    __slots__ = ("patients", "pieces")

    def __init__(self, *pieces: Piece) -> None:
        self.pieces = pieces
        self.patients = _union(pieces)
        """In whose records all of it is, besides what is nobody's; None if it may be in anybody's."""

    @property
    def plain(self) -> Part:
        """Without the alternatives that have a test."""
        return Part(*(piece for piece in self.pieces if piece.test is None))

    def covers(self, record: Record) -> bool:
        """Whether the client may see a record."""
        return any(piece.covers(record) for piece in self.pieces)

    def concerns(self, record: Record) -> bool:
        """Whether it is of a patient whose records the client may see, whatever else is wanted of it."""
        return any(piece.whose is None or piece.whose.covers(record) for piece in self.pieces)

    def owns(self, record: Record) -> bool:
        """Whether the client may change a record: one that is in it and not everybody's."""
        return any(piece.whose is None or piece.whose.owns(record) for piece in self.plain.pieces)

    def admits(self, document: JSON, id: str) -> bool:
        """Whether the client may have a resource stored under that id."""
        return any(piece.whose is None or piece.whose.admits(document, id) for piece in self.plain.pieces)


def _union(pieces: tuple[Piece, ...]) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for piece in pieces:
        if piece.whose is None:
            return None
        found |= piece.whose.patients
    return found


def others_record(key: str, resource_type: str, action: str) -> Problem:
    """The refusal of what concerns another patient than the token does."""
    text = f"The token is confined to another patient's records and does not cover {action} of {key}"
    return Problem(403, "compartment", text, resource_type=resource_type, value=action)


def withheld(part: Part | None, record: Record, action: str) -> Problem | None:
    """Why a client may not see a record, which may be a tombstone; None if it may."""
    if part is None or (part.concerns(record) if record.deleted else part.covers(record)):
        return None
    if not part.concerns(record):
        return others_record(record.key, record.resource_type, action)
    text = f"The token does not cover {record.key}, only another part of {record.resource_type}"
    return Problem(403, "scope-missing", text, resource_type=record.resource_type, value=action)
