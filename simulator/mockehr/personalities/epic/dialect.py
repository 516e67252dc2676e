"""Epic's way of speaking: ids, Bundles with remarks, errors, tokens, discovery. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.personalities.dates import http_date
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.epic import access
from mockehr.personalities.epic.codes import NOT_FOUND_PAGE, WORDS, issue, unknown_parameter
from mockehr.personalities.epic.look import Look, oid_root
from mockehr.personalities.epic.orders import derive_medication, derive_order
from mockehr.personalities.epic.patient import dstu2_id
from mockehr.personalities.epic.results import is_note, shape_binary
from mockehr.personalities.epic.rules import NOT_AUTHORISED, EpicRules, SubTypes
from mockehr.personalities.epic.shape import flavour_of, shape
from mockehr.personalities.ids import IdCodec, OpaqueIds, clean_id
from mockehr.personalities.inline import inline_binary
from mockehr.personalities.links import sorted_query
from mockehr.personalities.model import Personality, Stored
from mockehr.personalities.negotiation import negotiate

_BEARER = 'Bearer error="{}", error_description="{}"'


class Vendor(Personality):
    """Epic."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, settings, facts)
        self._sub_types = SubTypes(settings["bundle"])
        self.rules = EpicRules(settings["search"], self._sub_types)

    def ids(self, facts: SiteFacts) -> IdCodec:
        """`e…3` and `f…4`."""
        return OpaqueIds(facts.key, self.settings["ids"]["lengths"])

    def flavour(self, resource: JSON) -> str:
        """Encounter diagnoses have ids of the longer family."""
        return flavour_of(resource)

    def look(self, dresser: Dresser) -> Look:
        """The surroundings in Epic's terms."""
        found = dresser.look
        if not isinstance(found, Look):
            root = oid_root(self.settings["identity"], dresser.facts)
            found = dresser.look = Look(dresser, root, self.settings["shape"]["tables"])
        return found

    def reference(self, reference: JSON, clean: str, within: str, dresser: Dresser) -> JSON:
        """With display, CSN and type."""
        return self.look(dresser).refer(reference, clean, within)

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """By resource type."""
        if clean["resourceType"] == "Binary":
            return shape_binary(made, clean, flavour)
        return shape(made, clean, self.look(dresser))

    def beside(self, clean: JSON, dresser: Dresser) -> Sequence[JSON]:
        """The Medication of an order that tells its drug by code, the order behind a report, a note in RTF."""
        dresser.flavour = self.flavour
        kind, look = clean["resourceType"], self.look(dresser)
        if kind == "Binary":
            return (self.dress(clean, dresser, "rtf"),) if is_note(clean) else ()
        if kind == "MedicationRequest":
            return derive_medication(clean, look)
        orders = derive_order(clean, look) if kind == "DiagnosticReport" else ()
        binary = inline_binary(clean) if kind in ("DiagnosticReport", "DocumentReference") else None
        if binary is None:
            return orders
        return (*orders, self.dress(binary, dresser), *self.beside(binary, dresser))

    @property
    def oid_root(self) -> str:
        """`1.2.840.114350.1.13.{customer}.{environment}.7`."""
        return oid_root(self.settings["identity"], self.facts)

    @property
    def beside_types(self) -> frozenset[str]:
        """See `beside`."""
        return frozenset(("Binary", "Medication", "ServiceRequest"))

    def identifier_kind(self, text: str, facts: SiteFacts) -> str:
        """Epic searches by type text (`EPI|203711`, `MRN|…`) or by OID."""
        mrn = f"urn:oid:{oid_root(self.settings['identity'], facts)}.5.737384.14"
        return "MR" if text.upper() in ("EPI", "MRN") or text == mrn else ""

    # searching

    def page_token(self, name: str, number: int) -> str:
        """`12-` and 32 hexadecimal digits, another one for every page."""
        octets = self.facts.key("page", name, number)
        return f"{12 + octets[0] % 6}-{octets[1:17].hex().upper()}"

    def self_url(self, page: SearchPage, base_url: str) -> str:
        """The parameters in alphabetical order, `_count` last."""
        query = f"?{sorted_query(page.query)}" if page.query else ""
        return page.self_url or f"{base_url}/{page.resource_type}{query}"

    def remarks(self, page: SearchPage) -> JSON | None:
        """Unknown parameters, suppressed sub-types, no results, and what a patient's app is always told."""
        system, kind = self._system, page.resource_type
        issues: list[JSON] = []
        for note in page.notes:
            if note.kind == "parameter-unknown" and self.rules.notes_unknown(kind):
                issues.append(unknown_parameter(system, note.parameter))
        issues += self._suppressed(kind, parse_qsl(page.query))
        if not page.matches and not page.offset:
            issues.append(issue(system, "4101", "processing", "warning"))
        if page.patient_facing:
            issues.append(issue(system, "4119", "processing", "warning"))
        return {"resourceType": "OperationOutcome", "issue": issues} if issues else None

    def _suppressed(self, kind: str, parameters: Sequence[tuple[str, str]]) -> list[JSON]:
        """59204 and 59205: what the search covers and its client or user may not see."""
        issues = []
        for whose, part in self._sub_types.suppressed(kind, parameters):
            text = f"{whose} not authorized for {kind} - {part}. Search results of this type have not been included."
            code = "59204" if whose == "Client" else "59205"
            issues.append(issue(self._system, code, "suppressed", "warning", text))
        return issues

    @cached_property
    def _system(self) -> str:
        return f"urn:oid:{oid_root(self.settings['identity'], self.facts)}.2.657369"

    # refusals

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """Empty bodies, an HTML page, or an OperationOutcome with Epic's codes."""
        if problem.kind in ("no-token", "token-invalid"):
            text = "The access token provided is not valid"
            headers = [("WWW-Authenticate", _BEARER.format("invalid_token", text))]
            return Reply(401, headers, b'""', None, "application/json; charset=utf-8")
        if problem.kind == "scope-missing":
            text = "The access token provided is valid, but is not authorized for this service"
            return Reply(403, [("WWW-Authenticate", _BEARER.format("insufficient_scope", text))])
        unknown = problem.kind in ("interaction-unknown", "operation-unknown") and problem.status == 404
        if unknown or problem.kind == "type-unknown":
            return Reply(404, [], NOT_FOUND_PAGE, None, "text/html")
        reply = Reply(
            400 if problem.kind == "page-expired" else problem.status,
            [pair for pair in self.problem_headers(problem, base_url) if pair[0] != "WWW-Authenticate"],
        )
        reply.document = {"resourceType": "OperationOutcome", "issue": self._issues(problem)}
        reply.content_type = self.error_type(accept)
        return reply

    def _issues(self, problem: Problem) -> list[JSON]:
        if problem.text == NOT_AUTHORISED:
            unseen = self._suppressed(problem.resource_type, [("category", problem.value)])
            return [*unseen, issue(self._system, "59022", "invalid", "fatal")]
        ignored = problem.value.split(",") if problem.kind == "parameter-missing" else ()
        found = [unknown_parameter(self._system, name) for name in ignored if name]
        rule = self.rules.requirement(problem)
        if rule is not None:
            return [*found, issue(self._system, rule.code, rule.issue, "fatal", problem.text, rule.at)]
        code, kind = self.settings["errors"]["kinds"][problem.kind]
        diagnostics, at = problem.text, problem.expression[0] if problem.expression else problem.parameter
        if problem.kind == "not-found":
            diagnostics, at = "Invalid FHIR ID provided", "id"
        if problem.kind == "compartment":
            diagnostics, at = WORDS[code], ""
        if problem.kind == "parameter-invalid":
            hint = f"Invalid {problem.parameter}: {problem.value}"
            found.append(issue(self._system, "59109", "value", "information", hint, problem.parameter))
            diagnostics = "Required search parameter is provided but has an invalid value"
        return [*found, issue(self._system, code, kind, "fatal", diagnostics, at)]

    def content_type(self, accept: str, format_param: str) -> str | Problem:
        """What was asked for if it is a known name, XML for everything else: nothing is refused."""
        name = negotiate(accept, format_param, self.default_format, version=self.fhir_version)
        name = name or f"application/{self.default_format}"
        return f"{name if '/' in name else f'application/fhir+{name}'}{self._charset}"

    # writes

    def created(self, record: Stored, base_url: str) -> Reply:
        """201 without a body; where the new record is, `Location` tells."""
        return Reply(201, [("Location", f"{base_url}/{record.resource_type}/{record.id}")])

    def updated(self, record: Stored, base_url: str) -> Reply:
        """200 without a body."""
        return Reply(200, [])

    def record_headers(self, resource_type: str, version: int, updated: float) -> list[tuple[str, str]]:
        """`E-Tag` (sic), unquoted, on Patient only."""
        if resource_type != "Patient":
            return []
        number = int.from_bytes(self.facts.key("etag", version, http_date(updated))[:4], "big")
        return [("E-Tag", str(100_000_000 + number % 900_000_000))]

    # tokens and discovery

    def token_document(self, document: JSON, grant: Any) -> JSON:
        """A string for `need_patient_banner`, the DSTU2 id beside `patient`."""
        made = {**document, "token_type": str(self.settings["token"]["type"])}
        if grant is not None and grant.grant_type == "client_credentials":
            made["scope"] = access.scope_text(str(made.get("scope", "")), str(self.settings["authorize"]["scopes"]))
        if "need_patient_banner" in made:
            made["need_patient_banner"] = str(made["need_patient_banner"]).lower()
        patient = made.get("patient")
        if isinstance(patient, str):
            made["__epic.dstu2.patient"] = self._dstu2(patient)
        return made

    def _dstu2(self, patient: str) -> str:
        ids = self.ids(self.facts)
        place = ids.decode("Patient", patient)
        clean: JSON = {"resourceType": "Patient", "id": clean_id("Patient", *place) if place else patient}
        return dstu2_id(clean, self.look(Dresser(ids, self.facts)))

    def introspection(self, document: JSON) -> JSON:
        """Epic's members in its order."""
        return access.introspection(document)

    def authorize_refusal(self, redirect: Any, page: Callable[[str], Reply], base_url: str) -> Reply | None:
        """A page that says little; the app is told of what the user decided."""
        return access.refusal(self.settings["authorize"], redirect, page)

    def token_refusal(
        self, status: int, document: JSON, reason: str = "", *, client: str = "", base_url: str = ""
    ) -> Reply:
        """400 with the error code and a null for its description."""
        headers = [("Cache-Control", "no-cache, no-store"), ("Pragma", "no-cache")]
        code = self.settings["authorize"]["errors"].get(reason, document.get("error", "invalid_request"))
        body: JSON = {"error": code, "error_description": None}
        return Reply(400, headers, document=body, content_type="application/json; charset=utf-8")

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """Epic's release, its flags on every type, Basic beside OAuth."""
        release = self.settings["release"]
        software = {"name": "Epic", "version": release["version"], "releaseDate": release["date"]}
        made = super().capability({**document, "software": software}, facts, base_url)
        if "T" not in str(made.get("date", "T")):
            made["date"] = f"{made['date']}T00:00:00Z"
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        made["rest"] = [self._rest(rest, root + self.authorize_path(facts)) for rest in made.get("rest", ())]
        return made

    def _rest(self, rest: JSON, authorize: str) -> JSON:
        system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
        security = {**_with_authorize(rest.get("security", {}), authorize), "cors": True}
        security["service"] = [
            {"coding": [{"system": system, "code": name, "display": name}], "text": name}
            for name in ("OAuth", "SMART-on-FHIR", "Basic")
        ]
        security.pop("description", None)
        flags = self.settings["capability"]["resource"]
        resources = []
        for told in rest.get("resource", ()):
            kept = {name: told[name] for name in ("type", "supportedProfile", "interaction") if name in told}
            searched = any(one["code"] == "search-type" for one in told.get("interaction", ()))
            named = {**flags, "searchParam": self._parameters(told)} if searched else _unsearched(flags)
            resources.append({**kept, **named, **_operations(told)})
        return {"mode": "server", "security": security, "resource": resources}

    def _parameters(self, told: JSON) -> list[JSON]:
        """The standard's parameters without those that look at `meta`, and Epic's own in its spelling."""
        own = self.settings["capability"]["parameters"]
        left_out = frozenset(own["left_out"])
        found = [
            {name: one[name] for name in ("name", "type", "documentation") if name in one}
            for one in told.get("searchParam", ())
            if one["name"] not in left_out
        ]
        more = {**own["every"], **own["types"].get(told["type"], {})}
        return [*found, *({"name": name, "type": kind} for name, kind in more.items())]

    # every reply

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """The constant ones, and the cookies of the load balancer to whoever does not bring them."""
        found = super().headers(exchange)
        names = self.settings["cookies"]
        if not names or not exchange.number:
            return found
        brought = exchange.headers.get("cookie", "")
        drawn = self.facts.key("cookie", exchange.number).hex()
        for place, name in enumerate(names):
            if f"{name}=" not in brought:
                found.append(("Set-Cookie", f"{name}={drawn[place : place + 24]}; path=/; secure; HttpOnly"))
        return found


def _operations(told: JSON) -> JSON:
    """The operations of a type, of which `$export` is told by the name of its definition."""
    found = []
    for one in told.get("operation", ()):
        url = str(one["definition"])
        found.append({"name": url.rpartition("/")[2] if one["name"] == "export" else one["name"], "definition": url})
    return {"operation": found} if found else {}


def _with_authorize(security: JSON, authorize: str) -> JSON:
    """A `rest.security` that says where to authorize and where to get tokens, each value before its URL."""
    made = dict(security)
    extensions = []
    for told in security.get("extension", ()):
        parts = [{"valueUri": authorize, "url": "authorize"}]
        parts += [
            {"valueUri": one["valueUri"], "url": one["url"]}
            for one in told.get("extension", ())
            if one["url"] == "token"
        ]
        extensions.append({"extension": parts, "url": told["url"]})
    return {**made, "extension": extensions} if extensions else made


def _unsearched(flags: Mapping[str, Any]) -> JSON:
    return {name: value for name, value in flags.items() if not name.startswith("search")}
