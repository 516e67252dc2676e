"""`Patient/$everything` and `Encounter/[id]/$everything` (FHIR R4 patient-operation-everything.html).

Chosen where R4 leaves freedom. All comes in one Bundle unless `_count` asks for pages. Resources of the compartment
are matches, what these refer to (staff, places, organisations, medications) is included; other patients' records
never are. A range of care leaves in what tells no date. Types that the client may not see are left out. Without a
patient in the context of the token, the type level gives all patients, one after the other, up to the bound of what a
search may look through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.elements import is_resource_type, resource_types
from mockehr.fhir.interactions.search import charts_per_page
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.care_dates import care_range, falls_into
from mockehr.fhir.operations.parameters import Spec, check, count
from mockehr.fhir.operations.searchset import Found, first_page, later_page, permitted
from mockehr.fhir.part import Part, withheld
from mockehr.fhir.record import Record
from mockehr.fhir.search.date import SECOND, interval
from mockehr.fhir.search.neighbours import Neighbours, attached, patients_of, references
from mockehr.fhir.search.scope import membership
from mockehr.fhir.search.table import compartment
from mockehr.fhir.server import FhirServer

_ENCOUNTER: Final = {"_since": "date", "_type": "text*", "_count": "count"}
_PATIENT: Final = {**_ENCOUNTER, "start": "date", "end": "date"}
PATIENTS_PER_PAGE: Final = 100
"""Records on a page of all patients, unless `_count` says otherwise."""


def everything(server: FhirServer, exchange: Exchange, given: Input) -> SearchPage | Problem:
    """A searchset; 404 for a patient or encounter that is not known."""
    asked = exchange.interaction
    assert asked is not None
    if asked.resource_type == "Encounter" and not asked.id:
        text = "Encounter/$everything is called on one encounter: Encounter/[id]/$everything"
        return Problem(404, "operation-unknown", text, resource_type="Encounter", value="$everything")
    later = later_page(server, exchange, given)
    if later is not None:
        return later
    spec: Spec = {**(_PATIENT if asked.resource_type == "Patient" else _ENCOUNTER)}
    wrong = check(given, spec) or _strange_type(given, server.fhir_version)
    if wrong is not None:
        return wrong
    gathering = Gathering(server, exchange, given)
    size = count(given, "_count")
    owner = _owner(server, exchange, asked.id or exchange.patient)
    if isinstance(owner, Problem):
        return owner
    if owner is not None:
        return first_page(server, exchange, given, Found(gathering.of(owner)), size)
    return _of_everybody(server, exchange, given, gathering, size)


def _owner(server: FhirServer, exchange: Exchange, id: str) -> Record | Problem | None:
    """Whose everything is wanted, or why it is not given; None for everybody's."""
    asked = exchange.interaction
    assert asked is not None
    if not id:
        return None
    owner = server.store.read(asked.resource_type, id)
    if owner is None:
        return not_found(asked.resource_type, id)
    refusal = withheld(server.part(exchange, asked.resource_type, "read"), owner, "read")
    if refusal is None and owner.deleted:
        return Problem(410, "gone", f"{owner.key} was deleted", resource_type=owner.resource_type, value=id)
    return refusal or owner


def _of_everybody(
    server: FhirServer, exchange: Exchange, given: Input, gathering: Gathering, size: int | None
) -> SearchPage | Problem:
    most = charts_per_page(server)
    part = server.part(exchange, "Patient", "read")
    whose = None if part is None or part.patients is None else sorted(part.patients)
    ids = list(islice(server.store.base.everyone() if whose is None else whose, most + 1))
    if len(ids) > most:
        text = f"there are more than {most} patients here; name one, as in Patient/[id]/$everything"
        return Problem(403, "too-costly", text, resource_type="Patient")
    written = [record.id for record in server.store.overlay("Patient") if whose is None]
    owners = (server.store.read("Patient", id) for id in dict.fromkeys([*written, *ids]))
    found = Found(gathering.of_all(one for one in owners if one is not None and not one.deleted), counted=False)
    return first_page(server, exchange, given, found, PATIENTS_PER_PAGE if size is None else size)


def _strange_type(given: Input, version: str) -> Problem | None:
    for kind in _types(given):
        if not is_resource_type(kind, version):
            close = nearest_names(kind, resource_types(version))
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            text = f"{kind!r} is no resource type{hint}"
            return Problem(400, "parameter-invalid", text, parameter="_type", value=kind)
    return None


