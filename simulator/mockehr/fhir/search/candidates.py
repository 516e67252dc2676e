"""Where the matches of a search are looked for: by id, in charts that it names, by slot ranges, or everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import structure
from mockehr.fhir.part import Part
from mockehr.fhir.record import Record, encode
from mockehr.fhir.search.criterion import Criterion
from mockehr.fhir.search.neighbours import CHART_TYPES, RECORDED_TYPES, SHARED_TYPES, patients_of
from mockehr.fhir.search.parse import RESULT_PARAMETERS
from mockehr.fhir.search.query import Query
from mockehr.fhir.search.stream import StreamHits
from mockehr.fhir.search.table import lookup
from mockehr.fhir.store import Hits, ListHits, Store

CHUNK: Final = 100
MOST_OVERRIDDEN: Final = 1000
"""Patients written over that are looked at for an exact total; beyond it the total is left out."""
_OWN: Final = ("subject", "patient", "beneficiary")
"""Elements by which a written resource is put into a chart (`mockehr.fhir.record.patient_of`)."""


Parts = Mapping[str, Part]
"""By type, what a client may see of it; all of a type that has no entry."""


@dataclass(frozen=True, slots=True)
class Target:
    """One type that is searched. `patients`: whose charts it is in, None if that is not known otherwise."""

    kind: str
    query: Query
    pairs: Sequence[tuple[str, str]]
    member: Callable[[Any], bool] | None = None
    """What has to be true besides the query (a compartment)."""
    patients: tuple[str, ...] | None = None
    part: Part | None = None
    """What of the type the client may see; None for all."""

    def matches(self, resource: Any) -> bool:
        """Whether a resource is searched for, rights apart. Raises TooCostly at most."""
        return (self.member is None or self.member(resource)) and self.query.matches(resource)


class Candidates:
    """A store as searches see it. `most`: how many charts one page may look through."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most

    def hits(self, targets: Sequence[Target]) -> Hits:
        """The matches of all targets, type after type as far as can be; the order is always the same."""
        found: list[Hits] = []
        scanned: list[Target] = []
        for target in targets:
            one = self._found(target)
            if one is None:
                scanned.append(target)
            else:
                found.append(one)
        if len(found) == 1 and not scanned:
            return found[0]
        if not scanned and all(isinstance(one, ListHits) for one in found):
            return ListHits([record for one in found for record in one.page(0, one.total or 0)])
        totals = [one.total for one in found]
        total = None if scanned or None in totals else sum(one or 0 for one in totals)
        walks = [_walked(one) for one in found] + ([self._scan(scanned)] if scanned else [])
        return StreamHits(chain.from_iterable(walks), self._most, total)

    def contained(
        self, targets: Sequence[Target], kinds: Iterable[str], *, container: bool, parts: Parts | None = None
    ) -> Hits:
        """Contained resources that match, or what contains them (each once), in resources of any of `kinds`.

        `parts`: of the types with an entry only that part is looked into; what is contained has no rights of its own.
        """
        kinds, parts = tuple(kinds), parts or {}

        def within(record: Record) -> Iterator[Record]:
            part = parts.get(record.resource_type)
            if part is not None and not part.covers(record):
                return
            held = record.document.get("contained")
            for one in held if isinstance(held, list) else ():
                if isinstance(one, dict) and any(
                    one.get("resourceType") == target.kind and target.matches(one) for target in targets
                ):
                    if container:
                        yield record
                        return
                    yield _part(record, one)

        within_whose = _of_all(kinds, parts)
        named = [_only(self._told(target), within_whose) for target in targets]
        if all(one is not None for one in named):
            patients = dict.fromkeys(patient for one in named for patient in (one or ((), False))[0])
            charts = [record for kind in kinds for record in self._charts(patients, kind, everything=True)]
            return ListHits([one for record in charts for one in within(record)])
        return StreamHits(self._walk(kinds, within), self._most)

    def both(self, first: Hits, second: Hits) -> Hits:
        """The matches of one and then of the other; what is in both comes once where the first are held."""
        if isinstance(first, ListHits) and isinstance(second, ListHits):
            records = [record for one in (first, second) for record in one.page(0, one.total or 0)]
            return ListHits(list({record.key: record for record in records}.values()))
        return StreamHits(chain(_steps(first), _steps(second)), self._most)

    def _found(self, target: Target) -> Hits | None:
        """The matches of one type; None if every chart has to be looked through."""
        kind, criteria = target.kind, target.query.criteria
        ids = next((one for one in criteria if one.name == "_id" and one.kind == "token" and not one.modifier), None)
        if ids is not None:
            return ListHits(self._by_id(target, ids))
        identifiers = [
            one for one in criteria if one.name == "identifier" and one.kind == "token" and not one.modifier
        ]
        foreign = next((one for one in identifiers if self._foreign(one)), None)
        if foreign is not None:
            return ListHits(_matching(target, self._written(target, foreign)))
        if kind in RECORDED_TYPES:  # of nobody's chart, whomever they tell of
            return ListHits(_matching(target, self._store.shared(kind)))
        if kind == "Patient" and target.member is None and target.part is None:
            return self._patients(target)
        named = self._named(target)
        if named is not None:
            return ListHits(_matching(target, self._charts(named[0], kind, everything=named[1])))
        if kind in SHARED_TYPES:
            return ListHits(_matching(target, self._store.shared(kind)))
        if kind not in CHART_TYPES:
            return ListHits(_matching(target, self._store.overlay(kind)))
        return None

    def _by_id(self, target: Target, criterion: Criterion) -> list[Record]:
        store, kind = self._store, target.kind
        ids = dict.fromkeys(value.code for value in criterion.values if value.code)
        found = [store.read(kind, id) for id in ids if not store.base.hides(kind, id)]
        return _matching(target, [record for record in found if record is not None])

    def _foreign(self, criterion: Criterion) -> bool:
        """Whether all its values are of systems that no computed record carries, as a client's own are."""
        return all(value.system and not self._store.base.issues(value.system) for value in criterion.values)

    def _written(self, target: Target, criterion: Criterion) -> Iterable[Record]:
        """What was written and may match: by the store's index, where the parameter looks at nothing else."""
        store, kind = self._store, target.kind
        known = lookup(kind, "identifier", target.query.fhir_version)
        if known is None or known.expression != f"{kind}.identifier" or not all(one.code for one in criterion.values):
            return store.overlay(kind)
        found = (record for one in criterion.values for record in store.written_like(kind, one.system, one.code))
        return {record.key: record for record in found}.values()

    def _charts(self, patients: Iterable[str], kind: str, *, everything: bool) -> Iterator[Record]:
        """The records of those charts; with `everything` also what was written and is in others, or in none."""
        charts: list[Sequence[Record]] = [self._store.chart(patient, kind) for patient in patients]
        if len(charts) == 1 and not everything:
            yield from charts[0]
            return
        seen: set[str] = set()
        for record in chain.from_iterable([*charts, *([self._store.overlay(kind)] if everything else ())]):
            if record.id not in seen and not record.deleted:
                seen.add(record.id)
                yield record

    def _named(self, target: Target) -> tuple[Sequence[str], bool] | None:
        """The patients in whose charts all computed matches are, and whether what was written may be in any other.

        None if neither the query nor the client's rights tell.
        """
        told = self._told(target)
        # what is shared is in nobody's chart
        return told if target.part is None or target.kind in SHARED_TYPES else _only(told, target.part.patients)

    def _told(self, target: Target) -> tuple[Sequence[str], bool] | None:
        """The same by the query alone."""
        if target.patients is not None:
            return target.patients, True
        for criterion in target.query.criteria:
            if criterion.kind == "reference" and criterion.modifier != "identifier":
                found = self._referred(target, criterion)
                if found is not None:
                    return found[0], not (found[1] and _own(target.kind, criterion))
            elif criterion.kind == "chain":
                patients = self._chained(criterion)
                if patients is not None:
                    # whoever is contained is in nobody's chart
                    return (*patients, ""), not _own(target.kind, criterion)
        return None

    def _referred(self, target: Target, criterion: Criterion) -> tuple[Sequence[str], bool] | None:
        """Whose charts hold what a reference criterion names, and whether it names patients only.

        None if it names something that is in no chart.
        """
        definition = target.query.own.get(criterion.name) or lookup(target.kind, criterion.name)
        found: dict[str, None] = {}
        only = True
        for value in criterion.values:
            targets = (value.type,) if value.type else definition.targets if definition is not None else ()
            if not value.id or not targets or "*" in targets:
                return None
            for name in targets:
                if name == "Patient":
                    found[value.id] = None
                    continue
                only = False
                patients = patients_of(self._store, name, value.id)
                if "" in patients:
                    return None
                found |= dict.fromkeys(patients)
        return tuple(found), only

    def _chained(self, criterion: Criterion) -> Sequence[str] | None:
        """The patients that a chain leads to, where they can be computed and are few enough."""
        if [kind for kind, _ in criterion.values] != ["Patient"]:
            return None
        pairs = [(criterion.parameter.chain, criterion.parameter.raw)]
        hits = self._patients(Target("Patient", criterion.values[0][1], pairs))
        if hits is None or hits.total is None or hits.total > self._most:
            return None
        return [record.id for record in hits.page(0, hits.total)]

    def _patients(self, target: Target) -> Hits | None:
        """Patients by slot ranges, with what was written on top; None if they cannot be computed."""
        ignored = {*RESULT_PARAMETERS, *target.query.unknown}  # what is not known does not narrow
        computed = self._store.base.patients([pair for pair in target.pairs if pair[0] not in ignored])
        if computed is None:
            return None
        written = self._store.overlay("Patient")
        if not written:
            return computed
        matching = _matching(target, written)
        overridden = frozenset(record.id for record in written)
        hits = chain(matching, _walked(computed, overridden))
        return StreamHits(hits, self._most, self._overlaid_total(target, computed, len(matching), overridden))

    def _overlaid_total(
        self, target: Target, computed: Hits, matching: int, overridden: frozenset[str]
    ) -> int | None:
        base = self._store.base
        if computed.total is None or len(overridden) > MOST_OVERRIDDEN:
            return None
        before = [base.read("Patient", id) for id in overridden if not base.hides("Patient", id)]
        gone = sum(record is not None and target.matches(record.document) for record in before)
        return computed.total + matching - gone

    def _scan(self, targets: Sequence[Target]) -> Iterator[Record | None]:
        by_kind = {target.kind: target for target in targets}

        def fitting(record: Record) -> Iterator[Record]:
            target = by_kind[record.resource_type]
            if target.matches(record.document) and (target.part is None or target.part.covers(record)):
                yield record

        return self._walk(tuple(by_kind), fitting)

    def _walk(self, kinds: Sequence[str], give: Callable[[Record], Iterator[Record]]) -> Iterator[Record | None]:
        """What was written now, then every chart; None after each chart."""
        written = {kind: {record.id: record for record in self._store.overlay(kind)} for kind in kinds}
        return self._walk_over(written, give)

    def _walk_over(
        self, written: dict[str, dict[str, Record]], give: Callable[[Record], Iterator[Record]]
    ) -> Iterator[Record | None]:
        base = self._store.base
        computed = [(kind, records) for kind, records in written.items() if kind in CHART_TYPES]
        for records in written.values():
            for record in records.values():
                if not record.deleted:
                    yield from give(record)
        for kind, records in written.items():
            for record in base.shared(kind):
                if record.id not in records:
                    yield from give(record)
        for patient in base.everyone() if computed else ():
            for kind, records in computed:
                for record in base.chart(patient, kind):
                    if record.id not in records:
                        yield from give(record)
            yield None


