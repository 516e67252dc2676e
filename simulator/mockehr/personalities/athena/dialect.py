"""athenahealth's way of speaking: ids, Bundles, errors, tokens, headers, discovery. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.personalities import envelope
from mockehr.personalities.athena import capability, clinical
from mockehr.personalities.athena.api.gateway import Gateway, unrouted
from mockehr.personalities.athena.api.v1 import AthenaOne
from mockehr.personalities.athena.ids import AthenaIds
from mockehr.personalities.athena.look import Look
from mockehr.personalities.athena.patient import groups_beside
from mockehr.personalities.athena.rules import AthenaRules
from mockehr.personalities.athena.shape import flavour_of, shape
from mockehr.personalities.dates import http_date
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import ORDINALS, place_of
from mockehr.personalities.links import sorted_query
from mockehr.personalities.model import Personality
from mockehr.personalities.outcome import ISSUE_CODES
from mockehr.personalities.proprietary import Api

_SUBSCRIPTIONS: Final = envelope.Layout.of(
    {
        "keys": ["resourceType", "id", "type", "total", "link", "entry"],
        "entry": ["fullUrl", "resource", "search"],
        "links": ["self", "next"],
        "empty_entry": False,
    }
)
PREVIEW: Final = "195900"
"""The vendor's own preview practice, for which the HL7 preset is written."""
_MANGLED: Final = ("Nncoection", "Cneonction")
_BESIDE: Final = ORDINALS // 2
"""From which place of a chart on the mistaken records are numbered."""
_POLICY: Final = "Policy evaluation failed for this request, please check the policy configurations."


