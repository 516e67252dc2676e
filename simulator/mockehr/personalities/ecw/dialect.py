"""eClinicalWorks' way of speaking: practices, ids, Bundles, errors, tokens, discovery. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockehr.auth.scopes import Scopes
from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.record import Record
from mockehr.personalities.dates import http_date
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ecw.ids import PracticeIds
from mockehr.personalities.ecw.look import Look, refer
from mockehr.personalities.ecw.outcome import envelope, hapi_outcome, is_of_a_write
from mockehr.personalities.ecw.rules import FacadeRules
from mockehr.personalities.ecw.shape import shape
from mockehr.personalities.ecw.tracker import Tracker
from mockehr.personalities.filling import filled
from mockehr.personalities.ids import IdCodec
from mockehr.personalities.model import Personality, Stored
from mockehr.personalities.proprietary import Api

_LETTERS: Final = "ABCDEFGHIJ"
_MIXED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ALONE: Final = frozenset({"Group", ""})
"""Types whose reading is part of exporting many patients."""
_EXPORT: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export"
_GROUP: Final[JSON] = {"type": "Group", "operation": [{"name": "export", "definition": _EXPORT}]}
"""Group, which is exported and neither read nor searched."""


class Vendor(Personality):
    """eClinicalWorks."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        identifiers = filled(settings["identifiers"], {"practice": _practice(facts)})
        numbers = [{"system": identifiers["record_number"], "authority": "", "type": ""}]
        own = {"identifiers": identifiers, "hl7": {"identifiers": numbers, **settings["hl7"]}}
        super().__init__(name, {**settings, **own}, facts)
        self.rules = FacadeRules(settings["search"])

    def tenant(self, facts: SiteFacts) -> str:
        """Six letters from A to J, unless the practice is told."""
        return facts.tenant or "".join(_LETTERS[octet % 10] for octet in facts.key("tenant")[:6])

    def ids(self, facts: SiteFacts) -> IdCodec:
        """Opaque, with the practice's prefix."""
        return PracticeIds(facts.key, self.settings["ids"]["lengths"])

    def look(self, dresser: Dresser) -> Look:
        """The surroundings in eClinicalWorks' terms."""
        found = dresser.look
        if not isinstance(found, Look):
            settings = self.settings
            zone = str(settings["shape"]["moments"]["default"])
            found = dresser.look = Look(dresser, settings["shape"]["tables"], settings["identifiers"], zone)
        return found

    def reference(self, reference: JSON, clean: str, within: str, dresser: Dresser) -> JSON:
        """Relative, with its type."""
        return refer(reference)

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """By resource type."""
        return shape(made, clean, self.look(dresser))

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """What vendors of devices post to."""
        path = str(self.settings["tracker"]["path"])
        return (Tracker(path),) if path else ()

    # what the rights of a token are good for

    def objection(self, exchange: Exchange) -> Problem | None:
        """A system's token with Group.read is for exports: it reads no single patient's records."""
        scopes, asked = exchange.scopes, exchange.interaction
        if self.settings["token"]["single_patient"] != "without-group" or not isinstance(scopes, Scopes):
            return None
        if asked is None or asked.name == "$export" or asked.resource_type in _ALONE or exchange.patient:
            return None
        if any(scope.context == "system" and scope.resource_type == "Group" for scope in scopes):
            text = "system/Group.read is for the bulk export alone"
            return Problem(403, "scope-missing", text, resource_type=asked.resource_type)
        return None

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """HAPI's outcome; without a token in the name that R4 has for JSON."""
        headers = self.problem_headers(problem, base_url)
        if self.settings["errors"]["writes"] == "codes" and is_of_a_write(problem):
            return Reply(problem.status, headers, document=envelope(problem), content_type="application/json")
        status, media = problem.status, self.error_type(accept)
        if problem.kind in ("no-token", "token-invalid"):
            media = "application/fhir+json"
        if problem.kind == "not-found" and problem.resource_type == "Group":
            status = int(self.settings["bulk"]["group_unknown_status"])
        return Reply(status, headers, document=hapi_outcome(problem.text), content_type=media)

    def created(self, record: Stored, base_url: str) -> Reply:
        """As any server's; with `errors.writes: codes` in the envelope of the write API."""
        reply = super().created(record, base_url)
        if self.settings["errors"]["writes"] == "codes":
            told = {"status": 1, "key": "SUCCESS", "id": record.id}
            return Reply(201, reply.headers, document=told, content_type="application/json")
        return reply

    def record_headers(self, resource_type: str, version: int, updated: float) -> list[tuple[str, str]]:
        """Without an ETag, as nothing has a version."""
        return [("Last-Modified", http_date(updated))]

    # tokens and discovery

    def token_refusal(
        self, status: int, document: JSON, reason: str = "", *, client: str = "", base_url: str = ""
    ) -> Reply:
        """Four errors; a bad scope is a bad grant, and whatever is no one of the four is our fault."""
        told = self.settings["token"]
        error = str(document.get("error", ""))
        if reason.startswith("scope-"):
            error = "invalid_grant"
        if reason in told["reasons"]:
            error, status = told["reasons"][reason]
        elif error in told["errors"]:
            status = told["errors"][error]
        else:
            error, status = told["reasons"]["other"]
        body: JSON = {"error": error, "error_description": document.get("error_description", "")}
        headers = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]
        return Reply(int(status), headers, document=body, content_type="application/json")

    def smart_configuration(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With the scopes of every type in both dialects, and some that are no scopes at all."""
        return super().smart_configuration({**document, "scopes_supported": self._scopes()}, facts, base_url)

    def _scopes(self) -> list[str]:
        told = self.settings["smart_configuration"]
        kinds = self.settings["interactions"]["resources"]
        rights = [f"{kind}.{right}" for kind in kinds for right in ("read", "r", "s", "rs")]
        return [
            *told["scopes"],
            *(f"{context}/{right}" for context in ("patient", "user", "system") for right in rights),
            *told["malformed"],
        ]

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """`page` for every type, one reverse include, and next to no writes, whatever there are."""
        made = super().capability(document, facts, base_url)
        address = self.address(base_url)
        made["url"] = f"{address}/metadata"
        made["implementation"] = {"description": made["name"], "url": address}
        for rest in made.get("rest", ()):
            rest.get("security", {}).pop("cors", None)
            rest["resource"] = sorted(
                (*(self._type(one) for one in rest.get("resource", ())), _GROUP), key=lambda one: str(one["type"])
            )
        return made

    def _type(self, told: JSON) -> JSON:
        writes = self.settings["capability"]["told_writes"].get(told["type"], ())
        kept = [one for one in told.get("interaction", ()) if one["code"] in ("read", "search-type", *writes)]
        made = {**told, "interaction": kept}
        if any(one["code"] == "search-type" for one in kept):
            made["searchRevInclude"] = ["Provenance:target"]
            made["searchParam"] = [*told.get("searchParam", ()), {"name": "page", "type": "number"}]
        return made

    def statement(self, text: bytes, at: float) -> bytes:
        """Dated as it is asked for."""
        return text.replace(b'"date":"%s"' % instant(at)[:10].encode(), b'"date":"%s"' % instant(at).encode(), 1)

    # every reply

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """The constant ones, a gateway's cookie, a request id, and where a record is, as the facade names it."""
        found = super().headers(exchange)
        result = exchange.result
        if isinstance(result, Record):
            where = f"/r4/*/{self.tenant(self.facts)}/{result.resource_type}/{result.id}"
            found.append(("Content-Location", where))
        cookie = str(self.settings["affinity_cookie"])
        if cookie and f"{cookie}=" not in exchange.headers.get("cookie", ""):
            backend = self.facts.key("affinity", exchange.client).hex()[:32]
            found.append(("Set-Cookie", f"{cookie}={backend}; Path=/; SameSite=None; Secure"))
        if exchange.number:
            octets = self.facts.key("request", exchange.number)
            found.append(("X-Request-Id", "".join(_MIXED[octet % 62] for octet in octets[:16])))
        self._take_time(exchange)
        return found

    def _take_time(self, exchange: Exchange) -> None:
        """Some searches are slow here (`seconds` of a type)."""
        asked = exchange.interaction
        if asked is not None and asked.name == "search":
            seconds = float(self.settings["search"]["types"].get(asked.resource_type, {}).get("seconds", 0))
            if seconds:
                exchange.effect().reply_delay += seconds


def _practice(facts: SiteFacts | None) -> str:
    """The practice's number in its own identifier system."""
    drawn = int.from_bytes(facts.key("practice")[:4], "big") if facts is not None else 0
    return str(100_000 + drawn % 900_000)
