"""Whom or what a business identifier means at a site: the record that carries it, or the one that took its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mockehr.core.exchange import JSON
from mockehr.fhir.overlay.model import identifiers_of
from mockehr.fhir.record import Record
from mockehr.hl7.accept.intents import Key
from mockehr.hl7.terms import LOCAL_AUTHORITY
from mockehr.sites.site import Site


def find_by_identifier(
    site: Site, resource_type: str, keys: Iterable[Key], *, within: Iterable[Key] = ()
) -> Record | None:
    """The current record that carries any of the identifiers, in the order of the keys; written before computed.

    What has no number of its own goes out with the id of the record as that of the facility, and is found by it.
    A patient who was merged is the one who goes on, through chains of merges; but a merge into whom `within`
    identifies does not count.
    """
    found = next(carriers(site, resource_type, keys), None)
    if found is None or resource_type != "Patient":
        return found
    return successor(site, found, frozenset(record.id for record in carriers(site, "Patient", within)))


def carriers(site: Site, resource_type: str, keys: Iterable[Key]) -> Iterator[Record]:
    """The records that carry any of the identifiers themselves, merged or not, in the order of the keys; none twice.

    Whose number it is comes before whose it was once.
    """
    seen = set()
    for key in keys:
        for record in sorted(_carriers(site, resource_type, key), key=lambda one: _was(one.document, key)):
            if record.id not in seen:
                seen.add(record.id)
                yield record


def replaced_by(patient: JSON) -> str:
    """The id of the patient who took the place of this one; empty if nobody did."""
    for link in patient.get("link") or ():
        if link.get("type") == "replaced-by":
            return linked(link)
    return ""


def linked(link: JSON) -> str:
    """The id of the Patient that a link names; empty if it names another resource."""
    kind, _, id = str(link.get("other", {}).get("reference", "")).rpartition("/")
    return id if kind.rpartition("/")[2] == "Patient" else ""


def successor(site: Site, record: Record, within: frozenset[str] = frozenset()) -> Record:
    """Who goes on for a patient: follows `replaced-by`, but not to those `within`, nor round in circles."""
    seen = {record.id, *within}
    while (id := replaced_by(record.document)) and id not in seen:
        following = site.store.read("Patient", id)
        if following is None or following.deleted:
            break
        seen.add(id)
        record = following
    return record


def _carriers(site: Site, resource_type: str, key: Key) -> list[Record]:
    found = list(site.store.written_with(resource_type, key.system, key.value))
    if found:
        return found
    for shared in site.store.base.shared(resource_type):
        record = site.store.read(resource_type, shared.id)
        if record is not None and not record.deleted and (key.system, key.value) in identifiers_of(record.document):
            return [record]
    own = LOCAL_AUTHORITY + site.dialect.sending_facility.partition("^")[0]
    numbered = site.store.read(resource_type, key.value) if key.system == own else None
    if numbered is not None and not numbered.deleted:
        return [numbered]
    if resource_type == "Patient":
        hits = site.store.base.patients([("identifier", f"{key.system}|{key.value}")])
        base = hits.page(0, 1) if hits is not None else ()
        found = [one for one in (site.store.read("Patient", hit.id) for hit in base) if one and not one.deleted]
    return found


def _was(document: JSON, key: Key) -> bool:
    """Whether the number is only an old one of this record."""
    return any(
        one.get("use") == "old" and (one.get("system", ""), one.get("value")) == (key.system, key.value)
        for one in document.get("identifier") or ()
    )
