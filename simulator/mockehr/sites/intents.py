"""Writing what an HL7 message asks for: intents → committed records, each found by its business identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mockehr.core.changes import QUIET
from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.overlay.model import identifiers_of
from mockehr.fhir.record import Record, patient_of
from mockehr.hl7.accept.intents import (
    Accepted,
    Account,
    Associate,
    Intent,
    Key,
    Known,
    Listing,
    Merge,
    Remove,
    Renumber,
    Unmerge,
    Upsert,
    resolve,
)
from mockehr.hl7.faults import Fault, Rejection
from mockehr.sites import merging
from mockehr.sites.finding import carriers, find_by_identifier
from mockehr.sites.listing import write_listing
from mockehr.sites.site import Site

__all__ = ["apply_intents", "find_by_identifier"]
_IDENTITY: Final[Mapping[type, Any]] = {
    Merge: merging.merge,
    Unmerge: merging.unmerge,
    Associate: merging.associate,
    Renumber: merging.renumber,
    Account: merging.move_account,
}


def apply_intents(
    site: Site, accepted: Accepted, exchange: Exchange, warnings: list[Fault] | None = None
) -> list[Record]:
    """Commit all intents of one message in order, together; the exchange notes the changes. An Upsert that finds
    nothing creates; a Merge of patients that are not there does nothing. What was not as expected and yet no reason
    to refuse is noted, and added to `warnings`.

    Raises Rejection, with nothing written, where what must be Known is not.
    """
    writing = _Writing(site, accepted, exchange)
    writing.run()
    if writing.warnings:
        exchange.notes["warnings"] = [fault.text for fault in writing.warnings]
        if warnings is not None:
            warnings += writing.warnings
    return writing.written


class _References(dict[str, str]):
    """References by intent key. One that is asked for before its intent was written is reserved then."""

    def __init__(self, writing: _Writing) -> None:
        super().__init__()
        self._writing = writing

    def __missing__(self, key: str) -> str:
        return self._writing.reserve(key)


class _Writing:
    """One message being written."""

    def __init__(self, site: Site, accepted: Accepted, exchange: Exchange) -> None:
        self.site = site
        self.accepted = accepted
        self.exchange = exchange
        self.references = _References(self)
        self.written: list[Record] = []
        self.warnings: list[Fault] = list(accepted.warnings)

    @property
    def event(self) -> str:
        """What the message says happened."""
        return self.accepted.event

    def run(self) -> None:
        with self.site.store.transaction():
            for intent in self.accepted.intents:
                self._write(intent)

    def reserve(self, key: str) -> str:
        """The reference of what an intent further on will write."""
        intent = next(one for one in self.accepted.intents if isinstance(one, Upsert) and one.key == key)
        before = self._find(intent, intent.resource)
        if before is not None:
            self.references[key] = before.key
        elif intent.creates:
            self.references[key] = f"{intent.resource_type}/{self.site.fhir.new_id(intent.resource_type)}"
        else:
            self.references[key] = ""
        return self.references[key]

    def miss(self, fault: Fault, *, strict: bool = False) -> None:
        """Something is not as the message supposes: refuse it, or tell so with the acceptance."""
        if strict:
            raise Rejection("AE", replace(fault, severity="E"))
        self.warnings.append(replace(fault, severity="W"))

    def commit(self, document: JSON, version: int, event: str) -> Record:
        """Write one version."""
        stamped = self.site.fhir.stamp(document, version, self.site.clock.now())
        return self._commit(stamped, "create" if version == 1 else "update", event)

    def _write(self, intent: Intent) -> None:
        if isinstance(intent, Upsert):
            record = self._upsert(intent)
            self.references[intent.key] = record.key if record is not None else ""
        elif isinstance(intent, Listing):
            self.references |= write_listing(self, intent, self.references)
        elif isinstance(intent, Known):
            self._know(intent)
        elif isinstance(intent, Remove):
            self._remove(intent)
        else:
            _IDENTITY[type(intent)](self, intent)

    def _know(self, intent: Known) -> None:
        found = find_by_identifier(self.site, intent.resource_type, intent.match)
        if found is None and intent.patient:
            subject = self.references[intent.patient].partition("/")[2]
            found = self._in_chart(intent.resource_type, intent.match, subject)
        self.references[intent.key] = found.key if found is not None else ""
        if found is None and intent.fault.severity in ("E", "F"):
            raise Rejection("AE", intent.fault)
        if found is None:
            self.warnings.append(intent.fault)

    def _upsert(self, intent: Upsert) -> Record | None:
        reserved = self.references.get(intent.key, "")
        resource: JSON = resolve(intent.resource, self.references)
        told = not intent.quiet and self.accepted.subject in ("", intent.resource_type)
        event = self.accepted.event if told else QUIET
        self.warnings += intent.warnings
        before = self._find(intent, resource)
        if before is None and not intent.creates:
            return None
        if before is None:
            id = reserved.partition("/")[2] or self.site.fhir.new_id(intent.resource_type)
            document = {"resourceType": intent.resource_type, "id": id}
            if intent.numbered is not None:
                resource["identifier"] = [*resource.get("identifier", []), {**intent.numbered, "value": id}]
            document |= resolve(intent.defaults, self.references) | (_revised(intent, None, resource) or {})
            return self.commit({name: one for name, one in document.items() if one is not None}, 1, event)
        if "identifier" in resource:
            resource["identifier"] = self._identifiers(before, resource["identifier"])
        kept = {name: value for name, value in before.document.items() if name not in intent.cleared}
        revised = _revised(intent, before.document, resource)
        if revised is None:
            self.written.append(before)
            return before
        document = {**kept, **revised, "id": before.id}
        document = {name: one for name, one in document.items() if one is not None}
        if document == before.document:
            # Nothing is new: a storm of updates (A08) that say the same would only make versions.
            self.written.append(before)
            return before
        return self.commit(document, before.version + 1, event)

    def _find(self, intent: Upsert, resource: JSON) -> Record | None:
        found = find_by_identifier(self.site, intent.resource_type, intent.match, within=intent.within)
        if found is not None or not intent.match or intent.resource_type == "Patient":
            return found
        # What was computed is found by its number in the chart of its patient only.
        whose = {name: resource[name] for name in ("subject", "patient", "beneficiary") if name in resource}
        return self._in_chart(intent.resource_type, intent.match, patient_of(resolve(whose, self.references)))

    def _in_chart(self, resource_type: str, match: tuple[Key, ...], subject: str) -> Record | None:
        wanted = {(key.system, key.value) for key in match}
        chart = self.site.store.chart(subject, resource_type) if subject else []
        return next((one for one in chart if wanted & set(identifiers_of(one.document))), None)

    def _identifiers(self, before: Record, told: list[JSON]) -> list[JSON]:
        """An identifier told by the message replaces others of its system if it is new; the rest stays.

        A number that is an old one of this record, or another record's (which was merged, say), is not taken over.
        """
        present: list[JSON] = before.document.get("identifier", [])
        known = {(one.get("system", ""), one.get("value")): one for one in present}
        taken = []
        for one in told:
            key = (one.get("system", ""), one["value"])
            if key in known:
                taken += [known[key]] if known[key].get("use") != "old" else []
            elif before.resource_type != "Patient" or not any(carriers(self.site, "Patient", [Key(*key)])):
                taken.append(one)
        if all(one in present for one in taken):
            return present
        systems = {one.get("system") for one in taken if one not in present}
        kept = [
            one
            for one in present
            if one not in taken and (one.get("system") not in systems or one.get("use") == "old")
        ]
        return [*taken, *kept]

    def _remove(self, intent: Remove) -> None:
        record = merging.remove(self, intent)
        if record is not None:
            tombstone: JSON = {"resourceType": record.resource_type, "id": record.id}
            meta = self.site.fhir.meta(None, record.version + 1, self.site.clock.now())
            self._commit(tombstone | ({"meta": meta} if meta else {}), "delete", self.event, record.patient)

    def _commit(self, document: JSON, kind: Any, event: str, patient: str = "") -> Record:
        site, entry = self.site, self.exchange.number
        record = site.store.commit(document, kind=kind, source="hl7", event=event, entry=entry, patient=patient)
        self.exchange.changes += (site.log.changes[-1].number,)
        self.written.append(record)
        return record


def _revised(intent: Upsert, before: JSON | None, resource: JSON) -> JSON | None:
    return intent.revise(before, resource) if intent.revise is not None else resource
