"""A Change is a committed write, whatever its source. Feeds, webhooks and HL7 links listen to them."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

Source = Literal["fhir", "hl7", "pathway", "control"]
Kind = Literal["create", "update", "delete"]
QUIET: Final = "-"
"""As `Change.event`: no HL7 message tells of this change, since that of another change does."""


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
    """What happened in the hospital's words, if more is known than the write shows: the type and trigger of an HL7
    message such as `ADT^A01`, or QUIET. Empty: the message follows from the document."""
    entry: int = 0
    """The journal entry that caused it; 0 if none did."""
    before: dict[str, Any] | None = None
    """The document before this change; None if it was not there."""

    @property
    def status_before(self) -> str:
        """The `status` of the document before this change, if it had one."""
        return str((self.before or {}).get("status", ""))


class ChangeLog:
    """All changes of a site in commit order, and who listens to them."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._listeners: list[Callable[[Change], None]] = []
        self._untold: deque[Change] = deque()
        self._telling = False
        self._before = 0

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Tell `listener` of every change from now on, after it was committed, in order of registration."""
        self._listeners.append(listener)

    def go_on_after(self, number: int) -> None:
        """Count on from the last change of an earlier process, of which this log knows no more than its number."""
        self._before = number

    def next_number(self) -> int:
        """The number that the next change will carry; numbers start at 1, unless the log goes on from another."""
        return (self.changes[-1].number if self.changes else self._before) + 1

    def commit(self, change: Change) -> None:
        """Append the change and tell every listener."""
        self.changes.append(change)
        if self._listeners:
            self._untold.append(change)
            self.tell()

    def append(self, change: Change) -> None:
        """Note a change of which listeners are not told before `tell`."""
        self.changes.append(change)
        self._untold.append(change)

    def withdraw(self, count: int) -> None:
        """Forget all but the first `count` changes: they never happened, and nobody was told."""
        for _ in range(len(self.changes) - count):
            self.changes.pop()
            self._untold.pop()

    def tell(self) -> None:
        """Tell every listener of what it was not told yet, in order. What a listener commits is told after that."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                change = self._untold.popleft()
                for listener in self._listeners:
                    listener(change)
        finally:
            self._telling = False

    def since(self, number: int) -> list[Change]:
        """Changes with a number above `number`."""
        return self.changes[bisect_right(self.changes, number, key=lambda change: change.number) :]

    def clear(self) -> None:
        """Forget all changes; listeners stay."""
        self.changes.clear()
        self._untold.clear()
        self._before = 0
