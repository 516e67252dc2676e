"""A correct FHIR R4 server as a value: what stands behind the stages `name_interaction` and `perform`.

It knows nothing of sockets, tokens, vendors or quirks. What a vendor restricts comes in as `Restrictions`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from mockehr.core.clock import Clock
from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.idempotency import Idempotency
from mockehr.fhir.pages import Pages
from mockehr.fhir.part import Part
from mockehr.fhir.record import Record
from mockehr.fhir.routes import name_interaction, names_batch
from mockehr.fhir.search.recent import Recent
from mockehr.fhir.search.table import SearchDefinition
from mockehr.fhir.store import Store

if TYPE_CHECKING:
    from mockehr.fhir.bulk.desk import Desk
    from mockehr.fhir.bulk.import_desk import ImportDesk
    from mockehr.fhir.subscribing import Subscriptions

Parameters = Sequence[tuple[str, str]]
NAMED_KEPT: Final = 4096
LONGEST_KEPT: Final = 256
"""Letters of a path whose meaning is kept: what is longer is no address of ours, and would only fill the memory."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UNRESTRICTED: Final = frozenset({"capabilities", "options"})
"""Interactions that every server answers."""


class Restrictions(Protocol):
    """How one vendor narrows what this server can do."""

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """A refusal of this search, or None. A Problem of status 200 means: answer with no matches.

        `known` tells whether the standard has a parameter of that name for the type.
        """

    def standard(self, parameters: Parameters) -> Parameters:
        """The parameters of a search as the standard calls them."""

    def meant(self, exchange: Exchange, parameters: Parameters) -> Parameters:
        """The parameters that a search is answered by, where the vendor takes it for another one."""

    @property
    def most_matches(self) -> int:
        """How many matches a search may have; one with more is refused as too costly. 0 for any number."""

    def page_size(self, resource_type: str, asked: int | None) -> int | None:
        """How many matches a page holds; None for all on one page."""

    @property
    def page_parameter(self) -> str:
        """Name of the query parameter that carries the paging token."""

    @property
    def paging(self) -> str:
        """What the token is: `token` (opaque, good by itself), or, good beside the rest of its search alone,
        `cursor` (the id of the page's last entry) or `page` (the number of the next page)."""

    @property
    def lag(self) -> float:
        """Seconds for which what was just written is not found."""

    @property
    def lag_header(self) -> str:
        """A request header by which a client says `strong` and has it found; empty for none."""


