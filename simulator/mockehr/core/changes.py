"""A Change is a committed write, whatever its source. Feeds, webhooks and HL7 links listen to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Source = Literal["fhir", "hl7", "pathway", "control"]
Kind = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write. `document` is the resource as stored after it (before it, for a delete)."""

    number: int
    kind: Kind
    resource_type: str
    id: str
    version: int
    at: float
    source: Source
    document: dict[str, Any]
    patient: str = ""
    """Id of the patient concerned, without its type; empty if there is none."""
    event: str = ""
    """What happened in the hospital's words, if more is known than the write shows: an HL7 trigger such as `A01`."""
    entry: int = 0
    """The journal entry that caused it; 0 if none did."""


class ChangeLog:
    """All changes of a site in commit order, and who listens to them."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._listeners: list[Callable[[Change], None]] = []

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Tell `listener` of every change from now on, after it was committed, in order of registration."""
        self._listeners.append(listener)

    def next_number(self) -> int:
        """The number that the next change will carry; numbers start at 1."""
        return len(self.changes) + 1

    def commit(self, change: Change) -> None:
        """Append the change and tell every listener."""
        self.changes.append(change)
        for listener in self._listeners:
            listener(change)

    def since(self, number: int) -> list[Change]:
        """Changes with a number above `number`."""
        return self.changes[number:]

    def clear(self) -> None:
        """Forget all changes; listeners stay."""
        self.changes.clear()
