"""Epic's way of speaking: ids, Bundles with remarks, errors, tokens, discovery. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.personalities.dates import http_date
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.epic import access
from mockehr.personalities.epic.acts import derive_report
from mockehr.personalities.epic.binaries import is_note, shape_binary
from mockehr.personalities.epic.codes import NOT_FOUND_PAGE, TOLD, WORDS, issue, older, unknown_parameter
from mockehr.personalities.epic.ids import EpicIds
from mockehr.personalities.epic.instance import placed
from mockehr.personalities.epic.look import Look, oid_root
from mockehr.personalities.epic.orders import derive_medication, derive_order
from mockehr.personalities.epic.papers import derive_papers
from mockehr.personalities.epic.patient import dstu2_id
from mockehr.personalities.epic.rules import NOT_AUTHORISED, EpicRules, SubTypes
from mockehr.personalities.epic.shape import flavour_of, shape
from mockehr.personalities.epic.statement import rest_of, with_register
from mockehr.personalities.epic.writes import received
from mockehr.personalities.ids import IdCodec, clean_id
from mockehr.personalities.inline import inline_binary
from mockehr.personalities.links import sorted_query
from mockehr.personalities.model import Personality, Shelf, Stored
from mockehr.personalities.negotiation import negotiate

_MIXED_UP: Final = (
    "Patient",
    "Encounter",
    "Observation",
    "Condition",
    "Practitioner",
    "DocumentReference",
    "Organization",
)
"""Types whose ids are most likely to be taken for another's."""
_BEARER = 'Bearer error="{}", error_description="{}"'


