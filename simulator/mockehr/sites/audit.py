"""The audit trail of one site: its journal seen as accesses, and the AuditEvents that a FHIR search finds of them.

Nothing is noted while requests are served. What was made of an entry is kept as long as the journal has the entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import orjson

from mockehr.auth.tokens import Grant, TokenFault, bearer_of
from mockehr.core.errors import UsageError
from mockehr.core.exchange import Exchange
from mockehr.fhir.record import Record, encode
from mockehr.fhir.store import Base
from mockehr.journal.audit import Access, access_of, is_over
from mockehr.journal.audit_filter import AccessFilter
from mockehr.journal.export import ID_PREFIX, audit_event

if TYPE_CHECKING:
    from mockehr.sites.site import Site

SEARCHED: Final = 5000
"""The newest entries whose AuditEvents a search finds; a read finds those of all entries that the journal has."""
OWNERS_KEPT: Final = 50_000


class AuditTrail:
    """What was accessed at a site. It is what `mockehr.journal.audit.Known` asks of a site as well."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made: dict[int, tuple[Exchange, Access]] = {}
        self._records: dict[int, tuple[Access, Record]] = {}
        self._owners: dict[str, str] = {}

    def accesses(self, wanted: AccessFilter | None = None) -> list[Access]:
        """All that the journal still has and that fit, in order of arrival. What is not over yet is left out."""
        made, kept = self._made, {}
        for exchange in self._site.journal:
            known = made.get(exchange.number)
            if known is None or known[0] is not exchange:
                if not is_over(exchange):
                    continue
                known = (exchange, access_of(exchange, self))
            kept[exchange.number] = known
        self._made = kept
        if len(self._records) > 2 * SEARCHED:
            self._records.clear()
        found = (access for _, access in kept.values())
        return list(found) if wanted is None else [one for one in found if wanted.matches(one)]

    # AuditEvents

    def records(self) -> list[Record]:
        """The newest accesses as AuditEvents, oldest first."""
        return [self._record(access) for access in self.accesses()[-SEARCHED:]]

    def read(self, id: str) -> Record | None:
        """The AuditEvent of that id; None if it is no id of the trail, or the journal has no such entry any more."""
        digits = id.removeprefix(ID_PREFIX)
        if digits == id or not (digits.isascii() and digits.isdigit()) or digits[0] == "0" or len(digits) > 18:
            return None
        try:
            exchange = self._site.journal.get(int(digits))
        except UsageError:
            return None
        if not is_over(exchange):
            return None
        known = self._made.get(exchange.number)
        return self._record(known[1] if known and known[0] is exchange else access_of(exchange, self))

    def _record(self, access: Access) -> Record:
        known = self._records.get(access.entry)
        if known is not None and known[0] == access:
            return known[1]
        document = self._site.fhir.stamp(audit_event(access, self._site.name), 1, access.at)
        # of nobody's chart where it tells of several patients: no token of one of them may see it
        owner = access.patients[0] if len(access.patients) == 1 else ""
        record = Record("AuditEvent", document["id"], 1, access.at, document, encode(document), owner)
        self._records[access.entry] = (access, record)
        return record

    # mockehr.journal.audit.Known

    def owner(self, key: str) -> str:
        """See Known. What was computed is found by its id, so that no chart is drawn."""
        kind, _, id = key.partition("/")
        written = self._site.store.rewritten(kind, id)
        if written:
            return written[-1].patient
        found = self._owners.get(key)
        if found is None:
            if len(self._owners) >= OWNERS_KEPT:
                self._owners.clear()
            found = self._owners[key] = self._computed_owner(kind, id)
        return found

    def _computed_owner(self, kind: str, id: str) -> str:
        charts = self._site.charts
        place = charts.ids.decode(kind, id) if charts is not None and kind != "AuditEvent" else None
        return "" if charts is None or place is None or place[0] is None else charts.patient_id(place[0])

    def change(self, number: int) -> tuple[str, str]:
        """See Known."""
        change = next(iter(self._site.log.since(number - 1)), None)
        if change is None or change.number != number:
            return "", ""
        return f"{change.resource_type}/{change.id}", change.patient

    def user(self, exchange: Exchange) -> str:
        """See Known. Of tokens that the site does not remember any more nobody knows whose they were."""
        grant = self._grant(exchange)
        return grant.user if grant is not None else str(exchange.notes.get("user", ""))

    def patient(self, exchange: Exchange) -> str:
        """See Known."""
        grant = self._grant(exchange) if exchange.channel == "token" else None
        return grant.patient if grant is not None else ""

    def _grant(self, exchange: Exchange) -> Grant | None:
        """What the token stands for that an exchange was made with, or that it issued."""
        bearer = bearer_of(exchange.headers.get("authorization", ""))
        if exchange.channel == "token":
            bearer = _issued(exchange)
        if not bearer:
            return None
        found = self._site.auth.tokens.look_up(bearer)
        return found.grant if isinstance(found, TokenFault) else found


def _issued(exchange: Exchange) -> str:
    """The access token in the answer to a token request; empty if there is none."""
    body = exchange.reply.body if exchange.reply is not None else b""
    if b'"access_token"' not in body:
        return ""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:  # a quirk cut it
        return ""
    token = told.get("access_token") if isinstance(told, dict) else None
    return token if isinstance(token, str) else ""


class Audited:
    """A site's base with the AuditEvents of its own accesses in it (`mockehr.fhir.store.Base`)."""

    def __init__(self, base: Base, trail: AuditTrail) -> None:
        self._base = base
        self._trail = trail
        self._read = base.read
        # all else as it is, without a step in between
        self.chart = base.chart
        self.patients = base.patients
        self.everyone = base.everyone
        self.hides = base.hides
        self.issues = base.issues

    @property
    def generation(self) -> int:
        """See Base. It does not change with every access: what is found among AuditEvents is never kept."""
        return self._base.generation

    def read(self, resource_type: str, id: str) -> Record | None:
        """One record, or None."""
        found = self._read(resource_type, id)
        if found is None and resource_type == "AuditEvent":
            return self._trail.read(id)
        return found

    def shared(self, resource_type: str) -> Sequence[Record]:
        """Records of a type that belongs to nobody's chart."""
        if resource_type == "AuditEvent":
            return self._trail.records()
        return self._base.shared(resource_type)