def _types(given: Input) -> list[str]:
    return [kind.strip() for told in given.all("_type") for kind in str(told).split(",")]


class Gathering:
    """What one call wants, and how it is gathered."""

    def __init__(self, server: FhirServer, exchange: Exchange, given: Input) -> None:
        self._server = server
        self._base_url = exchange.base_url
        self._wanted = frozenset(_types(given))
        self._care = care_range(given.text("start"), given.text("end"))
        since = interval(given.text("_since"))
        self._since = since[0] if since is not None else None
        self._neighbours = Neighbours(server.store, charts_per_page(server), exchange.base_url)
        self._exchange = exchange
        self._may: dict[str, bool] = {}
        self._part: dict[str, Part | None] = {}

    def of_all(self, owners: Iterable[Record]) -> Iterator[tuple[Record, bool]]:
        """Everything of several patients, nothing twice."""
        seen: set[str] = set()
        for owner in owners:
            for record, match in self.of(owner):
                if record.key not in seen:
                    seen.add(record.key)
                    yield record, match

    def of(self, owner: Record) -> Iterator[tuple[Record, bool]]:
        """Everything of one patient or encounter: (record, whether it is of the compartment)."""
        held: dict[str, Record] = {owner.key: owner}
        provenance: list[Record] = []
        for record in self._compartment(owner):
            if record.resource_type == "Provenance":
                provenance.append(record)
            elif falls_into(record.document, self._care):
                held.setdefault(record.key, record)
        for record in provenance:
            # Provenance is of what it tells of, whenever it was recorded.
            if any("/".join(key) in held for key in references(record.document.get("target"), self._base_url)):
                held.setdefault(record.key, record)
        beside = self._referred_to(owner, held)
        yield from ((record, True) for record in held.values() if self._shown(record))
        yield from ((record, False) for record in beside if self._shown(record))

    def _compartment(self, owner: Record) -> Iterator[Record]:
        rows = compartment(owner.resource_type)
        kinds = [kind for kind in self._server.types if kind in rows and kind != owner.resource_type]
        base = self._server.store.base
        patients = patients_of(self._server.store, owner.resource_type, owner.id)
        for kind in kinds:
            member = membership(kind, owner, self._base_url)
            whole = owner.resource_type == "Patient" and bool(rows[kind])
            keys = [(owner.resource_type, owner.id)]
            for record in chain.from_iterable(self._neighbours.of_chart(kind, one, keys) for one in patients):
                # what was written may tell of a patient of that id on another server
                computed = whole and record.patient == owner.id and base.read(kind, record.id) is not None
                if computed or member(record.document):
                    yield record
        if owner.resource_type == "Encounter" and "Provenance" in self._server.types:
            yield from self._server.store.chart(owner.patient, "Provenance")

    def _referred_to(self, owner: Record, held: dict[str, Record]) -> list[Record]:
        """What these records refer to, and what that refers to, but for other patients' records."""
        found: dict[str, Record] = {}
        fresh = list(held.values())
        while fresh:
            new: list[Record] = []
            for record in fresh:
                for kind, id in chain(
                    references(record.document, self._base_url), attached(record.document, self._base_url)
                ):
                    key = f"{kind}/{id}"
                    if key in held or key in found or (kind == "Patient" and id != owner.patient):
                        continue
                    target = self._server.store.read(kind, id)
                    if target is None or target.deleted or target.patient not in ("", owner.patient):
                        continue
                    found[key] = target
                    # What lies in the chart was asked for by its compartment; only shared records lead on.
                    new += [] if target.patient else [target]
            fresh = new
        return list(found.values())

    def _shown(self, record: Record) -> bool:
        kind = record.resource_type
        if kind not in self._may:
            self._may[kind] = permitted(self._server, self._exchange, kind)
            self._part[kind] = self._server.part(self._exchange, kind, "search")
        if not self._may[kind] or (self._wanted and kind not in self._wanted):
            return False
        part = self._part[kind]
        if part is not None and not part.covers(record):
            return False
        return self._since is None or record.updated * SECOND >= self._since


EVERYTHING: Final = Operation(
    "everything",
    "http://hl7.org/fhir/OperationDefinition/Patient-everything",
    everything,
    frozenset({"type", "instance"}),
    frozenset({"Patient", "Encounter"}),
)
