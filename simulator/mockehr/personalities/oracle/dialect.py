"""Oracle Health's way of speaking: ids, Bundles, errors, tokens, discovery. Sources: notes.md."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.personalities.dates import http_date
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.filling import filled
from mockehr.personalities.ids import IdCodec
from mockehr.personalities.inline import inline_binary
from mockehr.personalities.model import Personality, Stored
from mockehr.personalities.negotiation import asked_for, negotiate
from mockehr.personalities.oracle import access, writes
from mockehr.personalities.oracle.ids import OracleIds
from mockehr.personalities.oracle.look import Look
from mockehr.personalities.oracle.orders import service_request
from mockehr.personalities.oracle.patient import combined, found_patients
from mockehr.personalities.oracle.relations import accounts, headed, related_persons
from mockehr.personalities.oracle.results import shape_binary
from mockehr.personalities.oracle.rules import OracleRules
from mockehr.personalities.oracle.scheduling import slot_version, slots_and_schedules
from mockehr.personalities.oracle.shape import flavour_of, lacking, missing, shape

_PACKED = frozenset({"Observation", "DocumentReference", "DiagnosticReport"})
_REQUEST_IDS = "X-Request-Id"
_NO_TENANT = "UnknownTenant"
_NO_TYPE = "UnknownType"
"""Names of no resource types, under which what cannot be had here is asked for."""
_TAGS = frozenset({"Slot", "Schedule"})
_BESIDE: Final[Mapping[str, Callable[[JSON, Look], Sequence[JSON]]]] = MappingProxyType(
    {"Patient": related_persons, "Coverage": accounts, "PractitionerRole": slots_and_schedules}
)


class Vendor(Personality):
    """Oracle Health."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, settings, facts)
        self.rules = OracleRules(settings["search"])

    def tenant(self, facts: SiteFacts) -> str:
        """A GUID, or 32 letters that look drawn."""
        if facts.tenant or self.settings["tenant_form"] != "key":
            return super().tenant(facts)
        return "-" + base64.urlsafe_b64encode(facts.key("tenant")[:24]).decode()[:31]

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """Another tenant's paths are answered here, and that a site without tokens has no discovery."""
        own = self.fhir_path(facts).rstrip("/")
        if path.startswith(own + "/") or path == own:
            hidden = self.settings["capability"]["open"] and "/.well-known/" in path
            return f"{own}/{_NO_TYPE}" if hidden else path
        shape = str(self.settings["paths"]["fhir"]).partition("{tenant}")[0]
        return f"{own}/{_NO_TENANT}" if shape and path.startswith(shape) else path

    def ids(self, facts: SiteFacts) -> IdCodec:
        """Numbers, with prefixes that tell the kind."""
        return OracleIds(facts.key, self.settings["ids"]["forms"])

    def flavour(self, resource: JSON) -> str:
        """The category of observations and conditions."""
        return flavour_of(resource)

    def look(self, dresser: Dresser) -> Look:
        """The surroundings in Oracle Health's terms."""
        found = dresser.look
        if not isinstance(found, Look):
            found = dresser.look = Look(dresser, self.tenant(dresser.facts), self.settings["shape"]["tables"])
        return found

    def reference(self, reference: JSON, clean: str, within: str, dresser: Dresser) -> JSON:
        """With display, for some."""
        return self.look(dresser).refer(reference, clean, within)

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """By resource type."""
        if clean["resourceType"] == "Binary":
            return shape_binary(made, clean, flavour)
        style = self.style(clean["resourceType"])
        return shape(made, clean, self.look(dresser), style, dresser.version or self.version_text(1))

    def beside(self, clean: JSON, dresser: Dresser) -> Sequence[JSON]:
        """What is another record here: relatives, accounts, orders of reports, free slots, texts and their XML."""
        dresser.flavour = self.flavour
        kind = clean["resourceType"]
        if kind in _BESIDE:
            return _BESIDE[kind](clean, self.look(dresser))
        if kind in ("DiagnosticReport", "DocumentReference"):
            binary = inline_binary(clean)
            texts = () if binary is None else (self.dress(binary, dresser), *self.beside(binary, dresser))
            order = service_request(clean, self.look(dresser)) if kind == "DiagnosticReport" else None
            return texts if order is None else (*texts, headed(order, clean, self.look(dresser)))
        text = kind == "Binary" and str(clean.get("contentType", "")).startswith("text/")
        return (self.dress(clean, dresser, "xml"),) if text else ()

    @property
    def beside_types(self) -> frozenset[str]:
        """See `beside`."""
        return frozenset(("Account", "Binary", "RelatedPerson", "ServiceRequest"))

    @property
    def tag(self) -> Callable[[str, int], str] | None:
        """Coverage has its number twice, slots and schedules two long ones."""

        def called(resource_type: str, version: int) -> str:
            if resource_type in _TAGS:
                return slot_version(resource_type, version)
            text = self.version_text(version)
            return f"{text}-{text}" if resource_type == "Coverage" else text

        return called

    # searching

    def page_token(self, name: str, number: int) -> str:
        """A page context in the form that its type has: packed JSON, packed parameters, or a GUID."""
        kind = name.partition("?")[0]
        guid = self._uuid("page", name, number)
        if kind in _PACKED:
            cursor = self.facts.key("cursor", name, number).hex()[:24]
            inner = {"count": 10, "default": {"cursor": cursor, "has_next": True, "page_context": guid}}
            return base64.urlsafe_b64encode(zlib.compress(to_bytes(inner))).decode()
        if kind == "MedicationRequest":
            first = 100_000_000 + int.from_bytes(self.facts.key("page", name, number)[:4], "big") % 800_000_000
            text = f"OpenPlatformFhirContext=true&pageContext={first}_{first + 1}_{number}_1_1&concept=charted"
            return base64.b64encode(text.encode()).decode()
        return guid

    def next_url(self, page: SearchPage, base_url: str) -> str:
        """The search again with the page context; Slot forgets what was searched for."""
        if page.next_url or not page.next_token:
            return page.next_url
        asked = [] if page.resource_type == "Slot" else parse_qsl(page.query, keep_blank_values=True)
        kept = [pair for pair in asked if pair[0] not in ("_count", "-pageContext", "-pageDirection")]
        query = [urlencode(kept, safe="/|:,")] if kept else []
        query.append(f"-pageContext={quote(page.next_token, safe='')}&-pageDirection=NEXT")
        return f"{base_url}/{page.resource_type}?{'&'.join(query)}"

    def searchset_bytes(self, page: SearchPage, base_url: str) -> bytes:
        """Encounters are in no order within their page; who was combined into another is not found."""
        if page.resource_type == "Patient":
            page = found_patients(page)
        if page.resource_type == "Encounter" and len(page.entries) > 1:
            mixed = sorted(page.entries, key=lambda one: self.facts.key("mixed", one[1])[:8])
            page = replace(page, entries=mixed, joined=None)
        return super().searchset_bytes(page, base_url)

    # what comes in

    def understand(self, exchange: Exchange) -> None:
        """A POST may stand for another method: `X-HTTP-Method-Override`, or `_method` in the query."""
        if exchange.method == "POST":
            method = writes.meant_method(exchange)
            if method:
                exchange.method = method

    def objection(self, exchange: Exchange) -> Problem | None:
        """What may not be written so."""
        asked = exchange.interaction
        if asked is None or asked.name not in ("create", "update", "patch"):
            return None
        return writes.objection(exchange, asked, self.settings["patch_paths"])

    def worn(self, found: Stored) -> JSON | None:
        """Hardly anything of a patient who was combined into another."""
        return combined(found.document) if found.resource_type == "Patient" else None

    def unfit(self, found: Stored | SearchPage) -> Problem | None:
        """Without a required element nothing is shown, and with one such resource no page."""
        if isinstance(found, SearchPage):
            most = self.settings["search"]["types"].get(found.resource_type, {}).get("most_matches", 0)
            if most and (found.total or 0) > most:
                text = f"more than {most} {found.resource_type} resources match"
                return Problem(422, "too-costly", text, resource_type=found.resource_type)
            lacks = ((one[0], missing(one[0], one[2])) for one in found.entries if isinstance(one[2], bytes))
        else:
            lacks = ((kind, lacking(kind, found.document)) for kind in (found.resource_type,))
        for kind, name in lacks:
            if name:
                text = f"{kind}.{name} is missing"
                return Problem(500, "internal", text, resource_type=kind, where=f"/f:{kind}/f:{name}")
        return None

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """`details.text` and nothing else, in most cases."""
        if problem.kind == "not-acceptable":
            return Reply(406, [])
        headers = self._refusal_headers(problem, base_url)
        if problem.kind == "scope-missing":
            message = (
                'code="urn:cerner:error:oauth2:resource-access:insufficient-scopes", error="insufficient_scope",'
                ' subcode="no_scope_for_resource_path"'
            )
            return Reply(403, headers, document={"code": 403, "message": message}, content_type="application/json")
        status, issue = self._issue(problem)
        outcome: JSON = {"resourceType": "OperationOutcome", "issue": [issue]}
        return Reply(status, headers, document=outcome, content_type="application/fhir+json")

    def _issue(self, problem: Problem) -> tuple[int, JSON]:
        if problem.resource_type == _NO_TENANT:
            problem = Problem(403, "tenant-unknown", "")
        if problem.where.startswith("/f:"):
            return 500, {"severity": "fatal", "code": "required", "location": [problem.where]}
        if problem.value in writes.CODES:
            told = {"text": problem.text}
            return problem.status, {"severity": "error", "code": problem.value, "details": told}
        if problem.kind in ("no-token", "token-invalid"):
            text = f'Bearer realm="{self.settings["realm"]}", error="invalid_token"'
            return 401, {
                "severity": "error",
                "code": "login",
                "diagnostics": text,
                "location": ["http.Authorization"],
            }
        if problem.kind == "rate-limited":
            return 429, {"severity": "error", "code": "throttled", "diagnostics": "Too Many Requests"}
        code, text, status = self.settings["errors"]["kinds"].get(problem.kind, ("processing", "", 0))
        return status or problem.status, {
            "severity": "error",
            "code": code,
            "details": {"text": text or problem.text},
        }

    def _refusal_headers(self, problem: Problem, base_url: str) -> list[tuple[str, str]]:
        if problem.kind in ("no-token", "token-invalid"):
            error = 'error="invalid_token", error_description="Token has expired or signature is invalid"'
            return [("WWW-Authenticate", f'Bearer realm="{self.settings["realm"]}", {error}')]
        kept = ("Retry-After", "Location")
        return [pair for pair in self.problem_headers(problem, base_url) if pair[0] in kept]

    def content_type(self, accept: str, format_param: str) -> str | Problem:
        """JSON, or 406."""
        name = negotiate(accept, format_param, "json", offered=("json",), version=self.fhir_version)
        if name is None:
            asked = asked_for(accept, format_param)
            return Problem(406, "not-acceptable", f"{asked} is not offered", value=asked)
        return name if "/" in name else "application/fhir+json"

    # writes

    def created(self, record: Stored, base_url: str) -> Reply:
        """201, empty, as `text/html`."""
        location = f"{base_url}/{record.resource_type}/{record.id}"
        headers = [("Location", location), *self._versioned(record)]
        return Reply(201, headers, b"", None, "text/html")

    def updated(self, record: Stored, base_url: str) -> Reply:
        """200, empty, as `text/html`."""
        return Reply(200, self._versioned(record), b"", None, "text/html")

    def _versioned(self, record: Stored) -> list[tuple[str, str]]:
        return self.record_headers(record.resource_type, record.version, record.updated)

    def record_headers(self, resource_type: str, version: int, updated: float) -> list[tuple[str, str]]:
        """`Etag` with the version as its type has it."""
        called = self.tag(resource_type, version) if self.tag is not None else self.version_text(version)
        return [("Etag", f'W/"{called}"'), ("Last-Modified", http_date(updated))]

    # tokens and discovery

    def token_document(self, document: JSON, grant: Any) -> JSON:
        """The tenant always, a real boolean for the banner, no `state`; the user's id and name."""
        return access.token_document(document, grant, self.settings["token"], self.tenant(self.facts))

    def authorize_refusal(self, redirect: Any, page: Callable[[str], Reply], base_url: str) -> Reply | None:
        """To the app with `error_uri`, or to that address."""
        refused = redirect.refused
        suffixes = self.settings["authorize"]["reasons"]
        suffix = str(suffixes.get(refused.reason, suffixes["other"]))
        instance = self._uuid("refusal", refused.reason, redirect.client_id)
        return access.refusal(redirect, self._error_uri(suffix, instance, redirect.client_id, base_url))

    def error_text(self, path: str) -> str:
        """What went wrong, by its URN."""
        return access.error_text(path)

    def _error_uri(self, suffix: str, instance: str, client: str, base_url: str) -> str:
        facts = self.facts
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        path = self.oauth_path("errors", facts)
        return access.error_uri(root, path, suffix, instance, client=client, tenant=self.tenant(facts))

    def token_refusal(
        self, status: int, document: JSON, reason: str = "", *, client: str = "", base_url: str = ""
    ) -> Reply:
        """400 with `error` and `error_uri`, no description; the URI names reason, instance, client and tenant."""
        reasons = self.settings["token"]["reasons"]
        instance = self._uuid("token-refusal", reason, str(document.get("error_description", "")))
        suffix = f"token:{reasons.get(reason, reasons['other'])}"
        headers = [*access.REFUSED, ("Cerner-Correlation-ID", instance)]
        uri = self._error_uri(suffix, instance, client, base_url)
        body: JSON = {"error": document.get("error", "invalid_request"), "error_uri": uri}
        return Reply(400, headers, document=body, content_type="application/json")

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """No software, the day in place of a moment, `batch` among what the server can do."""
        made = super().capability(document, facts, base_url)
        made["date"] = str(made.get("date", ""))[:10]
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        batch = {"code": "batch", "documentation": "Implemented per the specification"}
        rests = []
        for rest in made.get("rest", ()):
            told = {
                "mode": rest["mode"],
                "documentation": made.get("description", ""),
                "security": self._security(rest.get("security", {}), root),
                "resource": [self._type(one) for one in rest.get("resource", ())],
                "interaction": [batch],
            }
            rests.append({name: value for name, value in told.items() if value})
        made["rest"] = rests
        return made

    def _security(self, security: JSON, root: str) -> JSON:
        """Five addresses; a site that wants no token tells none."""
        if self.settings["capability"]["open"]:
            return {"cors": True}
        names = {"root": root, "tenant": self.tenant(self.facts)}
        known = filled(self.settings["smart_configuration"]["values"], names)
        extensions = []
        for told in security.get("extension", ()):
            token = next((one["valueUri"] for one in told.get("extension", ()) if one["url"] == "token"), "")
            where = {
                "authorize": known["authorization_endpoint"],
                "token": token,
                "revoke": known["revocation_endpoint"],
                "manage": known["management_endpoint"],
                "introspect": known["introspection_endpoint"],
            }
            parts = [{"valueUri": address, "url": name} for name, address in where.items() if address]
            extensions.append({"extension": parts, "url": told["url"]})
        return {"extension": extensions, "cors": True} if extensions else {"cors": True}

    def _type(self, told: JSON) -> JSON:
        """What is said of a type: profiles, interactions, the one include, and parameters if they are listed."""
        own = self.settings["capability"]
        said = ("type", "supportedProfile", "interaction", "operation")
        kept: JSON = {name: told[name] for name in said if name in told}
        for one in kept.get("operation", ()):
            one.update(own["operations"].get(one["name"], {}))
        if not any(one["code"] == "search-type" for one in told.get("interaction", ())):
            return kept
        if told["type"] in own["included"]:
            kept["searchInclude"] = list(own["included"][told["type"]])
        if told["type"] in own["revincluded"]:
            kept["searchRevInclude"] = ["Provenance:target"]
        standard = {one["name"]: one for one in told.get("searchParam", ())}
        names = own["parameters"].get(told["type"])
        if names is None:
            return {**kept, "searchParam": list(standard.values())}
        kinds = own["own_parameters"]
        found = [standard.get(name) or {"name": name, "type": kinds.get(name, "token")} for name in names]
        return {**kept, "searchParam": found}

    def smart_configuration(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With the scopes of every type in both dialects, for patients, users and systems."""
        return super().smart_configuration({**document, "scopes_supported": self._scopes()}, facts, base_url)

    def _scopes(self) -> list[str]:
        told = self.settings["interactions"]
        found = list(self.settings["smart_configuration"]["scopes"])
        for kind in sorted(self.settings["capability"]["parameters"]):
            offered = frozenset(told["types"].get(kind, told["default"]))
            letters = "".join(
                letter
                for letter, name in (("c", "create"), ("r", "read"), ("u", "update"), ("s", "search"))
                if name in offered
            )
            for persona in ("patient", "user", "system"):
                found += [f"{persona}/{kind}.read", f"{persona}/{kind}.{letters}"] if letters else []
                found += [f"{persona}/{kind}.write"] if {"create", "update"} & offered else []
        return found

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """The constant ones, and two request ids and two times once the exchange has its number."""
        found = super().headers(exchange)
        if exchange.number:
            octets = self.facts.key("request", exchange.number)
            drawn = octets.hex().upper()
            found.append((_REQUEST_IDS, str(UUID(bytes=octets[:16], version=4))))
            found.append(("opc-request-id", f"/{drawn[-32:]}/{drawn[16:48]}"))
            millis = 20 + int.from_bytes(octets[-2:], "big") % 900
            found.append(("Server-Response-Time", str(millis)))
            found.append(("X-Runtime", f"0.{millis:03}"))
        return found
