"""How athenaPractice and athenaFlow speak: HAPI on the customer's own server. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.personalities.athena_flex.outcome import outcome, throttled
from mockehr.personalities.athena_flex.rules import BUSINESS, FlexRules, unhandled
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality, Shelf, Stored
from mockehr.personalities.outcome import ISSUE_CODES

_ARC: Final = "1.2.840.113619.21.1"
"""GE Healthcare's arc, below which Bundles have their ids."""
_KID: Final = re.compile(r"key ['\"]([^'\"]{1,200})['\"]")
_UNEXPECTED: Final = "An unexpected error has occurred. Please try this operation again later."
_GRANTS: Final = "Grant type must be one of authorization_code or refresh_token."
_RECURRING: Final = 5
"""Of so many appointments one has an id with letters."""


class Vendor(Personality):
    """athenaPractice, athenaFlow."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, settings, facts)
        self.rules = FlexRules(settings["search"])

    def tenant(self, facts: SiteFacts) -> str:
        """The name of the database."""
        return facts.tenant or str(self.settings["shape"]["tables"]["database"])

    def ids(self, facts: SiteFacts) -> IdCodec:
        """Numbers, long ones for people; letters in front of places and of some appointments."""
        return NumberedIds(facts.key, self.settings["ids"]["forms"])

    def flavour(self, resource: JSON) -> str:
        """Some appointments have an id of another form."""
        ordinal = str(resource.get("id", "")).rpartition("-")[2]
        recurring = resource.get("resourceType") == "Appointment" and ordinal.isdigit()
        return "recurring" if recurring and int(ordinal) % _RECURRING == 0 else ""

    # searching

    def _uuid(self, *names: str | int) -> str:
        """Bundles are called by an OID."""
        found = super()._uuid(*names)
        if names[0] != "bundle":
            return found
        digits = int(found.replace("-", ""), 16)
        return f"{_ARC}.{digits % 10**19}.10.{digits % 10**13}.{digits % 10**6}"

    def self_url(self, page: SearchPage, base_url: str) -> str:
        """The search with its parameters in order."""
        return page.self_url or self._link(page, base_url, [])

    def next_url(self, page: SearchPage, base_url: str) -> str:
        """The same with the id of the last entry."""
        if page.next_url or not page.next_token:
            return page.next_url
        return self._link(page, base_url, [(self.page_parameter, page.next_token)])

    def _link(self, page: SearchPage, base_url: str, more: list[tuple[str, str]]) -> str:
        told = [pair for pair in parse_qsl(page.query, keep_blank_values=True) if pair[0] != self.page_parameter]
        query = urlencode(sorted([*told, *more], key=lambda pair: pair[0]))
        return f"{self.address(base_url)}/{page.resource_type}" + (f"?{query}" if query else "")

    def searchset_bytes(self, page: SearchPage, base_url: str) -> bytes:
        """Page by page of one entry, all but the first one are lost."""
        if self.settings["search"]["lost_at_one"] and page.page_size == 1 and page.offset:
            page = replace(page, entries=[], next_token="")
        return super().searchset_bytes(page, base_url)

    # refusals

    def objection(self, exchange: Exchange) -> Problem | None:
        """The user behind a token may be without the permission that its scopes speak of."""
        asked = exchange.interaction
        if asked is not None and asked.resource_type in self.settings["errors"]["unpermitted"]:
            return Problem(401, "token-invalid", "Not authorized.", resource_type=asked.resource_type)
        return None

    def received(self, document: JSON, stored: JSON | None, shelf: Shelf) -> JSON | Problem:
        """An appointment takes place somewhere."""
        if document.get("resourceType") != "Appointment" or stored is not None:
            return document
        actors = [one.get("actor", {}).get("reference", "") for one in document.get("participant", ())]
        if not any("Location/" in reference for reference in actors):
            return Problem(400, "body-invalid", "Location Participant is mandatory", value=BUSINESS)
        return document

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """An outcome with a table; a text for tokens."""
        if problem.kind in ("no-token", "token-invalid"):
            return Reply(401, [], b"Not authorized.", None, "text/plain")
        if problem.kind == "rate-limited":
            document = throttled(problem.text)
        elif problem.value == BUSINESS:
            document = outcome(BUSINESS, problem.text)
        else:
            text = problem.text
            if problem.kind == "interaction-unknown" and problem.status != 405:
                text = unhandled(problem.resource_type, "")
            code = "forbidden" if ISSUE_CODES[problem.kind] == "forbidden" else "processing"
            document = outcome(code, text)
        kept = ("Retry-After", "Allow", "Location")
        headers = [pair for pair in self.problem_headers(problem, base_url) if pair[0] in kept]
        return Reply(problem.status, headers, document=document, content_type=self.error_type(accept))

    # writes

    def created(self, record: Stored, base_url: str) -> Reply:
        """Of an appointment it is said that it went wrong, though it is booked."""
        told = self.settings["errors"]
        if record.resource_type == "Appointment" and told["appointment_created"]:
            status = int(told["created_status"])
            return Reply(status, [], document=outcome("processing"), content_type=self.json_type)
        return super().created(record, base_url)

    # tokens

    def token_refusal(
        self, status: int, document: JSON, reason: str = "", *, client: str = "", base_url: str = ""
    ) -> Reply:
        """`expires_in` of 0 beside every error; 500 for a client that is not known."""
        error, text = str(document.get("error", "")), str(document.get("error_description", ""))
        headers = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]
        if reason == "key-unknown":
            found = _KID.search(text)
            text = f"Public key not found: {found[1] if found else ''}".rstrip()
        elif error == "invalid_client":
            status, text = 500, _UNEXPECTED
        elif error == "invalid_scope":
            made: JSON = {"error_description": "Invalid requested scope.", "error": error, "expires_in": 0}
            return Reply(400, headers, document=made, content_type="application/json")
        elif error == "unsupported_grant_type":
            status, error, text = 400, "invalid_grant", _GRANTS
        made = {"expires_in": 0, "error": error, "error_description": text}
        return Reply(status, headers, document=made, content_type="application/json")
