"""Which records concern given patients: the compartment of a patient, and what stands beside it.

FHIR R4 compartmentdefinition-patient.html tells it by references. What was computed is of its chart's owner, whatever
a dirty record says. Beyond the definition: a Provenance is of whom its targets are, a Binary or a Bundle of whom its
security context or what attaches it is, and what is in no compartment (a Device, a Task) of whom it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import structure
from mockehr.fhir.record import Record
from mockehr.fhir.search.neighbours import CHART_TYPES, attached
from mockehr.fhir.search.reference import ReferenceValue, match_references, reference_text, split_reference
from mockehr.fhir.search.table import compartment, lookup
from mockehr.fhir.store import Store

OPAQUE: Final = frozenset({"Binary", "Bundle"})
"""Types that may hold anything about anybody and seldom say about whom."""
PRIVATE: Final = frozenset({"Subscription"})
"""About no patient, and yet shared with none: what other apps have their notifications sent with is in them."""
ATTACHING: Final = ("DocumentReference", "DiagnosticReport", "Media")
"""Types whose attachments a Binary may be."""
NAMING: Final = ("subject", "patient", "beneficiary", "for")
"""Elements that say whom a resource is about."""


@cache
def personal(kind: str) -> bool:
    """Whether resources of that type may concern one patient; what cannot is reference data that all share.

    A Medication may lie in a chart. `*` (any type) may.
    """
    if kind in compartment("Patient") or kind in CHART_TYPES or kind in OPAQUE or kind in ("*", "Medication"):
        return True
    if kind in PRIVATE:
        return True
    known = structure(kind)
    return known is not None and any(name in known.elements for name in NAMING)


def members(kind: str, owner: str, ids: Iterable[str], base_url: str) -> Callable[[Any], bool]:
    """Resource of type `kind` → is it in the compartment of an `owner` (a type) with any of those ids?"""
    values = tuple(ReferenceValue(owner, id, f"{owner}/{id}") for id in ids)
    rows = [lookup(kind, name) for name in compartment(owner).get(kind, ())]
    tests = [(row.extract, match_references(values, row, base_url)) for row in rows if row is not None]
    return lambda resource: any(test(item) for extract, test in tests for item in extract(resource))


class Belonging:
    """Tells what concerns some patients. Made for one request."""

    __slots__ = ("_base_url", "_members", "_store", "patients")

    def __init__(self, store: Store, patients: frozenset[str], base_url: str) -> None:
        self.patients = patients
        """Their ids."""
        self._store = store
        self._base_url = base_url
        self._members: dict[str, Callable[[Any], bool]] = {}

    def covers(self, record: Record) -> bool:
        """Whether a record concerns one of them, or nobody at all as reference data do."""
        return self.owns(record) or self._shared(record)

    def owns(self, record: Record) -> bool:
        """Whether a record, also one that was deleted, concerns one of them."""
        kind, patients = record.resource_type, self.patients
        if kind == "Patient":
            return record.id in patients
        if record.patient in patients and self._plainly(record.document):
            return True
        computed = self._store.base.read(kind, record.id)
        if computed is not None and record.version <= computed.version:
            return computed.patient in patients
        if record.deleted:
            return record.patient in patients
        return self._tells(kind, record.id, record.document)

    def admits(self, document: JSON, id: str) -> bool:
        """Whether a resource that a client wants stored under that id concerns one of them, and names no other."""
        kind = str(document.get("resourceType"))
        if kind == "Patient":
            return id in self.patients
        return self._named(document) <= self.patients and self._tells(kind, id, document)

    def _plainly(self, document: JSON) -> bool:
        """The usual case, found without looking anywhere else."""
        for name in NAMING:
            reference = document.get(name)
            if type(reference) is dict:
                text = reference.get("reference")
                return isinstance(text, str) and text.startswith("Patient/") and text[8:] in self.patients
        return False

    def _shared(self, record: Record) -> bool:
        kind = record.resource_type
        if kind == "Patient" or kind in compartment("Patient") or kind in OPAQUE or kind in PRIVATE:
            return False
        return not record.patient and not self._named(record.document)

    def _tells(self, kind: str, id: str, document: JSON) -> bool:
        """Whether what was written says that it concerns one of them."""
        if kind in compartment("Patient"):
            member = self._members.get(kind)
            if member is None:
                member = self._members[kind] = members(kind, "Patient", self.patients, self._base_url)
            return member(document) or (kind == "Provenance" and self._of_theirs(document.get("target")))
        if kind in OPAQUE:
            return self._lies_with(kind, id, document)
        named = self._named(document)
        return bool(named) and named <= self.patients

    def _of_theirs(self, references: Any) -> bool:
        """Whether any of these references leads to what is theirs."""
        for item in references if isinstance(references, list) else (references,):
            key = split_reference(item, self._base_url)
            if key is None or key[0] == "Provenance":
                continue
            target = self._store.read(*key)
            if target is not None and self.owns(target):
                return True
        return False

    def _lies_with(self, kind: str, id: str, document: JSON) -> bool:
        """A Binary or Bundle by its security context, without one by what attaches it."""
        if "securityContext" in document:
            return self._of_theirs(document["securityContext"])
        return any(
            (kind, id) in attached(record.document, self._base_url, kind)
            for patient in self.patients
            for one in ATTACHING
            for record in self._store.chart(patient, one)
        )

    def _named(self, document: JSON) -> set[str]:
        """Ids of the patients whom a resource says it is about; whole texts of references to other servers'."""
        return set(_patients_in(document, self._base_url))


def _patients_in(document: JSON, base_url: str) -> Iterator[str]:
    for name in NAMING:
        told = document.get(name)
        for item in told if isinstance(told, list) else (told,):
            key = split_reference(item, base_url) if isinstance(item, dict) else None
            if key is not None and key[0] == "Patient":
                yield key[1]
            elif key is None and isinstance(item, dict):
                text = reference_text(item)
                if isinstance(text, str) and "Patient/" in text:
                    yield text
