"""Lists of a message (allergies, insurances, next of kin) against what a patient's chart has of that kind."""

from __future__ import annotations

from collections.abc import Mapping

from mockehr.core.changes import QUIET
from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record
from mockehr.hl7.accept.intents import Listing, resolve
from mockehr.sites.merging import Writer


def write_listing(writer: Writer, intent: Listing, references: Mapping[str, str]) -> dict[str, str]:
    """Merge each item into its like, create what is new, retire what is not listed; what is the same already stays.

    Returns the references of the items, by intent key.
    """
    site = writer.site
    stored = _stored(writer, intent, references)
    named: dict[str, str] = {}
    listed: set[str] = set()
    for number, item in enumerate(intent.items, 1):
        told: JSON = resolve(item, references)
        like = next((one for one in stored if one.id not in listed and intent.same(one.document, told)), None)
        if like is None:
            document = {"resourceType": intent.resource_type, "id": site.fhir.new_id(intent.resource_type), **told}
            like = writer.commit(document, 1, QUIET)
        else:
            _change(writer, like, intent.merged(like.document, told))
        listed.add(like.id)
        named[f"{intent.key}-{number}"] = like.key
    if intent.retired is not None:
        for one in stored:
            if one.id not in listed and intent.within(one.document):
                _change(writer, one, intent.retired(one.document))
    return named


def _stored(writer: Writer, intent: Listing, references: Mapping[str, str]) -> list[Record]:
    patient = references[intent.patient].partition("/")[2]
    found = [one for one in writer.site.store.chart(patient, intent.resource_type) if not one.deleted]
    if not intent.encounter:
        return found
    visit = references[intent.encounter]
    return [one for one in found if one.document.get("encounter", {}).get("reference") == visit]


def _change(writer: Writer, record: Record, document: JSON) -> None:
    if document != record.document:
        writer.commit(document, record.version + 1, QUIET)
