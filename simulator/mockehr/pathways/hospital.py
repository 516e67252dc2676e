"""The seam between pathways and the site that they run in: all that a step may know of it, and do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.pathways.beds import Bed, Beds

if TYPE_CHECKING:
    from mockehr.pathways.person import PersonConfig

Known = Mapping[str, JSON]
"""Clean resources by `Type/id`: what a vendor's dress may look up around the one that is written."""


class Hospital(Protocol):
    """One site, as pathways see it. Resources are clean, as charts are drawn; the site dresses what it stores."""

    @property
    def beds(self) -> Beds:
        """Who lies where."""

    def now(self) -> float:
        """The site's time, in seconds since 1970."""

    def schedule(self, at: float, action: Callable[[], None], label: str) -> Callable[[], None]:
        """Run `action` when the site's clock reaches `at`; returns what cancels it."""

    def stream(self, *names: str | int) -> Stream:
        """A stream of the site's chance."""

    def transaction(self) -> AbstractContextManager[None]:
        """What is written within is told together, and undone together if it fails."""

    def new_id(self, kind: str) -> str:
        """An id for a resource that is about to be written."""

    def number(self) -> int:
        """A number that no earlier written resource was given: for visits, orders, accounts."""

    def write(self, resource: JSON, before: JSON | None, event: str, near: Known) -> None:
        """Store a clean resource; `before` is what this pathway wrote there last, None if it is new. What others
        changed meanwhile in other elements stays. `event` is what HL7 links tell, or QUIET."""

    def read(self, kind: str, id: str) -> JSON | None:
        """What is stored now, as the vendor shows it; None if it is not there or deleted."""

    def find_patient(self, wish: PersonConfig, stream: Stream) -> JSON | None:
        """The clean Patient of somebody of the population who fits, lives, and is in no other pathway; None if nobody
        is found."""

    def named_patient(self, id: str) -> JSON:
        """The clean Patient with that id; raises UnknownName."""

    def new_patient(self, wish: PersonConfig, stream: Stream) -> JSON:
        """A clean Patient whom nobody knows here, with an id of its own, not written yet."""

    def dismiss(self, patient: JSON, *, dead: bool = False) -> None:
        """The pathway of this patient is over: another one may begin, unless there is nobody any more."""

    def clinician(self, ward: str, title: str, stream: Stream) -> JSON:
        """A reference to one of those who attend on a ward, or of that title (`Cardiovascular Disease`)."""

    def house(self, what: str) -> JSON:
        """A reference to an Organization: `hospital`, `clinics`, `laboratory`."""

    def clinic(self, patient: JSON) -> JSON:
        """A reference to the Location where an ambulatory patient is seen."""

    def location(self, bed: Bed) -> JSON:
        """A reference to the Location of a bed, which is written when it is needed first."""

    def send(self, text: str) -> None:
        """Post a message as it stands on all HL7 links."""
