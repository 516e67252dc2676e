"""The system is down, and what stands before it says so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import Exchange, Reply
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.budget import check_retry_after, told_wait
from mockehr.quirks.rule import Seconds

REASONS: Final = MappingProxyType(
    {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
)
BODIES: Final = ("proxy", "maintenance", "gateway", "empty")
_PAGE: Final = (
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n"
    "<body><h1>{title}</h1><p>{text}</p></body></html>\n"
)  # fmt: skip
_PROXY: Final = "The edge of the network got no usable answer from the server behind it."
_MAINTENANCE: Final = "The system is being maintained. Patient care continues with downtime procedures."


@quirk("outage", family="http", ledger=("C4", "C2"), channels=(
    "fhir", "discovery", "token", "files", "feed", "proprietary",
))  # fmt: skip
@dataclass(frozen=True, slots=True)
class Outage:
    """Nothing is done, and something before the system answers in its place with `status` 500, 502, 503 or 504.

    Its `body` is the HTML page of a `proxy`, the page of a planned `maintenance`, the JSON of an API `gateway`, no
    OperationOutcome, or `empty`. `retry_after` says how `wait` is told: `seconds`, an HTTP `date`, `absent`, `zero`,
    `huge` (a day) or `garbage`. How long it lasts is the rule's `window` or `phase`.

    Seen: A harvest of Epic's 739 published endpoints met 503 fifty times and 502 twice (the-map, production fleet,
    2026; vendors-epic-oracle.md A1); of 1,098 requests to MEDITECH's 16 got 500 and 12 got 503, a few a body that is
    no JSON (vendors-others.md 2.1); Redox tells of 502 while it rolls out (9.1). Coping: read the status before the
    body, never take HTML for FHIR, try more and more seldom, and after some failures in a row only now and then (a
    circuit breaker).
    """

    status: int = 503
    body: str = "proxy"
    retry_after: str = "absent"
    wait: Seconds = 120.0

    def __post_init__(self) -> None:
        if self.status not in REASONS:
            raise ValueError(f"status is {self.status}; it must be one of {', '.join(map(str, REASONS))}")
        one_of("body", self.body, BODIES)
        check_retry_after(self.retry_after)

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Answer in the system's place."""
        told = told_wait(self.retry_after, round(self.wait), act.now)
        kind, octets = _body(self.body, self.status)
        exchange.result = Reply(self.status, [("Retry-After", told)] if told else [], octets, content_type=kind)
        act.why = f"{self.status} {self.body}"


def _body(name: str, status: int) -> tuple[str, bytes]:
    """(content type, octets) of what is answered."""
    if name == "empty":
        return "", b""
    if name == "gateway":
        told = {"code": status, "message": REASONS[status], "source": "api-gateway"}
        return "application/json", json.dumps(told).encode()
    title, text = (
        ("Scheduled maintenance", _MAINTENANCE) if name == "maintenance" else (f"{status} {REASONS[status]}", _PROXY)
    )
    return "text/html; charset=utf-8", _PAGE.format(title=title, text=text).encode()
