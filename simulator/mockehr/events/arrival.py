"""A delivery as its receiver sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from mockehr.core.errors import VerdictFailed
from mockehr.events.checks import fault_of
from mockehr.events.reading import Said, challenge_of, read_events


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery as it arrived: the first has number 1. Header names are in small letters."""

    number: int
    headers: Mapping[str, str]
    body: bytes
    status: int
    """What the receiver answered."""
    method: str = "POST"
    path: str = "/"
    query: str = ""

    @property
    def json(self) -> Any:
        """The body, parsed; raises ValueError if it is no JSON."""
        return orjson.loads(self.body)

    @property
    def events(self) -> tuple[Said, ...]:
        """What it tells of, in whichever form it is written."""
        return read_events(self.body, self.headers)

    @property
    def challenge(self) -> str:
        """What its sender wants to see again before it sends anything; empty if it asks for nothing."""
        return challenge_of(self.body, dict(parse_qsl(self.query)))

    def fault(self, secret: str, *, scheme: str = "", now: float | None = None) -> str:
        """Why it was not signed with `secret` (`mockehr.events.checks.fault_of`), or the empty string."""
        return fault_of(self.headers, self.body, secret, scheme=scheme, now=now)

    def verify(self, secret: str, *, scheme: str = "mockehr", now: float | None = None) -> None:
        """Raise VerdictFailed unless it was signed with `secret` in that scheme (empty: in any).

        With `now` (seconds since 1970 by the site's clock, as `site.now`) one older than 5 minutes is refused.
        """
        fault = self.fault(secret, scheme=scheme, now=now)
        if fault:
            raise VerdictFailed(
                f"Delivery {self.number} is not signed as agreed: {fault}.",
                remedy="Give the same secret to site.webhook(…, secret=…) and to verify(…).",
            )
