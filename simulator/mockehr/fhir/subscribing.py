"""What the FHIR side asks of whoever looks after Subscriptions (Subscriptions R5 Backport IG 1.1.0, "Operations")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.record import Record


@dataclass(frozen=True, slots=True)
class Binding:
    """What a client needs to listen: a token, until when (site seconds) it is good, and where it is shown."""

    token: str
    until: float
    url: str


class Subscriptions(Protocol):
    """The Subscriptions of one site. Ids are those of stored resources that are no tombstones."""

    def status_document(self, id: str) -> JSON:
        """Its status as a resource of type `query-status`: Parameters in R4, a SubscriptionStatus in R4B."""

    def events_bundle(self, id: str, first: int, last: int | None, content: str) -> JSON:
        """Its events with those numbers, both ends included, as a Bundle of type `query-event`.

        `content` is `empty`, `id-only` or `full-resource`; empty for what the Subscription asks for. No more is told
        than that.
        """

    def withheld(self, id: str, exchange: Exchange) -> Problem | None:
        """Why the client of an exchange may not be told its events, where it is another's; None if it may."""

    def by_websocket(self, id: str) -> bool:
        """Whether it is told over websockets."""

    def binding(self, ids: Sequence[str], base_url: str) -> Binding:
        """A token by which a websocket can be bound to those, for a client that addressed the FHIR base like that."""


def subscriptions_of(records: list[Record], ids: frozenset[str], statuses: frozenset[str]) -> list[Record]:
    """Those of the records whose id and status are among what was asked for; empty sets mean any."""
    return [
        record
        for record in records
        if not record.deleted
        and (not ids or record.id in ids)
        and (not statuses or record.document.get("status") in statuses)
    ]
