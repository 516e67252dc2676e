"""An app that is opened before the authorization server answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.auth.refusal import Refused
from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds

ANSWERS: Final = ("unavailable", "html", "page", "error", "reset")
ENDPOINTS: Final = ("discovery", "authorize", "token", "metadata")
_HTML: Final = b"<!DOCTYPE html><html><head><title>Starting</title></head><body><h1>Please wait</h1></body></html>"


@quirk("launch-before-ready", family="launch", ledger=("B1",), channels=("discovery", "authorize", "token", "fhir"))
@dataclass(frozen=True, slots=True)
class LaunchBeforeReady:
    """The authorization server is not up yet: `endpoints` (`discovery`, `authorize`, `token`, and `metadata`, the
    CapabilityStatement) answer 503 (`unavailable`), 503 as an `html` page, 200 with the html `page` of some gateway,
    OAuth's `error` `temporarily_unavailable` (the two of OAuth; the others 503), or the connection is cut before a
    byte (`reset`). Nothing is performed, so a code stays good.

    How long it lasts is the rule's: `when: {at_most: 3}`, or `when: {window: [0, 30s]}`. Coping: ask again, later
    each time, tell the user what is waited for, and give up in the end.
    """

    answer: str = "unavailable"
    endpoints: tuple[str, ...] = ("discovery", "authorize", "token")
    retry_after: Seconds = 0.0

    def __post_init__(self) -> None:
        if self.answer not in ANSWERS:
            raise ValueError(f"answer is {self.answer!r}; it must be one of {', '.join(ANSWERS)}")
        for name in self.endpoints:
            if name not in ENDPOINTS:
                raise ValueError(f"endpoints has {name!r}; it may have {', '.join(ENDPOINTS)}")

    def takes_part(self, channel: str, capability: str) -> bool:
        """Only where something is to be out of order."""
        return ("metadata" if channel == "fhir" else channel) in self.endpoints

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Answer in the place of a server that is not there."""
        if exchange.channel == "fhir" and exchange.path.rstrip("/") != "/metadata":
            act.leave("not the CapabilityStatement")
            return
        act.why = self.answer
        told = f"{self.retry_after:.0f}" if self.retry_after else ""
        exchange.result = Problem(503, "unavailable", "The authorization server is starting", retry_after=told)
        if self.answer == "error" and exchange.channel in ("authorize", "token"):
            exchange.result = Refused("not-ready", "The authorization server is starting")
        elif self.answer == "reset":
            exchange.effect().reset = "before"
        elif self.answer in ("html", "page"):
            headers = [("Retry-After", told)] if told else []
            status = 200 if self.answer == "page" else 503
            exchange.result = Reply(status, headers, _HTML, content_type="text/html; charset=utf-8")
