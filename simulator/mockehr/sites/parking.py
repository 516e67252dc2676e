"""HL7 messages set aside because they could not be applied, or which the peer did not take: the error queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from mockehr.core.clock import instant
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON
from mockehr.sites.spool import Spool

KEPT: Final = 1000
"""Messages set aside at a site; beyond that the oldest is dropped."""


@dataclass(slots=True)
class Parked:
    """One message. `place` is the listener that refused it (`way` in) or the link whose peer did (`way` out)."""

    number: int
    way: Literal["in", "out"]
    place: str
    kind: str
    control_id: str
    reason: str
    at: float
    """Site seconds."""
    body: bytes
    attempts: int = 1
    about: JSON = field(default_factory=dict)
    """What its exchange was about: patient, resource and change, of a message that was to go out."""

    def told(self) -> JSON:
        """What is shown of it; the octets are asked for apart."""
        return {
            "number": self.number,
            "way": self.way,
            "place": self.place,
            "message": self.kind,
            "control_id": self.control_id,
            "reason": self.reason,
            "at": instant(self.at, millis=True),
            "attempts": self.attempts,
            "octets": len(self.body),
        }


class Parking:
    """The error queue of a site, oldest first; kept in the spool too."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._parked = {number: Parked(number=number, body=body, **about) for number, body, about in spool.parked()}

    def __iter__(self) -> Iterator[Parked]:
        return iter(tuple(self._parked.values()))

    def __len__(self) -> int:
        return len(self._parked)

    def add(self, way: Literal["in", "out"], place: str, body: bytes, **told: Any) -> Parked:
        """Set a message aside; `told` are the other fields of Parked but its number."""
        parked = Parked(max(self._parked, default=0) + 1, way, place, body=body, **told)
        self._parked[parked.number] = parked
        self._keep(parked)
        while len(self._parked) > KEPT:
            self.drop(next(iter(self._parked)))
        return parked

    def again(self, parked: Parked, reason: str) -> None:
        """It was tried once more and stays, for this reason."""
        parked.attempts += 1
        parked.reason = reason
        self._keep(parked)

    def get(self, number: int) -> Parked:
        """The message of that number; raises UsageError."""
        try:
            return self._parked[number]
        except KeyError:
            numbers = ", ".join(map(str, self._parked)) or "none"
            raise UsageError(f"No message is parked under {number}.", nearest=f"parked: {numbers}") from None

    def drop(self, number: int) -> Parked:
        """Forget it; raises UsageError."""
        parked = self.get(number)
        del self._parked[number]
        self._spool.unpark(number)
        return parked

    def clear(self) -> None:
        """Forget all."""
        for number in list(self._parked):
            self.drop(number)

    def _keep(self, parked: Parked) -> None:
        about = asdict(parked)
        body = about.pop("body")
        del about["number"]
        self._spool.park(parked.number, body, about)
