"""Redox in front of hospitals: FHIR passed on by destination, and the Data Model API beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.behind import Answer, Behind, Platform, forwarded, passed_on
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.proprietary import Api, Records
from mockehr.personalities.redox.data_model import DataModel
from mockehr.personalities.redox.legacy import LegacyKeys


class Vendor(Platform):
    """Redox. Sources: notes.md."""

    @property
    def _told(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.settings["redox"]
        return found

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The Data Model API, and the tokens for its keys."""
        return (DataModel(self._told, facts.name), LegacyKeys(int(self._told["legacy_lifetime"])))

    def enter(self, exchange: Exchange, behind: Sequence[Behind]) -> None:
        """`/{destination-slug}/{Environment}` in front of the FHIR path, both as they are written."""
        _, slug, environment, *rest = [*exchange.path.split("/", 3), "", ""]
        name = next((one.name for one in behind if slug_of(self._told, one.name) == slug), "")
        if len(exchange.body) > int(self._told["largest"]):
            exchange.result = Problem(413, "bad-request", "Payload Too Large")
        elif not name or environment not in self._told["environments"]:
            text = "The request names no destination that there is, or no environment"
            status = int(self._told["missing"]["destination"])
            exchange.result = Problem(status, "tenant-unknown", text, value=f"{slug}/{environment}")
        if exchange.result is not None:
            return
        exchange.path = "/" + rest[0]
        exchange.base_url = f"{exchange.base_url}/{slug}/{environment}"
        exchange.notes["destination"] = name

    def relay(self, exchange: Exchange, records: Records) -> Reply | Problem:
        """What the destination answered; where it failed, 200 with what went wrong as issues."""
        site = next(one for one in records.behind if one.name == exchange.notes["destination"])
        answer = forwarded(exchange, site, patience=float(self._told["patience"]))
        if answer.why == "timeout":
            return Problem(504, "unavailable", answer.text)
        if (answer.ok and _readable(answer)) or answer.status in self._told["passed"]:
            reply = passed_on(answer, exchange.base_url)
            asked = exchange.interaction
            return reply if asked is None or asked.name != "capabilities" else self._statement(reply)
        issue = {"severity": "error", "code": _code(answer), "diagnostics": answer.text}
        outcome: JSON = {"resourceType": "OperationOutcome", "issue": [issue]}
        return Reply(int(self._told["partial"]), document=outcome, content_type=self.json_type)

    def _statement(self, reply: Reply) -> Reply:
        """A CapabilityStatement without the authorization server of the destination, of which nobody here knows."""
        document = orjson.loads(reply.body)
        for part in document.get("rest", ()):
            part.pop("security", None)
        reply.body = to_bytes(document)
        return reply


def slug_of(told: Mapping[str, Any], name: str) -> str:
    """The destination slug of a site behind."""
    slugs = dict(str(one).split("=", 1) for one in told["destinations"] if "=" in str(one))
    return slugs.get(name, name)


def _readable(answer: Answer) -> bool:
    """Whether a success is one: some come with a page, or with half of a document."""
    media = answer.header("content-type")
    if not answer.body or "xml" in media or "json" not in media:
        return not media.startswith("text/html")
    return bool(answer.document)


def _code(answer: Answer) -> str:
    """Issue type (FHIR R4, value set issue-type)."""
    return {0: "transient", 401: "login", 403: "forbidden", 429: "throttled", 503: "transient"}.get(
        answer.status, "exception"
    )
