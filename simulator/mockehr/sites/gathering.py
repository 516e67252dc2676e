"""What a message about a change may tell of: the resources that its writer is given."""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.changes import QUIET, Change
from mockehr.core.exchange import JSON
from mockehr.hl7.emit import GATHERERS, told_by
from mockehr.sites.site import Site

_TOLD_WHOLE: Final = frozenset({"Encounter", "PractitionerRole", "Observation", "ServiceRequest"})
"""Of what a message may tell more than that it is there."""

_NODES: Final = (dict, list)


def gather(site: Site, change: Change) -> list[JSON]:
    """What a message about a change may tell of: the changed resource, its patient, what it refers to directly, and
    for visits, orders and results among these whom and what they refer to; then what its message wants of the chart.

    Of what was deleted, the last that was known; of a patient, whoever was linked before or is so now.
    """
    gone = change.before if change.kind == "delete" else None
    found: dict[str, JSON] = {f"{change.resource_type}/{change.id}": gone or change.document}
    if change.resource_type == "Patient" and change.before is not None:
        for name in references_of(change.before.get("link")):
            _add(site, found, name)
    kind = told_by(change, site.dialect)
    wanted = GATHERERS.get(kind) if kind in GATHERERS else ()
    if QUIET in wanted:
        _add_quiet(site, found, change)
    if change.patient:
        _add(site, found, f"Patient/{change.patient}")
    for name in references_of(change.document):
        _add(site, found, name)
    for document in list(found.values()):
        if document["resourceType"] in _TOLD_WHOLE:
            for name in references_of(document):
                _add(site, found, name)
    # A person's new address says nothing of the chart, and a chart that nobody looked at is dear to make.
    silent = not change.patient or (change.resource_type == "Patient" and change.kind == "update")
    for resource_type in () if silent else wanted:
        _add_chart(site, found, change.patient, resource_type)
    return [without_nulls(document) for document in found.values()]


def without_nulls(document: JSON) -> JSON:
    """A record as who writes messages and other answers expects it: corrupted ones may have null for nothing."""
    if None not in document.values():
        return document
    return {name: value for name, value in document.items() if value is not None}


def references_of(node: Any) -> list[str]:
    """Every `Type/id` that a document refers to, in its order."""
    found: list[str] = []
    _note_references(node, found)
    return found


def _note_references(node: Any, found: list[str]) -> None:
    if isinstance(node, dict):
        own = node.get("reference")
        if isinstance(own, str) and own.count("/") == 1:
            found.append(own)
        node = node.values()
    elif not isinstance(node, list):
        return
    for value in node:
        if isinstance(value, _NODES):
            _note_references(value, found)


def _add_quiet(site: Site, found: dict[str, JSON], change: Change) -> None:
    """What the quiet changes just before this one changed, and whose it is."""
    number = change.number
    for earlier in reversed(site.log.changes):
        if earlier.number >= number:
            continue
        if earlier.number != number - 1 or earlier.event != QUIET:
            break
        number = earlier.number
        if earlier.resource_type != change.resource_type:
            continue
        found[f"{earlier.resource_type}/{earlier.id}"] = earlier.document
        if earlier.patient:
            _add(site, found, f"Patient/{earlier.patient}")


def _add_chart(site: Site, found: dict[str, JSON], patient: str, resource_type: str) -> None:
    """All that the chart has of a type; of what belongs to a visit, that of the visits found."""
    visits = {key for key in found if key.startswith("Encounter/")}
    for record in site.store.chart(patient, resource_type) if resource_type != QUIET else ():
        visit = record.document.get("encounter", {}).get("reference", "")
        if not record.deleted and (not visit or visit in visits):
            found.setdefault(record.key, record.document)


def _add(site: Site, found: dict[str, JSON], name: str) -> None:
    if name in found:
        return
    kind, _, id = name.partition("/")
    record = site.store.read(kind, id)
    if record is not None and not record.deleted:
        found[name] = record.document
