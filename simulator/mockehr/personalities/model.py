"""A personality: how one vendor's product normally behaves.

Clean resources and neutral answers go in, the vendor's come out.

The class here is the plain FHIR server that the standards describe (`generic`), driven by `personality.yaml`. A
vendor's `shape.py` and `dialect.py` override what its data cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, ClassVar, Final
from uuid import UUID

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError, nearest_names
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem, quotable
from mockehr.fhir.elements import VERSIONS
from mockehr.fhir.media import Form, form_of
from mockehr.personalities import envelope
from mockehr.personalities.cors import Cors
from mockehr.personalities.dates import Style, as_moment, http_date, zoned
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.filling import filled, filled_text
from mockehr.personalities.ids import CleanIds, IdCodec
from mockehr.personalities.links import ADDRESSES, next_link
from mockehr.personalities.negotiation import FORMS, asked_for, negotiate
from mockehr.personalities.order import ELEMENTS, HEAD, ORDERS
from mockehr.personalities.outcome import generic_outcome
from mockehr.personalities.proprietary import Api
from mockehr.personalities.records import Shelf, Stored
from mockehr.personalities.rewrite import Rewrite, ordered
from mockehr.personalities.rules import SearchRules, one_of

__all__ = ["Dresser", "IdCodec", "Personality", "SearchRules", "Shelf", "SiteFacts", "Stored"]

_NOWHERE: Final = SiteFacts("nowhere", Chance("nowhere").key)
UUIDS_KEPT: Final = 1024
"""Names of which it is known what UUID they have: of Bundles that are asked for again."""


class Personality:
    """One vendor's behaviour, with the settings of one site merged in (`settings`).

    `facts` are those of the site; a personality without them stands for an imaginary site. Paths start with a slash
    and are relative to the site's root. Nothing here changes its arguments.
    """

    ehr: ClassVar[bool] = True
    """Whether its sites are a hospital's own systems, with FHIR."""

    def __init__(self, name: str, settings: Mapping[str, Any], facts: SiteFacts | None = None) -> None:
        self.name = name
        self.title = str(settings["title"])
        self.settings = settings
        self.facts = facts if facts is not None else _NOWHERE
        self.default_format: Form = "xml" if settings["media"]["default_format"] == "xml" else "json"
        """`xml` or `json`: what this vendor answers to a client that does not say."""
        self.fhir_version = _fhir_version(settings["fhir_version"])
        """4.0.1 (R4) or 4.3.0 (R4B)."""
        self.rules = SearchRules(settings["search"])
        self._address = ADDRESSES[one_of("bundle.address", settings["bundle"]["address"], tuple(ADDRESSES))]
        self._order = ORDERS[one_of("shape.order", settings["shape"]["order"], tuple(ORDERS))]
        self._cors = Cors(settings["cors"], settings["headers"])
        self._uuids: dict[tuple[str | int, ...], str] = {}

    # where things are

    def tenant(self, facts: SiteFacts) -> str:
        """The tenant's name in paths and code systems; a GUID derived from the site's key unless it is told."""
        return self._own_tenant if facts is self.facts else _tenant_of(facts)

    @cached_property
    def _own_tenant(self) -> str:
        return _tenant_of(self.facts)

    def _path(self, name: str, facts: SiteFacts) -> str:
        path = str(self.settings["paths"][name])
        return path.replace("{tenant}", self.tenant(facts)) if "{tenant}" in path else path

    def fhir_path(self, facts: SiteFacts) -> str:
        """The FHIR base."""
        return facts.base_url_path or self._path("fhir", facts)

    def token_path(self, facts: SiteFacts) -> str:
        """The token endpoint."""
        return self._path("token", facts)

    def authorize_path(self, facts: SiteFacts) -> str:
        """The authorization endpoint."""
        return self._path("authorize", facts)

    def jwks_path(self, facts: SiteFacts) -> str:
        """The server's own key set."""
        return self._path("jwks", facts)

    def oauth_path(self, name: str, facts: SiteFacts) -> str:
        """Another endpoint of the authorization server (`introspect`, `revoke`, `register`, `userinfo`, `manage`,
        `style`); empty where the vendor has none."""
        return self._path(name, facts)

    def issuer(self, root: str, facts: SiteFacts) -> str:
        """`iss` of id_tokens, for a client that addressed the site's root like that."""
        told = str(self.settings["token"]["issuer"])
        return filled_text(told, {"root": root, "base": root + self.fhir_path(facts), "tenant": self.tenant(facts)})

    def websocket_path(self, facts: SiteFacts) -> str:
        """Where clients open websockets to be told of Subscriptions; empty where the vendor has none."""
        return self._path("websocket", facts)

    def renamed(self, path: str, facts: SiteFacts) -> str:
        """The path below the site's root that one stands for: where a vendor answers at several spellings of it."""
        return path

    def withdrawn(self, facts: SiteFacts) -> dict[str, int]:
        """Bases of versions of FHIR that are gone (without a last slash) → the status below them, 404 or 410.

        One whose status is null in the settings is left out. Raises ConfigError for another status.
        """
        found = {}
        for path, status in self.settings["withdrawn"].items():
            if status is None:
                continue
            if status not in (404, 410):
                raise ConfigError(
                    f"The setting withdrawn.{path} is {status!r}.", remedy="What is gone is answered with 404 or 410."
                )
            found[str(path).replace("{tenant}", self.tenant(facts)).rstrip("/")] = int(status)
        return found

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """What this vendor has beside FHIR."""
        return ()

    # resources

    def offers(self, resource_type: str) -> frozenset[str]:
        """The interactions that this vendor offers for a type (empty: for the server as a whole).

        They have the names of `mockehr.fhir.routes`.
        """
        told = self.settings["interactions"]
        if not resource_type:
            return frozenset(told["system"])
        if told["resources"] != "all" and resource_type not in told["resources"]:
            return frozenset()
        return frozenset(told["types"].get(resource_type, told["default"]))

    def operates(self, name: str) -> bool:
        """Whether this vendor offers the operation of that name (without `$`)."""
        told = self.settings["interactions"]["operations"]
        return told == "all" or name in told

    def ids(self, facts: SiteFacts) -> IdCodec:
        """The codec between clean ids and this vendor's."""
        return CleanIds()

    def flavour(self, resource: JSON) -> str:
        """What else an id of this clean resource shows (see IdCodec); empty for nothing."""
        return ""

    def style(self, resource_type: str) -> Style:
        """How moments are written in a resource type."""
        styles = self.settings["shape"]["moments"]
        found: Style = styles.get(resource_type, styles["default"])
        return found

    def dress(self, resource: JSON, dresser: Dresser, flavour: str | None = None) -> JSON:
        """The vendor's form of a clean resource, a new dict. `flavour` asks for another form of it (a Binary's)."""
        dresser.flavour = self.flavour
        kind = resource["resourceType"]
        value_first = bool(self.settings["shape"]["value_before_url"])

        def refer(reference: JSON, clean: str) -> JSON:
            return self.reference(reference, clean, kind, dresser)

        made: JSON = Rewrite(dresser, self.style(kind), value_first, refer).copy(resource)
        made["id"] = dresser.id_of(resource, flavour)
        made = self.shape(made, resource, dresser, flavour)
        made = ordered(made, ELEMENTS[kind]) if kind in ELEMENTS else made
        return self._order(made, self.facts.key) if self._order is not None else made

    def reference(self, reference: JSON, clean: str, within: str, dresser: Dresser) -> JSON:
        """The vendor's form of a Reference in a resource of type `within`; `clean` is what it referred to."""
        return reference

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """Add, drop and rename elements of the copy `made` of `clean`; may change and return `made`."""
        recorded = dresser.recorded(clean)
        meta = {"versionId": dresser.version or self.version_text(1)}
        if recorded:
            meta["lastUpdated"] = as_moment(recorded, "seconds")
        made["meta"] = {**meta, **made.get("meta", {})}
        return ordered(made, HEAD)

    def version_text(self, version: int) -> str:
        """What a version of a record is called; the first one is 1 here, and something else with some vendors."""
        return str(version - 1 + int(self.settings["write"]["first_version"]))

    @property
    def tag(self) -> Callable[[str, int], str] | None:
        """(resource type, version) → what that version is called, where it is not called alike for all types."""
        return None

    def beside(self, clean: JSON, dresser: Dresser) -> Sequence[JSON]:
        """Dressed resources that this vendor has beside a clean one: the Medication of an order, a note in RTF.

        They lie in the same chart; their ids decode to the place of `clean`. Their types are `beside_types`.
        """
        return ()

    @property
    def beside_types(self) -> frozenset[str]:
        """The resource types that `beside` may give, so that a part of a chart can be dressed alone."""
        return frozenset()

    @property
    def oid_root(self) -> str:
        """The arc below which this site's own OIDs lie; empty where the vendor gives its customers none."""
        return ""

    def identifier_kind(self, text: str, facts: SiteFacts) -> str:
        """The v2-0203 code for a vendor's identifier system or type text as clients search by; empty if unknown."""
        return "MR" if text.upper() in ("MR", "MRN") or text == self.settings["identifiers"]["record_number"] else ""

    def record_number(self, value: str) -> str:
        """The population's record number behind one that is shown or searched for; empty for what is none."""
        return value

    def identified(self, system: str, value: str, facts: SiteFacts) -> str:
        """The id of the patient whom an identifier names by itself; empty where identifiers are not made of ids.

        `system` is empty where a client searched by the value alone.
        """
        return ""

    def issues(self, system: str) -> bool:
        """Whether records of this site's own can carry an identifier of that system.

        A text that is no URI (`MRN`) may be the name of a type and counts. What this denies is looked for only among
        the records that clients wrote.
        """
        return ":" not in system or any(fnmatchcase(system, p) for p in self.settings["identifiers"]["systems"])

    # searching

    @property
    def page_parameter(self) -> str:
        """Name of the query parameter that carries the paging token."""
        return self.rules.page_parameter

    def page_token(self, name: str, number: int) -> str:
        """The token of the `number`-th paging session named `name`; not to be guessed, the same in every run."""
        return self.facts.key("page", name, number).hex()[:32]

    def self_url(self, page: SearchPage, base_url: str) -> str:
        """The `self` link."""
        query = f"?{page.query}" if page.query else ""
        return page.self_url or f"{self.address(base_url)}/{page.resource_type}{query}"

    def next_url(self, page: SearchPage, base_url: str) -> str:
        """The `next` link; empty on the last page."""
        if page.next_url or not page.next_token:
            return page.next_url
        whole = bool(self.settings["search"]["next"] == "search")
        # a link to another host would take a client's token there: only what is not followed names one
        where = base_url if self.settings["bundle"]["address"] == "other" else self.address(base_url)
        return next_link(page, where, self.page_parameter, whole=whole)

    def address(self, base_url: str) -> str:
        """The base URL as links and fullUrls have it, from the one that the client used."""
        return self._address(base_url)

    def remarks(self, page: SearchPage) -> JSON | None:
        """The OperationOutcome that goes into the Bundle, or None."""
        notes = [note for note in page.notes if self.rules.notes_unknown(page.resource_type)]
        return generic_outcome(notes, severity="warning") if notes else None

    def searchset_bytes(self, page: SearchPage, base_url: str) -> bytes:
        """The Bundle of a page, as JSON bytes; resources that are bytes are joined as they are."""
        number = f"{page.query}@{page.offset}"
        remarks = self.remarks(page)
        told = f"urn:uuid:{self._uuid('outcome', page.resource_type, number)}" if remarks is not None else ""
        links = {"self": self.self_url(page, base_url), "next": self.next_url(page, base_url)}
        return envelope.bundle_bytes(
            page,
            self._layout,
            base_url=self.address(base_url),
            at=zoned(page.at, str(self.settings["bundle"]["zone"])) if self._layout.timed else "",
            bundle_id=self._uuid("bundle", page.resource_type, number),
            total=self.rules.total(page),
            links=links,
            outcome=remarks,
            outcome_url=told,
        )

    def searchset(self, page: SearchPage, base_url: str) -> JSON:
        """The Bundle of a page as a dict."""
        return envelope.read(self.searchset_bytes(page, base_url))

    @cached_property
    def _layout(self) -> envelope.Layout:
        return envelope.Layout.of(self.settings["bundle"])

    def _uuid(self, *names: str | int) -> str:
        found = self._uuids.get(names)
        if found is None:
            if len(self._uuids) >= UUIDS_KEPT:
                self._uuids.clear()
            found = self._uuids[names] = str(UUID(bytes=self.facts.key(*names)[:16], version=4))
        return found

    # refusals

    def understand(self, exchange: Exchange) -> None:
        """Change a request to FHIR, before it is known what it asks for, to what it means here. Hot path."""

    def worn(self, found: Stored) -> JSON | None:
        """What is shown of a record that is read, where that is less than what is kept; None for all of it."""
        return None

    def unfit(self, found: Stored | SearchPage) -> Problem | None:
        """Why what was found cannot be shown; None if it can. Hot path."""
        return None

    def objection(self, exchange: Exchange) -> Problem | None:
        """What this vendor has against a named request that its token's scopes cover; None for nothing. Hot path."""
        return None

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """A Problem in the vendor's words; `accept` is what was asked for, by `Accept` or by `_format`."""
        reply = Reply(problem.status, self.problem_headers(problem, base_url))
        reply.document = generic_outcome([problem])
        reply.content_type = self.error_type(accept)
        return reply

    def problem_headers(self, problem: Problem, base_url: str) -> list[tuple[str, str]]:
        """`WWW-Authenticate` (RFC 6750), `Retry-After`, `Location` of a merged record."""
        headers: list[tuple[str, str]] = []
        if problem.kind == "no-token":
            headers.append(("WWW-Authenticate", "Bearer"))
        elif problem.kind in ("token-invalid", "scope-missing"):
            error = "invalid_token" if problem.kind == "token-invalid" else "insufficient_scope"
            text = quotable(problem.text)  # it may name what the client sent
            headers.append(("WWW-Authenticate", f'Bearer error="{error}", error_description="{text}"'))
        if problem.retry_after:
            headers.append(("Retry-After", problem.retry_after))
        if problem.status == 405 and problem.where:
            headers.append(("Allow", problem.where))
        if problem.kind == "merged" and problem.where:
            headers.append(("Location", f"{base_url}/{problem.where}"))
        return headers

    def error_type(self, accept: str) -> str:
        """The content type of an error with a body: as of any reply, JSON where nothing else can be had."""
        found = self.content_type(accept, "")
        return found if isinstance(found, str) else self.json_type

    # writes

    def received(self, document: JSON, stored: JSON | None, shelf: Shelf) -> JSON | Problem:
        """A resource that a client may write over `stored` (None: a new one), with its id, as this vendor files it.

        A Problem says why it cannot be filed.
        """
        return document

    def kept_meta(self, given: JSON | None) -> JSON:
        """What is kept of a client's `meta` where resources have none of the server's (`shape.meta`)."""
        return {}

    def written(self, record: Stored, created: bool, base_url: str) -> Reply:
        """The reply to a write: `created` or `updated`."""
        return self.created(record, base_url) if created else self.updated(record, base_url)

    def created(self, record: Stored, base_url: str) -> Reply:
        """The reply to a create."""
        headers = self.record_headers(record.resource_type, record.version, record.updated)
        location = f"{base_url}/{record.resource_type}/{record.id}/_history/{self.version_text(record.version)}"
        return Reply(201, [("Location", location), *headers], record.body, None, self.json_type)

    def updated(self, record: Stored, base_url: str) -> Reply:
        """The reply to an update."""
        headers = self.record_headers(record.resource_type, record.version, record.updated)
        return Reply(200, headers, record.body, None, self.json_type)

    def record_headers(self, resource_type: str, version: int, updated: float) -> list[tuple[str, str]]:
        """Headers that come with one resource; `updated` is in site seconds."""
        return [("ETag", f'W/"{self.version_text(version)}"'), ("Last-Modified", http_date(updated))]

    # tokens and discovery

    def token_document(self, document: JSON, grant: Any) -> JSON:
        """The vendor's form of a token response; `grant` is the auth server's (with `patient`), or None."""
        return dict(document)

    def introspection(self, document: JSON) -> JSON:
        """The vendor's form of an introspection document."""
        return dict(document)

    def authorize_refusal(self, redirect: Any, page: Callable[[str], Reply], base_url: str) -> Reply | None:
        """How this vendor tells why an app is not let in: a Reply of its own, or None for what the standard says.

        `redirect` (`mockehr.auth.front.steps.Redirect`) has the way back to the app, empty where none is proved to be
        the app's, and `refused`; `page` makes a page with the given sentence.
        """
        return None

    def error_text(self, path: str) -> str:
        """What the page says that stands below `paths.errors`; empty for a path that leads nowhere."""
        return ""

    def token_refusal(
        self, status: int, document: JSON, reason: str = "", *, client: str = "", base_url: str = ""
    ) -> Reply:
        """The vendor's form of a refused token request; `reason` is the auth server's word for why."""
        headers = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]
        return Reply(status, headers, document=dict(document), content_type="application/json")

    def smart_configuration(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """The vendor's form of the discovery document: keys in its order, its values, nothing else."""
        told = self.settings["smart_configuration"]
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        made = {**document, **filled(told["values"], {"root": root, "tenant": self.tenant(facts), "base": base_url})}
        return {key: made[key] for key in told["keys"] if key in made} if told["keys"] else made

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """The vendor's form of the CapabilityStatement: keys in its order, its values, nothing else."""
        told = self.settings["capability"]
        root = base_url.removesuffix(self.fhir_path(facts).rstrip("/"))
        names = {"root": root, "tenant": self.tenant(facts), "base": base_url, "site": facts.name}
        made = {**document, **filled(told["values"], names)}
        return {key: made[key] for key in told["keys"] if key in made} if told["keys"] else made

    def statement(self, text: bytes, at: float) -> bytes:
        """The CapabilityStatement, which is kept for a day as JSON text, as it is told at `at` (site seconds)."""
        return text

    def capability_of_client(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """The CapabilityStatement for a public client that says who it is (`capability.client_header`)."""
        return document

    # every reply

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Headers that this vendor puts on every reply to a FHIR request."""
        return [*((name, str(value)) for name, value in self.settings["headers"].items()), *self.cors(exchange)]

    def cors(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Headers for pages of other origins."""
        return self._cors.headers(exchange)

    def content_type(self, accept: str, format_param: str) -> str | Problem:
        """The content type of a FHIR reply to these wishes, or the refusal of them.

        A media type is answered by the name that the client used for it.
        """
        media = self.settings["media"]
        offered = [form for form in FORMS if media["types"].get(form)]
        name = negotiate(accept, format_param, self.default_format, offered=offered, version=self.fhir_version)
        if name is None:
            asked = asked_for(accept, format_param)
            known = " or ".join(str(media["types"][form]) for form in offered)
            return Problem(406, "not-acceptable", f"{asked} is not offered; ask for {known}", value=asked)
        if "/" not in name or not media["named"]:
            name = str(media["types"][form_of(name) or self.default_format])
        return f"{name}{self._charset}"

    @property
    def json_type(self) -> str:
        """What this vendor calls FHIR in JSON."""
        return f"{self.settings['media']['types']['json']}{self._charset}"

    @property
    def compresses(self) -> bool:
        """Whether long replies go out with gzip to clients that take it."""
        return bool(self.settings["media"]["gzip"])

    @property
    def _charset(self) -> str:
        return str(self.settings["media"]["charset"])


def _fhir_version(told: object) -> str:
    """The version of FHIR that a setting names."""
    if told not in VERSIONS:
        near = ", ".join(nearest_names(str(told), VERSIONS))
        raise ConfigError(
            f"The setting fhir_version is {told!r}.", nearest=near, remedy=f"Use one of: {', '.join(VERSIONS)}."
        )
    return str(told)


def _tenant_of(facts: SiteFacts) -> str:
    return facts.tenant or str(UUID(bytes=facts.key("tenant")[:16], version=4))
