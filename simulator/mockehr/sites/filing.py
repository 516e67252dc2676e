"""What a vendor makes of resources that clients write, before they are stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.record import Record
from mockehr.fhir.writes import Body, commit

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def filing_of(site: Site) -> Callable[[Exchange, JSON, Record | None, str], JSON | Problem]:
    """`FhirServer.received` of a site: its personality files, with the site's records at hand."""

    def received(exchange: Exchange, document: JSON, current: Record | None, id: str) -> JSON | Problem:
        named = {**document, "id": id or (current.id if current is not None else str(document.get("id", "")))}
        before = current.document if current is not None and not current.deleted else None
        found = site.personality.received(named, before, _Shelf(site, exchange))
        return document if found is named else found

    return received


class _Shelf:
    """The records of a site while one exchange is filed (`mockehr.personalities.model.Shelf`)."""

    __slots__ = ("_exchange", "_site")

    def __init__(self, site: Site, exchange: Exchange) -> None:
        self._site = site
        self._exchange = exchange

    def now(self) -> float:
        """The site's time."""
        return self._site.clock.now()

    def read(self, reference: str) -> JSON | None:
        """A current resource as it is shown."""
        kind, _, id = reference.partition("/")
        record = self._site.store.read(kind, id.partition("/")[0])
        return None if record is None or record.deleted else self._site.fhir.shown(record).document

    def keep(self, resource: JSON) -> str:
        """Commit another one, under an id of the server's own."""
        id = self._site.fhir.new_id(resource["resourceType"])
        commit(self._site.fhir, self._exchange, Body(resource, b""), id, None)
        return id
