"""NexHealth: a copy of what practices have, and a REST API over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mockehr.core.changes import Change
from mockehr.core.exchange import Exchange
from mockehr.personalities.behind import Platform
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.nexhealth.api import Synchronizer
from mockehr.personalities.nexhealth.copied import begin, read_round, waiting, write_round
from mockehr.personalities.proprietary import Api, Records


class Vendor(Platform):
    """NexHealth. Sources: notes.md."""

    offers_fhir = False

    @property
    def _told(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.settings["nexhealth"]
        return found

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The Synchronizer API."""
        return (Synchronizer(self._told),)

    @property
    def rounds(self) -> Mapping[str, float]:
        """Reading what changed, and writing what was accepted."""
        return {"read": float(self._told["read_every"]), "write": float(self._told["write_every"])}

    def begin(self, records: Records) -> None:
        """Everything was copied when the practice joined."""
        begin(records)

    def has_to(self, name: str, records: Records) -> bool:
        """Nothing is written where nothing was accepted."""
        return name == "read" or any(True for _ in waiting(records))

    def go_round(self, name: str, exchange: Exchange, records: Records) -> None:
        """One look, or one attempt."""
        (read_round if name == "read" else write_round)(exchange, records, float(self._told["patience"]))

    def tells(self, change: Change, at: float) -> float | None:
        """Its webhooks are not offered."""
        return None
