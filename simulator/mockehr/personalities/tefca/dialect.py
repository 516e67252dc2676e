"""A responder of a TEFCA-style network: patient discovery and documents of several sites behind, over FHIR R4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from mockehr.auth.scopes import Scopes
from mockehr.core.clock import day
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.behind import Behind, Platform, target_of
from mockehr.personalities.proprietary import Records
from mockehr.personalities.tefca.discovery import Discovery, criteria_of
from mockehr.personalities.tefca.naming import own, told

MATCH: Final = "/Patient/$match"
STATUS: Final = "/async-status/"
DRAWER: Final = "tefca"


class Vendor(Platform):
    """Sources: notes.md."""

    @property
    def _told(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.settings["tefca"]
        return found

    def enter(self, exchange: Exchange, behind: Sequence[Behind]) -> None:
        """`$match` is no operation of the server's own, nor is asking after an answer that is to come."""
        if exchange.path == MATCH and exchange.method == "POST":
            exchange.interaction = Interaction("match", "Patient")
        elif exchange.path.startswith(STATUS) and exchange.method == "GET":
            exchange.interaction = Interaction("async-status", id=exchange.path.removeprefix(STATUS))

    def objection(self, exchange: Exchange) -> Problem | None:
        """The exchange purpose, where it is wanted, and the permission to match."""
        asked, scopes = exchange.interaction, exchange.scopes
        matching = asked is not None and asked.name == "match" and isinstance(scopes, Scopes)
        if matching and not scopes.allows("Patient", "search"):
            text = "The token does not cover search of Patient"
            return Problem(403, "scope-missing", text, resource_type="Patient", value="search")
        header = str(self._told["purpose_header"]).lower()
        if not header or (asked is not None and asked.name == "capabilities"):
            return None
        purpose = exchange.headers.get(header, "").removeprefix(f"{self._told['purpose_system']}#")
        exchange.notes["purpose"] = purpose
        if purpose not in self._told["purposes"]:
            return Problem(400, "parameter-missing", f"{header} must name one exchange purpose", parameter=header)
        if purpose not in (self._told["answered_purposes"] or self._told["purposes"]):
            return Problem(403, "compartment", f"{purpose} is not answered here", value=purpose)
        return None

    def relay(self, exchange: Exchange, records: Records) -> Reply | Problem:
        """At once, or (202) later."""
        asked = exchange.interaction
        assert asked is not None
        if asked.name == "capabilities":
            return self._statement(exchange, day(records.now()))
        if asked.name == "async-status":
            return self._later(exchange, records, asked.id)
        mode, wish = self._told["asynchronous"], exchange.headers.get("prefer", "")
        if asked.name in ("match", "search") and (mode == "always" or (mode == "asked" and "respond-async" in wish)):
            number = records.number(DRAWER)
            name = records.key("asynchronous", number).hex()[:24]
            kept = (records.now() + float(self._told["ready_after"]), asked, target_of(exchange), exchange.body)
            records.keep(DRAWER, name, kept, float(self._told["kept"]))
            return Reply(202, [("Content-Location", f"{exchange.base_url}{STATUS}{name}")])
        return self._answer(exchange, records.behind, asked, target_of(exchange), exchange.body)

    def _answer(
        self, exchange: Exchange, behind: Sequence[Behind], asked: Interaction, target: str, body: bytes
    ) -> Reply | Problem:
        if asked.name == "read":
            return self._read(exchange, behind, asked)
        discovery = Discovery(self._told, exchange, behind)
        if asked.name == "match":
            criteria = criteria_of(body)
            if isinstance(criteria, Problem):
                return criteria
            bundle = discovery.match(criteria)
        else:
            query = target.partition("?")[2] or body.decode("utf-8", "replace")
            bundle = discovery.search(asked.resource_type, query)
        return bundle if isinstance(bundle, Problem) else Reply(200, document=bundle, content_type=self.json_type)

    def _read(self, exchange: Exchange, behind: Sequence[Behind], asked: Interaction) -> Reply | Problem:
        """One resource, from the site whose number its id begins with."""
        place, id = own(asked.id)
        if place is None or place >= len(behind):
            return Problem(404, "not-found", f"{asked.resource_type}/{asked.id} is not known", value=asked.id)
        accept = {"accept": exchange.headers.get("accept", "application/fhir+json")}
        answer = behind[place].ask(
            exchange, "GET", f"/{asked.resource_type}/{id}", b"", accept, patience=float(self._told["patience"])
        )
        if not answer.status or not answer.answered:
            return Problem(502, "unavailable", answer.text)
        if not answer.ok:
            return Problem(answer.status, "not-found", answer.text, resource_type=asked.resource_type, value=asked.id)
        if answer.document.get("resourceType") != asked.resource_type:  # a Binary in its own type
            return Reply(200, [], answer.body, None, answer.header("content-type"))
        document = told(answer.document, place, answer.bases, exchange.base_url)
        return Reply(200, document=document, content_type=self.json_type)

    def _later(self, exchange: Exchange, records: Records, name: str) -> Reply | Problem:
        """202 until it is there; then what it would have been, as the response of a batch of one."""
        kept = records.kept(DRAWER, name)
        if kept is None:
            return Problem(404, "not-found", "There is no such request", value=name)
        at, asked, target, body = kept
        if records.now() < at:
            return Reply(202, [("Retry-After", str(self._told["retry_after"])), ("X-Progress", "in-progress")])
        answer = self._answer(exchange, records.behind, asked, target, body)
        if isinstance(answer, Problem):
            return answer
        entry: JSON = {"response": {"status": "200 OK"}, "resource": answer.document}
        bundle: JSON = {"resourceType": "Bundle", "type": "batch-response", "entry": [entry]}
        return Reply(200, document=bundle, content_type=self.json_type)

    def _statement(self, exchange: Exchange, date: str) -> Reply:
        """What can be asked for."""
        types = [
            {"type": "Patient", "interaction": [{"code": "read"}, {"code": "search-type"}],
             "operation": [{"name": "match", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-match"}]},
            {"type": "DocumentReference", "interaction": [{"code": "read"}, {"code": "search-type"}]},
            {"type": "Binary", "interaction": [{"code": "read"}]},
        ]  # fmt: skip
        document: JSON = {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": date,
            "kind": "instance",
            "implementation": {"description": self.title, "url": exchange.base_url},
            "fhirVersion": self.fhir_version,
            "format": ["application/fhir+json", "json"],
            "rest": [{"mode": "server", "resource": types}],
        }
        return Reply(200, body=orjson.dumps(document), content_type=self.json_type)