class Vendor(Personality):
    """Epic."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        super().__init__(name, placed(settings, facts), facts)
        self._sub_types = SubTypes(self.settings["bundle"])
        self.rules = EpicRules(self.settings["search"], self._sub_types)

    def ids(self, facts: SiteFacts) -> IdCodec:
        """`e…3` and `f…4`."""
        return EpicIds(facts.key, self.settings["ids"]["lengths"], self.settings["ids"]["families"])

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
        if kind == "Procedure":
            return (*derive_order(clean, look), *derive_report(clean, look))
        if kind not in ("DiagnosticReport", "DocumentReference"):
            return derive_papers(clean, look)
        orders = derive_order(clean, look) if kind == "DiagnosticReport" else ()
        binary = inline_binary(clean)
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
        return frozenset(("Binary", "DiagnosticReport", "DocumentReference", "Medication", "ServiceRequest"))

    def identifier_kind(self, text: str, facts: SiteFacts) -> str:
        """Epic searches by type text (`EPI|203711`, `MRN|…`) or by OID."""
        mrn = f"urn:oid:{oid_root(self.settings['identity'], facts)}.5.737384.14"
        own = str(self.settings["shape"]["tables"]["record_number_type"]).upper()
        return "MR" if text.upper() in ("EPI", "MRN", own) or text == mrn else ""

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """The web server tells no capital from a small letter."""
        own = self.fhir_path(facts).rstrip("/")
        if path.startswith(own) or not self.settings["identity"]["any_case"]:
            return path
        alike = path[: len(own)].lower() == own.lower() and path[len(own) : len(own) + 1] in ("", "/")
        return own + path[len(own) :] if alike else path

    def objection(self, exchange: Exchange) -> Problem | None:
        """An `_id` of another type; the record of somebody who is behind glass, where the site has such."""
        asked = exchange.interaction
        if asked is not None and asked.name == "search" and "_id=" in exchange.query:
            problem = self._strange_id(asked.resource_type, exchange.query)
            if problem is not None:
                return problem
        share = self.settings["errors"]["glass_share"]
        if not share or asked is None:
            return None
        told = parse_qsl(exchange.query) if asked.name == "search" else ()
        named = [value.rpartition("/")[2] for name, value in told if name in ("patient", "subject", "_id")]
        for patient in [*named, *([asked.id] if asked.resource_type == "Patient" and asked.id else [])]:
            if Stream(self.facts.key("epic", "glass", patient)).chance(share):
                return Problem(403, "compartment", WORDS["4131"], resource_type=asked.resource_type, value="4131")
        return None

    def _strange_id(self, kind: str, query: str) -> Problem | None:
        ids = self.ids(self.facts)
        for name, value in parse_qsl(query):
            for id in value.split(",") if name == "_id" else ():
                if ids.decode(kind, id) is None and any(ids.decode(other, id) is not None for other in _MIXED_UP):
                    return Problem(400, "bad-request", "Invalid FHIR ID provided", "_id", kind, "59102")
        return None

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
        return self._outcome(issues) if issues else None

    def _outcome(self, issues: list[JSON]) -> JSON:
        document: JSON = {"resourceType": "OperationOutcome", "issue": issues}
        if self.settings["errors"]["form"] == "older":
            codes = "".join(one["details"]["coding"][0]["code"] for one in issues)
            return older(document, self.facts.key("epic", "outcome", codes).hex()[:32])
        return document

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
        if self._is_photo(problem):
            problem = replace(problem, status=403)
        reply = Reply(
            400 if problem.kind == "page-expired" else problem.status,
            [pair for pair in self.problem_headers(problem, base_url) if pair[0] != "WWW-Authenticate"],
        )
        reply.document = self._outcome(self._issues(problem))
        reply.content_type = self.error_type(accept)
        return reply

    def _is_photo(self, problem: Problem) -> bool:
        """Whether a Binary is asked for that is the photo of somebody of the staff, which no app may see."""
        if problem.kind != "not-found" or problem.resource_type != "Binary":
            return False
        place = self.ids(self.facts).decode("Binary", problem.value)
        return place is not None and place[0] is None

    def _issues(self, problem: Problem) -> list[JSON]:
        if self._is_photo(problem):
            text = "Client not authorized for Binary - Provider Photo."
            return [issue(self._system, "59203", "forbidden", "fatal", text)]
        if problem.text == NOT_AUTHORISED:
            unseen = self._suppressed(problem.resource_type, [("category", problem.value)])
            return [*unseen, issue(self._system, "59022", "invalid", "fatal")]
        ignored = problem.value.split(",") if problem.kind == "parameter-missing" else ()
        found = [unknown_parameter(self._system, name) for name in ignored if name]
        if problem.kind == "bad-request" and problem.parameter == "_id":
            found.append(issue(self._system, "59008", "not-found", "information", problem.text, "_id"))
        rule = self.rules.requirement(problem)
        if rule is not None:
            return [*found, issue(self._system, rule.code, rule.issue, "fatal", problem.text, rule.at)]
        code, kind = self.settings["errors"]["kinds"][problem.kind]
        if problem.value in TOLD:
            code, kind = problem.value, TOLD[problem.value]
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

    def received(self, document: JSON, stored: JSON | None, shelf: Shelf) -> JSON | Problem:
        """As Epic files it."""
        look = self.look(Dresser(self.ids(self.facts), self.facts))
        return received(document, shelf, look, new=stored is None)

    def kept_meta(self, given: JSON | None) -> JSON:
        """None, but for the labels of patients that apps registered."""
        return {"security": given["security"]} if given and "security" in given else {}

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
        if self.settings["authorize"]["scope_form"] == "v1":
            made["scope"] = access.before_v2(
                str(made.get("scope", "")), str(self.settings["authorize"]["scope_case"])
            )
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
            second = int.from_bytes(facts.key("epic", "statement", str(made["date"]))[:4], "big") % 86400
            made["date"] = f"{made['date']}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        authorize = root + self.authorize_path(facts)
        made["rest"] = [rest_of(rest, self.settings["capability"], authorize) for rest in made.get("rest", ())]
        return made

    def capability_of_client(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """With the address where dynamic clients register, which nobody else is told."""
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        return with_register(document, root + self.oauth_path("register", facts))

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