@dataclass(slots=True)
class FhirServer:
    """One site's FHIR side. `types` maps each resource type to the interactions it offers."""

    store: Store
    clock: Clock
    pages: Pages
    types: Mapping[str, frozenset[str]]
    restrictions: Restrictions
    new_id: Callable[[str], str]
    capability: Callable[[Exchange], bytes]
    """The CapabilityStatement as JSON text."""
    meta: Callable[[JSON | None, int, float], JSON]
    """The `meta` of a resource about to be stored: what the client gave, its version, its time. Empty for none."""
    version_text: Callable[[int], str]
    """How the server writes the n-th version of a resource (n from 1)."""
    interactions: Mapping[str, Callable[[FhirServer, Exchange], Any]]
    tag: Callable[[str, int], str] | None = None
    """The same by resource type, where a server does not write versions alike for all types."""
    system: frozenset[str] = frozenset()
    """Interactions with the server as a whole that are offered, such as `history-system`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    operations: Callable[[str, str], frozenset[str]] = lambda resource_type, id: frozenset()
    """Names (without `$`) of the operations offered for a type (empty: the server) or, with an id, an instance."""
    permit: Callable[[Exchange], Problem | None] = lambda exchange: None
    """A refusal of a named exchange for want of permission; asked again for each entry of a Bundle."""
    admit_entry: Callable[[Exchange, Exchange], Problem | None] = lambda entry, bundle: None
    """What stands against an entry of a Bundle, besides rights: where each counts as a request of its own."""
    part: Callable[[Exchange, str, str], Part | None] = lambda exchange, kind, action: None
    """The part of a type that a client may `read`, `search`, `create` …; None for all of it."""
    rights: Callable[[Exchange], Hashable | None] = lambda exchange: None
    """What `part` depends on besides what is stored; None where it gives None for everything. Hot path."""
    refuses_others: Callable[[], bool] = lambda: False
    """Whether a search that names patients whose records the client may not see is refused; else it finds nothing."""
    reply: Callable[[Exchange], Reply] = lambda exchange: Reply(500)
    """A performed exchange in the server's outer form; for the entries of a Bundle."""
    own_parameters: Mapping[str, Mapping[str, SearchDefinition]] = field(default_factory=dict)
    """Search parameters beside the standard's: type → name → definition."""
    fhir_version: str = "4.0.1"
    """Of FHIR: 4.0.1 (R4) or 4.3.0 (R4B)."""
    shown: Callable[[Record], Record] = lambda record: record
    """A stored record as it goes out on the present release of the product."""
    taken: Callable[[JSON], JSON] = lambda document: document
    """A resource as it is stored, from what a client of the present release wrote."""
    idempotency: Idempotency = field(default_factory=lambda: Idempotency())
    recent: Recent = field(default_factory=Recent)
    bulk: Desk | None = None
    """Where exports are ordered; None where nothing is exported."""
    imports: ImportDesk | None = None
    """Where imports are ordered; None where nothing is imported."""
    subscriptions: Subscriptions | None = None
    """Who looks after Subscriptions; None where nobody is told of anything."""
    admit: Callable[[Exchange, JSON, Record | None], JSON | Problem] = lambda exchange, document, current: document
    """A resource that a client may write over `current`, as it is to be stored; or why it cannot be honoured here."""
    received: Callable[[Exchange, JSON, Record | None, str], JSON | Problem] = (
        lambda exchange, document, current, id: document
    )
    """What was admitted (with the id that a new one is to have) in the form in which this server files it."""
    anything: bool = False
    """Nothing is refused for its type or interaction: somebody else (a tape) knows what is offered."""
    _named: dict[tuple[str, str], Interaction | Problem] = field(default_factory=dict)
    """What requests were found to ask for, kept since clients ask for the same again and again."""

    def name(self, exchange: Exchange) -> None:
        """Stage `name_interaction`: what is asked for; unknown types and unoffered interactions become Problems."""
        if exchange.interaction is not None:
            return
        of = (exchange.method, exchange.path)
        asked = self._named.get(of)
        if asked is None:
            asked = name_interaction(*of)
            if len(self._named) >= NAMED_KEPT:
                self._named.clear()
            if len(exchange.path) <= LONGEST_KEPT:
                self._named[of] = asked
        if isinstance(asked, Problem):
            exchange.result = asked
            return
        if asked.name == "transaction" and names_batch(exchange.body):
            asked = Interaction("batch")
        exchange.interaction = asked
        if asked.name in UNRESTRICTED or self.anything:
            return
        exchange.result = self._refusal(asked)

    def _refusal(self, asked: Interaction) -> Problem | None:
        """Why an interaction is not offered; None if it is."""
        kind = asked.resource_type
        if asked.name == "search-compartment":
            kinds = [asked.version] if kind == "*" else [asked.version, kind]
            strange = next((name for name in kinds if name not in self.types), "")
            if strange:
                return self._type_unknown(strange)
            return None if "search-compartment" in self.types[asked.version] else self._not_offered(asked)
        offered = self.types.get(kind) if kind else self.system
        if offered is None:
            return self._type_unknown(kind)
        if asked.name.startswith("$"):
            return self._operation_refusal(asked)
        return None if asked.name in offered else self._not_offered(asked)

    def _operation_refusal(self, asked: Interaction) -> Problem | None:
        kind, known = asked.resource_type, self.operations(asked.resource_type, asked.id)
        if asked.name[1:] in known:
            return None
        near = nearest_names(asked.name, [f"${name}" for name in known])
        hint = f"; did you mean {near[0]}?" if near else ""
        text = f"{asked.name} is not offered for {kind or 'the server as a whole'}{hint}"
        return Problem(404, "operation-unknown", text, resource_type=kind, value=asked.name)

    def _type_unknown(self, kind: str) -> Problem:
        near = nearest_names(kind[:64], self.types)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return Problem(404, "type-unknown", f"{kind[:100]} is not offered by this server{hint}", resource_type=kind)

    def _not_offered(self, asked: Interaction) -> Problem:
        text = f"{asked.name} is not offered for {asked.resource_type or 'the server as a whole'}"
        return Problem(405, "interaction-unknown", text, resource_type=asked.resource_type)

    def version_of(self, resource_type: str, version: int) -> str:
        """How the n-th version of a resource of that type is written, in `meta`, in ETags and in If-Match."""
        return self.version_text(version) if self.tag is None else self.tag(resource_type, version)

    def meta_of(self, document: JSON, version: int, at: float) -> JSON:
        """The `meta` of that version of a resource, stored at that time; empty for none."""
        meta = self.meta(document.get("meta"), version, at)
        if meta and self.tag is not None:
            meta["versionId"] = self.tag(str(document["resourceType"]), version)
        return meta

    def stamp(self, document: JSON, version: int, at: float) -> JSON:
        """The resource as it is stored as that version at that time: with the server's own `meta`, or without any."""
        meta = self.meta_of(document, version, at)
        head = {"resourceType": document["resourceType"], "id": document["id"]} | ({"meta": meta} if meta else {})
        return head | {key: value for key, value in document.items() if key not in ("resourceType", "id", "meta")}

    def perform_entry(self, exchange: Exchange) -> None:
        """The same for an entry of a Bundle: its changes and its idempotency key are those of the whole."""
        exchange.result = self._runs(exchange)(self, exchange)

    def _runs(self, exchange: Exchange) -> Callable[[FhirServer, Exchange], Any]:
        assert exchange.interaction is not None
        return self.interactions.get(exchange.interaction.name) or self.interactions["operation"]

    def perform(self, exchange: Exchange) -> None:
        """Stage `perform`: run the interaction; its answer is a Record, a SearchPage, a document or a Problem."""
        run = self._runs(exchange)
        if exchange.method in SAFE:
            exchange.result = run(self, exchange)
            return
        before = self.store.log.next_number()
        exchange.result = self.idempotency.once(exchange, run, self)
        exchange.changes += tuple(change.number for change in self.store.log.since(before - 1))
