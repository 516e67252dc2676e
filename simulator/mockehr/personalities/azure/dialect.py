"""How Azure's FHIR service speaks: totals on demand, parameters dropped, throttling. Sources: notes.md."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.filling import filled_text
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality
from mockehr.personalities.outcome import ISSUE_CODES

SHORTEST_WAIT: Final = 20
LONGEST_WAIT: Final = 60_000
"""Milliseconds between which `x-ms-retry-after-ms` lies."""
_NAMED_VERSION: Final = re.compile(r"If-(?:None-)?Match names (\S+?),? ")


class Vendor(Personality):
    """Azure."""

    def ids(self, facts: SiteFacts) -> IdCodec:
        """GUIDs."""
        return NumberedIds(facts.key, {}, default="{uuid}")

    def self_url(self, page: SearchPage, base_url: str) -> str:
        """Without the parameters that were not understood."""
        dropped = {note.parameter for note in page.notes}
        if page.self_url or not dropped:
            return super().self_url(page, base_url)
        kept = [pair for pair in parse_qsl(page.query, keep_blank_values=True) if pair[0] not in dropped]
        query = f"?{urlencode(kept, safe='/|:,')}" if kept else ""
        return f"{self.address(base_url)}/{page.resource_type}{query}"

    def remarks(self, page: SearchPage) -> JSON | None:
        """A warning for each parameter that was dropped."""
        issues = [
            {
                "severity": "warning",
                "code": "not-supported",
                "diagnostics": f"The search parameter '{note.parameter}' is not supported for resource type"
                f" '{page.resource_type}'.",
            }
            for note in page.notes
        ]
        return {"resourceType": "OperationOutcome", "issue": issues} if issues else None

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """`diagnostics`, in its own words for what is documented."""
        headers = self.problem_headers(problem, base_url)
        code, text = self.settings["errors"]["kinds"].get(problem.kind, (ISSUE_CODES[problem.kind], ""))
        if problem.kind == "parameter-unknown" and problem.resource_type:
            text = f"The search parameter '{problem.parameter}' is not supported for resource type '{{kind}}'."
        found = _NAMED_VERSION.search(problem.text + " ")
        version = (found[1] if found else problem.value).removeprefix("W/").strip('"')
        names = {"kind": problem.resource_type, "id": problem.value.partition("/")[0], "version": version}
        issue = {"severity": "error", "code": code, "diagnostics": filled_text(text or problem.text, names)}
        outcome: JSON = {"resourceType": "OperationOutcome", "issue": [issue]}
        if problem.kind != "rate-limited":
            return Reply(problem.status, headers, document=outcome, content_type=self.error_type(accept))
        if not self.settings["shape"]["tables"]["throttle_typed"]:
            del outcome["resourceType"]
        if problem.retry_after.isdigit():
            millis = min(LONGEST_WAIT, max(SHORTEST_WAIT, 1000 * int(problem.retry_after)))
            headers.append(("x-ms-retry-after-ms", str(millis)))
        return Reply(429, headers, document=outcome, content_type="application/json")

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Ids of the request, its charge and the session."""
        found = super().headers(exchange)
        if exchange.number:
            octets = self.facts.key("request", exchange.number)
            found.append(("X-Request-Id", str(UUID(bytes=octets[:16], version=4))))
            asked = exchange.headers.get("x-correlation-id", "")
            found.append(("X-Correlation-Id", asked or str(UUID(bytes=octets[8:24], version=4))))
            found.append(("x-ms-request-charge", f"{1 + octets[0] / 10:.2f}"))
            found.append(("x-ms-session-token", f"0:-1#{exchange.number}"))
        return found
