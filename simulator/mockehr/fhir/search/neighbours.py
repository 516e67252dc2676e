"""Which resources refer to one: for `_has` and `_revinclude`.

What was computed refers within its own chart or to shared resources. What was written may refer to anything, and is
looked through once a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record, patient_of
from mockehr.fhir.search.context import TooCostly
from mockehr.fhir.search.reference import split_reference
from mockehr.fhir.store import Store

if TYPE_CHECKING:
    from mockehr.fhir.part import Part

SHARED_TYPES: Final = frozenset(
    {
        "Group",
        "Location",
        "Medication",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Schedule",
        "Slot",
        "SubscriptionTopic",
    }
)
"""Types that belong to nobody's chart."""
RECORDED_TYPES: Final = frozenset({"AuditEvent"})
"""Types of which there are more with every exchange, whether or not anything was written; never kept as answered."""
CHART_TYPES: Final = frozenset(
    {
        "Account",
        "AllergyIntolerance",
        "Appointment",
        "Binary",
        "CarePlan",
        "CareTeam",
        "Condition",
        "Coverage",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "Goal",
        "Immunization",
        "MedicationRequest",
        "Observation",
        "Patient",
        "Procedure",
        "Provenance",
        "RelatedPerson",
        "ServiceRequest",
        "Specimen",
    }
)
"""Types that computed charts can have; of all others there is only what was written: no chart is looked through."""
WALKS: Final = 4
"""How many times one search may look through all charts that may be looked through."""
Key = tuple[str, str]


class Neighbours:
    """The resources of a store by what they refer to; made for one search (`mockehr.fhir.search.Referrers`)."""

    def __init__(
        self, store: Store, most: int, base_url: str = "", part: Callable[[str], Part | None] | None = None
    ) -> None:
        """`most`: how many charts may be looked through. `part` tells what of a type there is to be found."""
        self._store = store
        self._most = most
        self._base_url = base_url
        self._part = part
        self._looked = 0
        self._written: dict[str, dict[Key, list[Record]]] = {}

    def near(self, source: str, target: JSON) -> Iterable[JSON] | None:
        """Resources of type `source` among which all are that refer to `target`; None if they may lie anywhere."""
        kind, id = str(target.get("resourceType")), str(target.get("id"))
        patients = patients_of(self._store, kind, id) or (patient_of(target),)
        if "" in patients and source in CHART_TYPES:
            return None
        keys = [(kind, id)]
        return (one.document for patient in patients for one in self.of_chart(source, patient, keys))

    def of_chart(self, source: str, patient: str, keys: Iterable[Key]) -> Iterator[Record]:
        """Those of one patient's chart (without patient: of the shared), and what was written and refers to `keys`.

        Some may come twice.
        """
        return self._seen(source, self._of_chart(source, patient, keys))

    def _of_chart(self, source: str, patient: str, keys: Iterable[Key]) -> Iterator[Record]:
        if patient and source in CHART_TYPES:
            yield from self._store.chart(patient, source)
        elif source in SHARED_TYPES:
            yield from self._store.shared(source)
        written = self._referring(source)
        for key in keys:
            yield from written.get(key, ())

    def everywhere(self, source: str) -> Iterator[JSON]:
        """All resources of a type. Raises TooCostly."""
        return (record.document for record in self.records(source))

    def records(self, *sources: str) -> Iterator[Record]:
        """All records of some types. Raises TooCostly."""
        if self._part is None:
            return self._records(sources, self._store.base.everyone)
        parts = {source: self._part(source) for source in sources}
        whose = [None if part is None else part.patients for kind, part in parts.items() if kind in CHART_TYPES]
        known = sorted({patient for one in whose for patient in one or ()})
        found = self._records(sources, self._store.base.everyone if None in whose else lambda: iter(known))
        return (one for one in found if (part := parts[one.resource_type]) is None or part.covers(one))

    def _seen(self, source: str, records: Iterator[Record]) -> Iterator[Record]:
        part = None if self._part is None else self._part(source)
        return records if part is None else (record for record in records if part.covers(record))

    def _records(self, sources: Iterable[str], everyone: Callable[[], Iterator[str]]) -> Iterator[Record]:
        store, written = self._store, {}
        for source in sources:
            if source in SHARED_TYPES:
                yield from store.shared(source)
                continue
            written[source] = {record.id: record for record in store.overlay(source)}
            yield from (record for record in written[source].values() if not record.deleted)
        computed = [source for source in written if source in CHART_TYPES]
        for looked, patient in enumerate(everyone() if computed else ()):
            self._looked += 1
            if looked >= self._most or self._looked > WALKS * self._most:
                raise TooCostly
            for source in computed:
                yield from (one for one in store.base.chart(patient, source) if one.id not in written[source])

    def _referring(self, source: str) -> dict[Key, list[Record]]:
        found = self._written.get(source)
        if found is None:
            found = self._written[source] = {}
            for record in self._store.overlay(source):
                if not record.deleted:
                    for key in set(references(record.document, self._base_url)):
                        found.setdefault(key, []).append(record)
        return found


def patients_of(store: Store, kind: str, id: str) -> tuple[str, ...]:
    """In whose charts computed records may refer to that one: where it is, and where it was before it was rewritten.

    An empty text for none; nothing if there is no such record.
    """
    found = (store.read(kind, id), store.base.read(kind, id))
    return tuple(dict.fromkeys(record.patient for record in found if record is not None))


def attached(node: Any, base_url: str, kind: str = "Binary") -> Iterator[Key]:
    """(`kind`, id) of every resource of that type on this server that an attachment in a piece of JSON points to."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            key = split_reference(one.get("url"), base_url)
            if key is not None and key[0] == kind:
                yield key
            pending += one.values()


def references(node: Any, base_url: str) -> Iterator[Key]:
    """(type, id) of everything on this server that a piece of JSON refers to."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            if (key := split_reference(one.get("reference"), base_url)) is not None:
                yield key
            pending += one.values()
