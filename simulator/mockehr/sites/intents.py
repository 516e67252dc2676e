"""Writing what an HL7 message asks for: intents → committed records, each found by its business identifiers."""

from __future__ import annotations

from typing import Any

from mockehr.core.changes import QUIET
from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.record import Record
from mockehr.hl7.accept.intents import Accepted, Intent, Key, Known, Merge, Unmerge, Upsert, resolve
from mockehr.hl7.faults import Rejection
from mockehr.sites.site import Site


def apply_intents(site: Site, accepted: Accepted, exchange: Exchange) -> list[Record]:
    """Commit all intents of one message in order, together; the exchange notes the changes. An Upsert that finds
    nothing creates; a Merge of patients that are not there does nothing.

    Raises Rejection, with nothing written, where what must be Known is not.
    """
    return _Writing(site, accepted, exchange).run()


def find_by_identifier(site: Site, resource_type: str, keys: tuple[Key, ...]) -> Record | None:
    """The current record that carries any of the identifiers, in the order of the keys; written before computed."""
    for key in keys:
        written = site.store.written_with(resource_type, key.system, key.value)
        if written:
            return written[0]
        if resource_type == "Patient":
            hits = site.store.base.patients([("identifier", f"{key.system}|{key.value}")])
            found = hits.page(0, 1) if hits is not None else ()
            if found:
                return site.store.read("Patient", found[0].id)
    return None


class _Writing:
    """One message being written."""

    def __init__(self, site: Site, accepted: Accepted, exchange: Exchange) -> None:
        self.site = site
        self.accepted = accepted
        self.exchange = exchange
        self.references: dict[str, str] = {}
        self.written: list[Record] = []

    def run(self) -> list[Record]:
        with self.site.store.transaction():
            for intent in self.accepted.intents:
                self._write(intent)
        return self.written

    def _write(self, intent: Intent) -> None:
        if isinstance(intent, Upsert):
            record = self._upsert(intent)
            self.references[intent.key] = record.key
        elif isinstance(intent, Merge):
            self._merge(intent)
        elif isinstance(intent, Unmerge):
            self._unmerge(intent)
        elif isinstance(intent, Known) and find_by_identifier(self.site, intent.resource_type, intent.match) is None:
            raise Rejection("AE", intent.fault)

    def _upsert(self, intent: Upsert) -> Record:
        resource: JSON = resolve(intent.resource, self.references)
        event = self.accepted.event if self.accepted.subject in ("", intent.resource_type) else QUIET
        before = find_by_identifier(self.site, intent.resource_type, intent.match)
        if before is None:
            document = {"resourceType": intent.resource_type, "id": self.site.fhir.new_id(intent.resource_type)}
            document |= resolve(intent.defaults, self.references) | resource
            return self._commit(document, 1, event)
        kept = {name: value for name, value in before.document.items() if name not in intent.cleared}
        if "identifier" in resource:
            resource["identifier"] = _joined(before.document.get("identifier", []), resource["identifier"])
        return self._commit({**kept, **resource, "id": before.id}, before.version + 1, event)

    def _merge(self, intent: Merge) -> None:
        survivor, loser = self._two(intent.survivor, intent.loser)
        if survivor is None or loser is None or survivor.id == loser.id:
            return
        replaced = {**loser.document, "active": False, "link": [_link(survivor, "replaced-by")]}
        back = [link for link in survivor.document.get("link", []) if _other(link) != loser.key]
        keeping = {**survivor.document, "link": [*back, _link(loser, "replaces")]}
        self._commit(replaced, loser.version + 1, QUIET)
        self._commit(keeping, survivor.version + 1, self.accepted.event)

    def _unmerge(self, intent: Unmerge) -> None:
        one, other = self._two(intent.one, intent.other)
        if one is None or other is None or one.id == other.id:
            return
        for record, away, event in ((other, one, QUIET), (one, other, self.accepted.event)):
            links = [link for link in record.document.get("link", []) if _other(link) != away.key]
            document = {name: value for name, value in record.document.items() if name != "link"}
            if links:
                document["link"] = links
            self._commit({**document, "active": True}, record.version + 1, event)

    def _two(self, one: tuple[Key, ...], other: tuple[Key, ...]) -> tuple[Record | None, Record | None]:
        return find_by_identifier(self.site, "Patient", one), find_by_identifier(self.site, "Patient", other)

    def _commit(self, document: JSON, version: int, event: str) -> Record:
        site = self.site
        stamped = site.fhir.stamp(document, version, site.clock.now())
        kind: Any = "create" if version == 1 else "update"
        record = site.store.commit(stamped, kind=kind, source="hl7", event=event, entry=self.exchange.number)
        self.exchange.changes += (site.log.changes[-1].number,)
        self.written.append(record)
        return record


def _link(to: Record, kind: str) -> JSON:
    return {"other": {"reference": to.key}, "type": kind}


def _other(link: JSON) -> str:
    return str(link.get("other", {}).get("reference", ""))


def _joined(present: list[JSON], told: list[JSON]) -> list[JSON]:
    """Identifiers told by the message replace those of the same system; the others stay."""
    systems = {one.get("system") for one in told}
    return [one for one in present if one.get("system") not in systems] + told
