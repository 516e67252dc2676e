"""Errors that say 200."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.quirks.base import Act, quirk

OUTCOME: Final = "application/fhir+json"


@quirk("error-inside-success", family="http", ledger=("D11",), channels=("proprietary", "fhir"))
@dataclass(frozen=True, slots=True)
class ErrorInsideSuccess:
    """The request is not performed, the status is 200, and only the body says so: an `error` member on a vendor's own
    API, an OperationOutcome of severity error on FHIR, with that `text` and `code`.

    Seen: `"success": false` under 200 in athenahealth's own API, `Magic Error` in Veradigm's Unity,
    `PPMDResults.Error` at AdvancedMD, `Meta.Errors` or `issues` at Redox when the system behind it failed
    (vendors-others.md 1.4, 5.2, 6.2, 9.1). Coping: look at the body before believing the status, treat it as the
    failure that it is, and keep the write for another try.
    """

    text: str = "The record is locked by another user."
    code: str = "LOCKED"

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Answer in place of performing it."""
        exchange.client = exchange.client or act.world.claimant(exchange)
        fhir = exchange.channel == "fhir"
        document = self._outcome() if fhir else {"error": self.text, "errorcode": self.code, "success": False}
        media = OUTCOME if fhir else "application/json"
        exchange.result = Reply(200, [("Content-Type", media)], orjson.dumps(document))
        act.why = f"not performed: {self.code}"

    def _outcome(self) -> JSON:
        issue = {"severity": "error", "code": "processing", "details": {"text": self.text}, "diagnostics": self.code}
        return {"resourceType": "OperationOutcome", "issue": [issue]}
