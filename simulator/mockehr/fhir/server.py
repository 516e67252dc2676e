"""A correct FHIR R4 server as a value: what stands behind the stages `name_interaction` and `perform`.

It knows nothing of sockets, tokens, vendors or quirks. What a vendor restricts comes in as `Restrictions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from mockehr.core.clock import Clock
from mockehr.core.exchange import JSON, Exchange, Interaction
from mockehr.core.problem import Problem
from mockehr.fhir.pages import Pages
from mockehr.fhir.routes import name_interaction
from mockehr.fhir.store import Store

Parameters = Sequence[tuple[str, str]]
NAMED_KEPT: Final = 4096


class Restrictions(Protocol):
    """How one vendor narrows what this server can do."""

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """A refusal of this search, or None. A Problem of status 200 means: answer with no matches.

        `known` tells whether the standard has a parameter of that name for the type.
        """

    def page_size(self, resource_type: str, asked: int | None) -> int | None:
        """How many matches a page holds; None for all on one page."""

    @property
    def page_parameter(self) -> str:
        """Name of the query parameter that carries the paging token."""


@dataclass(slots=True)
class FhirServer:
    """One site's FHIR side. `types` maps each resource type to the interactions it offers."""

    store: Store
    clock: Clock
    pages: Pages
    types: Mapping[str, frozenset[str]]
    restrictions: Restrictions
    new_id: Callable[[str], str]
    capability: Callable[[Exchange], JSON]
    stamp: Callable[[JSON, int, float], JSON]
    """Puts the server's own `meta` (version, time) on a resource about to be stored."""
    version_text: Callable[[int], str]
    """How the server writes the n-th version of a resource (n from 1)."""
    interactions: Mapping[str, Callable[[FhirServer, Exchange], Any]]
    system: frozenset[str] = frozenset()
    """Interactions with the server as a whole that are offered, such as `history-system`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
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
            self._named[of] = asked
        if isinstance(asked, Problem):
            exchange.result = asked
            return
        exchange.interaction = asked
        if asked.name == "capabilities" or self.anything:
            return
        offered = self.types.get(asked.resource_type) if asked.resource_type else self.system
        if offered is None:
            text = f"{asked.resource_type} is not offered by this server"
            exchange.result = Problem(404, "type-unknown", text, resource_type=asked.resource_type)
        elif asked.name not in offered:
            text = f"{asked.name} is not offered for {asked.resource_type or 'the server as a whole'}"
            exchange.result = Problem(405, "interaction-unknown", text, resource_type=asked.resource_type)

    def perform(self, exchange: Exchange) -> None:
        """Stage `perform`: run the interaction; its answer is a Record, a SearchPage, a document or a Problem."""
        assert exchange.interaction is not None
        exchange.result = self.interactions[exchange.interaction.name](self, exchange)