class Vendor(Personality):
    """athenahealth athenaOne."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, _with_practice(settings, facts), facts)
        rules = AthenaRules(self.settings["search"], self.tenant(self.facts))
        self.rules, self._combinations = rules, rules.combinations

    def tenant(self, facts: SiteFacts) -> str:
        """The practice's number."""
        return facts.tenant if facts.tenant.isdigit() else str(self.settings["events"]["athena"]["practice"])

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The proprietary API, and the gateway in front of what there is not."""
        practice = self.tenant(facts)
        return (AthenaOne(practice, self.ids(facts), self.settings["v1"]), Gateway())

    # resources

    def ids(self, facts: SiteFacts) -> AthenaIds:
        """The practice, a token, a number."""
        return AthenaIds(self.tenant(facts), self.settings["ids"]["forms"])

    def identified(self, system: str, value: str, facts: SiteFacts) -> str:
        """Patients' identifiers are their ids, or (in HL7) the number at the end of them."""
        if system not in ("", self.settings["identifiers"]["record_number"]):
            return ""
        return value if value.startswith("a-") else f"a-{self.tenant(facts)}.E-{value}"

    def identifier_kind(self, text: str, facts: SiteFacts) -> str:
        """None of its identifiers is the population's record number."""
        return ""

    def flavour(self, resource: JSON) -> str:
        """The sub-type that the token of an id shows."""
        return flavour_of(resource)

    def look(self, dresser: Dresser) -> Look:
        """The surroundings in athenahealth's terms."""
        found = dresser.look
        if not isinstance(found, Look):
            found = dresser.look = Look(dresser, self.ids(dresser.facts), self.settings["shape"]["tables"])
        return found

    def reference(self, reference: JSON, clean: str, within: str, dresser: Dresser) -> JSON:
        """Relative, and nothing else."""
        return {"reference": reference["reference"]}

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """By resource type."""
        return shape(made, clean, self.look(dresser))

    def beside(self, clean: JSON, dresser: Dresser) -> Sequence[JSON]:
        """Groups and departments beside the practice; now and then a record that was entered in error."""
        dresser.flavour = self.flavour
        look, kind = self.look(dresser), clean["resourceType"]
        if kind == "Organization":
            return groups_beside(look) if place_of(str(clean["id"])) == (None, 0) else ()
        make = {"AllergyIntolerance": clinical.mistaken_allergy, "DiagnosticReport": clinical.mistaken_report}.get(
            kind
        )
        place = place_of(str(clean["id"]))
        if make is None or place is None or place[0] is None or place[1] >= _BESIDE:
            return ()
        made = self.dress(clean, dresser)
        if not look.share("mistaken_share", kind, str(made["id"])):
            return ()
        id = dresser.ids.encode(kind, place[0], place[1] + _BESIDE, self.flavour(clean))
        return (make({**made, "id": id}),)

    @property
    def beside_types(self) -> frozenset[str]:
        """See `beside`."""
        return frozenset(("AllergyIntolerance", "DiagnosticReport"))

    # searching

    def self_url(self, page: SearchPage, base_url: str) -> str:
        """The search with its parameters in another order."""
        query = sorted_query(page.query)
        return page.self_url or f"{self.address(base_url)}/{page.resource_type}{'?' if query else ''}{query}"

    def searchset_bytes(self, page: SearchPage, base_url: str) -> bytes:
        """Without id and total, but for Subscriptions, whose Bundles have both."""
        if page.resource_type != "Subscription":
            return super().searchset_bytes(page, base_url)
        return envelope.bundle_bytes(
            page,
            _SUBSCRIPTIONS,
            base_url=self.address(base_url),
            bundle_id=self._uuid("bundle", page.query, page.offset),
            total=page.total if page.total is not None else page.matches,
            links={"self": self.self_url(page, base_url), "next": self.next_url(page, base_url)},
            outcome=None,
            outcome_url="",
        )

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """In five forms: a gateway's text, an object, an outcome, and an outcome in a Bundle that was found."""
        if problem.kind in ("no-token", "token-invalid"):
            return Reply(401, [], b"Developer Inactive", None, "text/plain; charset=utf-8")
        if problem.kind in ("type-unknown", "version-withdrawn") and not problem.resource_type[:1].isupper():
            return unrouted()
        if problem.kind == "tenant-unknown" and not self.settings["errors"]["wrapped"]:
            return Reply(400, [], b"", {"details": problem.text}, "application/json; charset=utf-8")
        if problem.kind == "parameter-invalid" and problem.resource_type:
            return Reply(200, [], self._outcome_page(problem, base_url), None, self.json_type)
        outcome: JSON = {"issue": [_issue(problem)], "resourceType": "OperationOutcome"}
        headers = [("Retry-After", problem.retry_after)] if problem.retry_after else []
        if problem.status == 403:
            headers += self._traced(problem)
        return Reply(problem.status, headers, document=outcome, content_type=self.error_type(accept))

    def _traced(self, problem: Problem) -> list[tuple[str, str]]:
        drawn = self.facts.key("athena-request", problem.text, problem.resource_type).hex()[:24]
        return [("X-Athena-Request-Id", drawn), ("X-Athenanet-Practice-Id", self.tenant(self.facts))]

    def _outcome_page(self, problem: Problem, base_url: str) -> bytes:
        """A searchset with nothing in it but what is wrong."""
        issue = {"details": {"text": problem.text}, "severity": "error", "code": "invalid"}
        outcome: JSON = {"issue": [issue], "resourceType": "OperationOutcome"}
        return envelope.bundle_bytes(
            SearchPage(problem.resource_type),
            self._layout,
            base_url=self.address(base_url),
            bundle_id="",
            total=None,
            links={"self": f"{self.address(base_url)}/{problem.resource_type}"},
            outcome=outcome,
            outcome_url=f"urn:uuid:{self._uuid('outcome', problem.text)}",
        )

    def objection(self, exchange: Exchange) -> Problem | None:
        """Documents by themselves are for systems: a patient's or a user's token does not read a Binary."""
        asked = exchange.interaction
        if asked is None or asked.resource_type != "Binary" or not isinstance(exchange.scopes, Scopes):
            return None
        if any(scope.context == "system" and scope.actions for scope in exchange.scopes):
            return None
        return Problem(403, "scope-missing", "Binary needs a system scope", resource_type="Binary", value="read")

    # headers

    def record_headers(self, resource_type: str, version: int, updated: float) -> list[tuple[str, str]]:
        """When it was changed; no ETag."""
        return [("Last-Modified", http_date(updated))]

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """The constant ones, where it is on every GET, a request id, what is left, and a mangled hop header."""
        found = super().headers(exchange)
        reply = exchange.reply
        if exchange.method == "GET" and reply is not None and reply.status == 200 and exchange.path != "/metadata":
            found.append(("Location", exchange.base_url + exchange.path))
        octets = self.facts.key("athena", "request", exchange.number)
        numbers = [int.from_bytes(octets[start : start + 8], "big") for start in (0, 8, 16)]
        found.append(
            ("X-Request-Id", f"rrt-{numbers[0] % 10**19:019d}-d-gea1-{numbers[1] % 10**7}-{numbers[2] % 10**8}-1")
        )
        if self.settings["gateway"]["mangled"]:
            found.append((_MANGLED[octets[-1] & 1], "close"))
        if not self.settings["rates"]["budgets"]:
            names = {name: str(value) for name, value in self.settings["rates"]["told"].items()}
            found += [(name, text.format_map(names)) for name, text in self.settings["rates"]["headers"].items()]
        return found

    # tokens and discovery

    def token_document(self, document: JSON, grant: Any) -> JSON:
        """With the practice; how long it is good may be a text."""
        made = {**document, "ah_practice": f"a-1.Practice-{self.tenant(self.facts)}"}
        if self.settings["token"]["expires_in_as_text"] and "expires_in" in made:
            made["expires_in"] = str(made["expires_in"])
        return made

    def token_refusal(
        self, status: int, document: JSON, reason: str = "", *, client: str = "", base_url: str = ""
    ) -> Reply:
        """A request without scope fails at the gateway's policy; the rest is OAuth's."""
        if reason == "scope-missing":
            body: JSON = {"detailedmessage": _POLICY, "error": "access_denied"}
            return Reply(401, [("Cache-Control", "no-store")], document=body, content_type="application/json")
        return super().token_refusal(status, document, reason, client=client, base_url=base_url)

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """See `mockehr.personalities.athena.capability`."""
        made = super().capability(document, facts, base_url)
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        made["rest"] = [
            capability.rest(one, self.settings, self._combinations, root) for one in document.get("rest", ())
        ]
        return made