def _matching(target: Target, records: Iterable[Record]) -> list[Record]:
    matches, part = target.query.test if target.member is None else target.matches, target.part
    if part is not None:
        return [one for one in records if not one.deleted and matches(one.document) and part.covers(one)]
    return [record for record in records if not record.deleted and matches(record.document)]


def _only(told: tuple[Sequence[str], bool] | None, whose: frozenset[str] | None) -> tuple[Sequence[str], bool] | None:
    """The patients whom a query names, as far as the client may see their records."""
    if whose is None:
        return told
    return (sorted(whose), True) if told is None else ([one for one in told[0] if one in whose], told[1])


def named_patients(target: Target) -> Sequence[str]:
    """The ids in the first criterion of a search that names patients, by reference or as Patients; else nothing."""
    for criterion in target.query.criteria:
        if criterion.modifier == "identifier":
            continue
        if target.kind == "Patient" and criterion.name == "_id" and not criterion.modifier:
            return [value.code for value in criterion.values]
        if criterion.kind == "reference" and criterion.name in ("patient", "subject"):
            return [value.id for value in criterion.values if value.type in ("", "Patient")]
    return ()


def _of_all(kinds: Iterable[str], parts: Parts) -> frozenset[str] | None:
    """In whose charts all parts are of those types that charts have; None if one may be in anybody's."""
    found: frozenset[str] = frozenset()
    for kind in kinds:
        if kind in CHART_TYPES:
            part = parts.get(kind)
            if part is None or part.patients is None:
                return None
            found |= part.patients
    return found


def _walked(hits: Hits, without: frozenset[str] = frozenset()) -> Iterator[Record | None]:
    """All of them, taken in chunks; None after each that was computed, which counts like a chart."""
    position = 0
    held = isinstance(hits, ListHits)
    while chunk := hits.page(position, CHUNK):
        for record in chunk:
            if record.id not in without:
                yield record
            if not held:
                yield None
        position += len(chunk)


def _steps(hits: Hits) -> Iterator[Record | None]:
    return hits.source if isinstance(hits, StreamHits) else _walked(hits)


def _own(kind: str, criterion: Criterion) -> bool:
    """Whether what a criterion looks at is what puts a written resource of that type into a chart."""
    definition = lookup(kind, criterion.name)
    path = definition.expression.partition(".where(resolve() is Patient)")[0] if definition is not None else ""
    known = structure(kind)
    # what names several patients is in no chart
    single = {f"{kind}.{name}" for name in _OWN if known and name in known.elements and not known.elements[name].many}
    return path in single


def _part(record: Record, part: JSON) -> Record:
    """A contained resource as a record of its own: `Type/id#part`."""
    id = f"{record.id}#{part.get('id', '')}"
    return Record(record.resource_type, id, record.version, record.updated, part, encode(part), record.patient)
