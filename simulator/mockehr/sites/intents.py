"""Writing what an HL7 message asks for: intents → committed records, each found by its business identifiers."""

from __future__ import annotations

from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.record import Record
from mockehr.hl7.accept.intents import Accepted, Key, Merge, Upsert, resolve
from mockehr.sites.site import Site


def apply_intents(site: Site, accepted: Accepted, exchange: Exchange) -> list[Record]:
    """Commit all intents of one message in order, together; the exchange notes the changes. An intent that finds
    nothing creates."""
    references: dict[str, str] = {}
    written: list[Record] = []
    with site.store.transaction():
        for intent in accepted.intents:
            if isinstance(intent, Merge):
                written += _merge(site, intent, accepted.event, exchange)
                continue
            record = _upsert(site, intent, references, accepted.event, exchange)
            references[intent.key] = record.key
            written.append(record)
    return written


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


def _upsert(site: Site, intent: Upsert, references: dict[str, str], event: str, exchange: Exchange) -> Record:
    resource: JSON = resolve(intent.resource, references)
    before = find_by_identifier(site, intent.resource_type, intent.match)
    if before is None:
        document = {"resourceType": intent.resource_type, "id": site.fhir.new_id(intent.resource_type)}
        document |= resolve(intent.defaults, references) | resource
        return _commit(site, document, 1, event, exchange)
    kept = {name: value for name, value in before.document.items() if name not in intent.cleared}
    if "identifier" in resource:
        resource["identifier"] = _joined(before.document.get("identifier", []), resource["identifier"])
    return _commit(site, {**kept, **resource, "id": before.id}, before.version + 1, event, exchange)


def _merge(site: Site, intent: Merge, event: str, exchange: Exchange) -> list[Record]:
    survivor = find_by_identifier(site, "Patient", intent.survivor)
    loser = find_by_identifier(site, "Patient", intent.loser)
    if survivor is None or loser is None or survivor.id == loser.id:
        return []
    link = {"other": {"reference": f"Patient/{survivor.id}"}, "type": "replaced-by"}
    back = {"other": {"reference": f"Patient/{loser.id}"}, "type": "replaces"}
    replaced = {**loser.document, "active": False, "link": [link]}
    keeping = {**survivor.document, "link": [*survivor.document.get("link", []), back]}
    return [
        _commit(site, replaced, loser.version + 1, event, exchange),
        _commit(site, keeping, survivor.version + 1, event, exchange),
    ]


def _commit(site: Site, document: JSON, version: int, event: str, exchange: Exchange) -> Record:
    stamped = site.fhir.stamp(document, version, site.clock.now())
    kind = "create" if version == 1 else "update"
    record = site.store.commit(stamped, kind=kind, source="hl7", event=event, entry=exchange.number)  # type: ignore[arg-type]
    exchange.changes += (site.log.changes[-1].number,)
    return record


def _joined(present: list[JSON], told: list[JSON]) -> list[JSON]:
    """Identifiers told by the message replace those of the same system; the others stay."""
    systems = {one.get("system") for one in told}
    return [one for one in present if one.get("system") not in systems] + told
