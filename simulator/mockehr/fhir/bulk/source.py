"""What an export needs of a site's computed base beyond the store: whole charts that no cache keeps, and rolls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record


class Roll(Protocol):
    """The computed patients of one group, in stable order."""

    @property
    def size(self) -> int:
        """How many there are."""

    def page(self, offset: int, limit: int) -> Sequence[str]:
        """Ids of a stretch of them."""

    def covers(self, patient: str) -> bool:
        """Whether that computed patient is one of them."""

    def place(self, patient: str) -> int | None:
        """Where in the order a patient is; None if that cannot be told at once."""

    def admits(self, document: JSON) -> bool:
        """Whether a Patient that was written at run time belongs to them, too."""


class Source(Protocol):
    """The computed base of a site."""

    @property
    def generation(self) -> int:
        """Changes whenever what it gives may have changed."""

    @property
    def kinds(self) -> frozenset[str]:
        """Types that computed charts may have."""

    def everyone(self) -> Roll:
        """All patients."""

    def roll(self, group: str) -> Roll | None:
        """The members of the computed group of that id; None if it is none."""

    def chart(self, patient: str, kinds: Collection[str]) -> Mapping[str, Sequence[Record]]:
        """A patient's computed records by type, at least those of `kinds`; nothing is kept."""
