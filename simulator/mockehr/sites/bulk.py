"""Exports at one site: the desk of `mockehr.fhir.bulk`, wired to its charts, its tokens and its vendor's settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.bulk import BulkSettings, Desk, Granted, Roll
from mockehr.fhir.bulk.job import Query
from mockehr.fhir.record import Record
from mockehr.fhir.search.neighbours import CHART_TYPES

if TYPE_CHECKING:
    from mockehr.sites.charts import Charts
    from mockehr.sites.site import Site

NEEDED: Final = ("read", "search")
"""Permissions on every exported type (SMART App Launch 2.2, "Scopes for requesting FHIR Resources")."""


def bulk_desk(site: Site) -> Desk:
    """The desk of a site; raises ConfigError for wrong settings."""
    settings = BulkSettings.of(site.personality.settings["bulk"])
    return Desk(
        site.fhir,
        ChartSource(site.charts) if site.charts is not None else NoSource(),
        settings,
        site.endpoints.bulk,
        site.auth.drawers,
        # Two hospitals with one seed must not give one name to their jobs.
        lambda *names: site.chance.key(site.name, *names),
        granted,
    )


def granted(exchange: Exchange) -> Granted | Problem:
    """What the token of an exchange lets its client export: what system scopes cover, by reading and by searching."""
    scopes = exchange.scopes
    if not isinstance(scopes, Scopes):
        return lambda kind: ()
    if exchange.patient or exchange.own:
        text = "The token is confined to a patient, and an export needs system scopes"
        return Problem(403, "scope-missing", text, value="$export")

    def of_type(kind: str) -> tuple[Query, ...] | None:
        read, search = (_alternatives(scopes, kind, action) for action in NEEDED)
        if not read or not search:
            return None
        return search if read == search or () in read else read

    return of_type


def _alternatives(scopes: Scopes, kind: str, action: str) -> tuple[Query, ...]:
    """The constraints of the system scopes that give an action; an empty one is none."""
    return tuple(query for context, query in scopes.alternatives(kind, action) if context == "system")


class NoRoll:
    """Nobody is computed; everybody who was written is exported (`mockehr.fhir.bulk.source.Roll`)."""

    size = 0

    def page(self, offset: int, limit: int) -> Sequence[str]:
        """Nobody."""
        return ()

    def covers(self, patient: str) -> bool:
        """Nobody."""
        return False

    def place(self, patient: str) -> int | None:
        """Nowhere."""
        return None

    def admits(self, document: JSON) -> bool:
        """Everybody."""
        return True


class NoSource:
    """A site without computed charts (`mockehr.fhir.bulk.source.Source`)."""

    generation = 0
    kinds: frozenset[str] = frozenset()

    def everyone(self) -> Roll:
        """Nobody."""
        return NoRoll()

    def roll(self, group: str) -> Roll | None:
        """None."""
        return None

    def chart(self, patient: str, kinds: Collection[str]) -> Mapping[str, Sequence[Record]]:
        """Empty."""
        return {}


class ChartSource:
    """The computed charts of a site (`mockehr.fhir.bulk.source.Source`)."""

    def __init__(self, charts: Charts) -> None:
        self._charts = charts

    @property
    def generation(self) -> int:
        """Changes whenever charts are dressed otherwise."""
        return self._charts.generation

    @property
    def kinds(self) -> frozenset[str]:
        """Types that computed charts may have."""
        return CHART_TYPES | self._charts.personality.beside_types

    def everyone(self) -> Roll:
        """All patients."""
        return self._charts.groups.everyone

    def roll(self, group: str) -> Roll | None:
        """The members of a computed group."""
        return self._charts.groups.find(group)

    def chart(self, patient: str, kinds: Collection[str]) -> Mapping[str, Sequence[Record]]:
        """One patient's computed records."""
        return self._charts.fresh(patient, kinds)
