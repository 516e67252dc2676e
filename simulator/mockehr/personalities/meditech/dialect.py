"""MEDITECH's way of speaking: ids, Bundles, errors, tokens, discovery. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import IdCodec
from mockehr.personalities.meditech import access
from mockehr.personalities.meditech.capability import rest_of
from mockehr.personalities.meditech.ids import MeditechIds
from mockehr.personalities.meditech.look import Look
from mockehr.personalities.meditech.orders import derive_directive, derive_order
from mockehr.personalities.meditech.results import observation_flavour
from mockehr.personalities.meditech.rules import MeditechRules
from mockehr.personalities.meditech.scopes import listed_scopes
from mockehr.personalities.meditech.shape import ORDERS, shape
from mockehr.personalities.model import Personality, Stored
from mockehr.personalities.rewrite import ordered


class Vendor(Personality):
    """MEDITECH Expanse."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, settings, facts)
        self.rules = MeditechRules(settings["search"])

    def ids(self, facts: SiteFacts) -> IdCodec:
        """UUIDs of version 5."""
        return MeditechIds(facts.key, self.settings["ids"]["forms"], self.fhir_version)

    def flavour(self, resource: JSON) -> str:
        """The category of observations."""
        return observation_flavour(resource) if resource.get("resourceType") == "Observation" else ""

    def look(self, dresser: Dresser) -> Look:
        """The surroundings in MEDITECH's terms."""
        return dresser.seen_as(Look, self.settings["shape"]["tables"])

    def reference(self, reference: JSON, clean: str, within: str, dresser: Dresser) -> JSON:
        """With type, and with a display for what has a name."""
        return self.look(dresser).refer(reference, clean)

    def dress(self, resource: JSON, dresser: Dresser, flavour: str | None = None) -> JSON:
        """In MEDITECH's order of elements."""
        made = super().dress(resource, dresser, flavour)
        order = ORDERS.get(resource["resourceType"]) if self.settings["shape"]["order"] == "type-last" else None
        return made if order is None else ordered(made, order)

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """By resource type."""
        return shape(made, clean, self.look(dresser))

    def beside(self, clean: JSON, dresser: Dresser) -> Sequence[JSON]:
        """The orders behind reports, and those on resuscitation."""
        dresser.flavour = self.flavour
        kind = clean["resourceType"]
        if kind not in ("DiagnosticReport", "CareTeam"):
            return ()
        derive = derive_order if kind == "DiagnosticReport" else derive_directive
        found = derive(clean, self.look(dresser))
        if self._order is None:
            return found
        return [ordered(self._order(one, self.facts.key), ORDERS["ServiceRequest"]) for one in found]

    @property
    def beside_types(self) -> frozenset[str]:
        """See `beside`."""
        return frozenset(("ServiceRequest",))

    def record_number(self, value: str) -> str:
        """The population's number behind one that is shown: without the letters of the facility."""
        prefix = str(self.settings["shape"]["tables"]["record_number_prefix"])
        return value.removeprefix(prefix) if value.startswith(prefix) else ""

    # searching

    def page_token(self, name: str, number: int) -> str:
        """The prefix of what is searched for and a UUID in capitals that is nobody's id."""
        kind, _, query = name.rpartition("@")[0].partition("?")
        asked = " ".join(value for key, value in parse_qsl(query) if key == "category")
        forms = self.settings["ids"]["forms"]
        form = next((one for flavour, one in forms.items() if _covers(flavour, kind, asked)), "")
        return form.partition("{")[0] + self._uuid("page", name, number).upper()

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """`resource` and `detail`, whatever was asked for."""
        kept = ("Retry-After", "Allow", "Location")
        headers = [pair for pair in self.problem_headers(problem, base_url) if pair[0] in kept]
        body = access.error(problem.status, self._error_resource, access.detail_of(problem))
        return Reply(problem.status, headers, document=body, content_type=access.MEDIA)

    @property
    def _error_resource(self) -> str:
        return str(self.settings["errors"]["resource"])

    # writes

    def created(self, record: Stored, base_url: str) -> Reply:
        """201 with the resource; there are no versions to point to."""
        location = f"{base_url}/{record.resource_type}/{record.id}"
        return Reply(201, [("Location", location)], record.body, None, self.json_type)

    def record_headers(self, resource_type: str, version: int, updated: float) -> list[tuple[str, str]]:
        """None: resources have neither versions nor times."""
        return []

    # tokens and discovery

    def authorize_refusal(self, redirect: Any, page: Callable[[str], Reply], base_url: str) -> Reply | None:
        """A bare `error`."""
        return access.refusal(redirect)

    def token_refusal(
        self, status: int, document: JSON, reason: str = "", *, client: str = "", base_url: str = ""
    ) -> Reply:
        """The bare error, or `Bad Request` as anywhere."""
        reasons = self.settings["token"]["reasons"]
        status, body = access.token_refusal(status, document, reason, self._error_resource, reasons)
        headers = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]
        return Reply(status, headers, document=body, content_type=access.MEDIA)

    def smart_configuration(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With all scopes of the product, the internal ones too; a few sites list none."""
        told = self.settings["smart_configuration"]
        scopes = listed_scopes(told["scopes"]) if told["listed"] else []
        return super().smart_configuration({**document, "scopes_supported": scopes}, facts, base_url)

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """The vendor's own order of everything."""
        told = self.settings["capability"]
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        paths = {name: self._path(name, facts) for name in ("token", "authorize", "register", "introspect", "revoke")}
        rests = [rest_of(rest, told, root, paths) for rest in document.get("rest", ())]
        return super().capability({**document, "rest": rests}, facts, base_url)

    # every reply

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """A request id and a trace once the exchange has its number."""
        found = super().headers(exchange)
        if exchange.number:
            drawn = self.facts.key("request", exchange.number)
            found.append(("mtrestapi-requestid", str(UUID(bytes=drawn[:16], version=4))))
            found.append(("traceparent", f"00-{drawn[:16].hex()}-{drawn[16:24].hex()}-01"))
        return found


def _covers(flavour: str, kind: str, asked: str) -> bool:
    name, _, category = flavour.partition("/")
    return name == kind and category in asked
