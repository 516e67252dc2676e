"""NextGen Enterprise's way of speaking: ids, Bundles, errors, headers. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import PageEntry, SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.elements import resource_types
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.inline import inline_binary
from mockehr.personalities.links import next_link
from mockehr.personalities.model import Personality
from mockehr.personalities.nextgen.look import Look
from mockehr.personalities.nextgen.native.service import NativeApi
from mockehr.personalities.nextgen.refusal import outcome
from mockehr.personalities.nextgen.rules import NextGenRules
from mockehr.personalities.nextgen.shape import flavour_of, shape
from mockehr.personalities.nextgen.statement import types_of
from mockehr.personalities.proprietary import Api

_DOCUMENT: Final = re.compile(r"/document/((?:pdf|xml)-[^/]+)")


class Vendor(Personality):
    """NextGen Enterprise."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, settings, facts)
        self.rules = NextGenRules(settings["search"])
        told = settings["bundle"]
        self._lower = {kind: kind.lower() for kind in told["lower_types"]}

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """The base in any spelling, and below it `document/pdf-…` and types in lower case."""
        base = self.fhir_path(facts).rstrip("/")
        if path[: len(base)].lower() != base.lower():
            return path
        below = path[len(base) :]
        document = _DOCUMENT.fullmatch(below)
        if document is not None:
            return f"{base}/Binary/{document[1]}"
        for kind, lower in self._lower.items():
            if below == f"/{lower}" or below.startswith(f"/{lower}/"):
                return f"{base}/{kind}{below[len(lower) + 1 :]}"
        return base + below

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The one of before FHIR."""
        at, fhir = self.settings["paths"], self.fhir_path(facts).rstrip("/")
        silent = bool(self.settings["errors"]["quota_silent"])
        return (NativeApi(at["native"], at["native_token"], fhir, self.settings["native"], silent_quota=silent),)

    def ids(self, facts: SiteFacts) -> IdCodec:
        """GUIDs, with prefixes that tell the kind."""
        bare = dict.fromkeys(resource_types(self.fhir_version), "{uuid}")
        return NumberedIds(facts.key, {**bare, **self.settings["ids"]["forms"]})

    def flavour(self, resource: JSON) -> str:
        """The category of conditions and observations, the form of documents."""
        return flavour_of(resource)

    def look(self, dresser: Dresser) -> Look:
        """The surroundings in NextGen's terms."""
        return dresser.seen_as(Look, self.settings["shape"]["tables"])

    def reference(self, reference: JSON, clean: str, within: str, dresser: Dresser) -> JSON:
        """Relative."""
        return self.look(dresser).refer(reference, clean)

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """By resource type."""
        return shape(made, clean, self.look(dresser), flavour)

    def beside(self, clean: JSON, dresser: Dresser) -> Sequence[JSON]:
        """Documents that a clean resource carries in itself; immunizations that were entered twice."""
        dresser.flavour = self.flavour
        kind = clean["resourceType"]
        if kind in ("DiagnosticReport", "DocumentReference"):
            binary = inline_binary(clean)
            return () if binary is None else (self.dress(binary, dresser),)
        if kind == "Immunization":
            drawn = self.look(dresser).drawn("erroneous", str(clean["id"]))
            if drawn < float(self.settings["shape"]["tables"]["erroneous_share"]):
                return (self.dress(clean, dresser, "erroneous"),)
        return ()

    @property
    def beside_types(self) -> frozenset[str]:
        """See `beside`."""
        return frozenset(("Binary", "Immunization"))

    # searching

    def address(self, base_url: str) -> str:
        """The base as links write it."""
        written = str(self.settings["bundle"]["written_base"])
        base = super().address(base_url)
        return base[: -len(written)] + written if base.lower().endswith(written.lower()) else base

    def self_url(self, page: SearchPage, base_url: str) -> str:
        """The search with the number of its page."""
        if page.self_url:
            return page.self_url
        asked = [part for part in page.query.split("&") if part and part.partition("=")[0] != self.page_parameter]
        asked.append(f"{self.page_parameter}={_number(page)}")
        return f"{self.address(base_url)}/{page.resource_type}?{'&'.join(asked)}"

    def next_url(self, page: SearchPage, base_url: str) -> str:
        """None from a certain page on, whatever `total` says."""
        last = int(self.settings["search"]["last_page"])
        if last and _number(page) >= last:
            return ""
        if page.next_url or not page.next_token:
            return page.next_url
        return next_link(page, self.address(base_url), self.page_parameter, whole=True)

    def searchset_bytes(self, page: SearchPage, base_url: str) -> bytes:
        """Some types in lower case in fullUrls."""
        if not any(entry[0] in self._lower for entry in page.entries):
            return super().searchset_bytes(page, base_url)
        entries: list[PageEntry] = [(self._lower.get(entry[0], entry[0]), *entry[1:]) for entry in page.entries]
        return super().searchset_bytes(replace(page, entries=entries), base_url)

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """An outcome without a code; a text for tokens; nothing at all for a quota."""
        told = self.settings["errors"]
        if problem.kind == "rate-limited" and told["quota_silent"]:
            return Reply(200, [], b"", None, self.json_type)
        if problem.kind in ("no-token", "token-invalid"):
            return Reply(401, [], str(told["token_text"]).encode(), None, "text/plain")
        status, document = outcome(problem, told["kinds"])
        kept = ("Retry-After", "Allow", "Location")
        headers = [pair for pair in self.problem_headers(problem, base_url) if pair[0] in kept]
        return Reply(status, headers, document=document, content_type=self.error_type(accept))

    # discovery

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """The types that it tells of; the address as links write it."""
        made = super().capability(document, facts, base_url)
        told = self.settings["capability"]
        made["implementation"] = {"description": told["implementation"], "url": self.address(base_url)}
        for rest in made.get("rest", ()):
            rest["resource"] = types_of(rest.get("resource", []), told)
            rest.pop("interaction", None)
            rest.pop("operation", None)
        return made

    # every reply

    def record_headers(self, resource_type: str, version: int, updated: float) -> list[tuple[str, str]]:
        """None: nothing here has a version."""
        return []

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Those of CloudFront among them."""
        found = super().headers(exchange)
        failed = exchange.reply is not None and exchange.reply.status >= 400
        found.append(("X-Cache", "Error from cloudfront" if failed else "Miss from cloudfront"))
        octets = self.facts.key("cloudfront", exchange.number)
        found.append(("Via", f"1.1 {octets.hex()[:32]}.cloudfront.net (CloudFront)"))
        found.append(("X-Request-Id", str(UUID(bytes=octets[:16], version=4))))
        return found


def _number(page: SearchPage) -> int:
    """Which page it is, from 1."""
    return page.offset // page.page_size + 1 if page.page_size else 1