def _with_practice(settings: Mapping[str, Any], facts: SiteFacts | None) -> Mapping[str, Any]:
    """The settings with one number for the practice, whoever told it: who events are about is who is asked."""
    events = settings["events"]
    practice = str(events["athena"]["practice"])
    if facts is not None and facts.tenant.isdigit():
        practice = facts.tenant
    elif not practice:
        key = facts.key("practice") if facts is not None else bytes(8)
        practice = str(1000 + int.from_bytes(key[:4], "big") % 30_000)
    told = {**settings, "events": {**events, "athena": {**events["athena"], "practice": practice}}}
    if practice != PREVIEW and not settings["hl7"]:
        facility = f"{practice}^athenahealth practice {practice}"
        told["hl7"] = {"sending_facility": facility, "control_id": f"{{number}}M{practice}"}
    return told


def _issue(problem: Problem) -> JSON:
    text, expression = problem.text, list(problem.expression)
    severity, code = "error", ISSUE_CODES[problem.kind]
    if problem.kind == "scope-missing":
        text, expression = "Invalid Token Scope", [problem.resource_type]
    if problem.status == 403:
        severity, code = "fatal", "forbidden"
    issue: JSON = {"details": {"text": text}}
    if expression:
        issue["expression"] = expression
    return {**issue, "severity": severity, "code": code}
