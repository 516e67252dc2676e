"""A site's base: the population's charts, dressed by the personality and dirtied by the armed corruptions.

Everything here is computed when asked for and may be forgotten: a dressed chart comes out the same again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mockehr.core.chance import Chance
from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record, encode
from mockehr.fhir.store import Hits
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.model import Personality
from mockehr.population.chart import Chart, Staff, draw_chart, medications, recorded
from mockehr.population.corruption.base import Infection
from mockehr.population.population import Population
from mockehr.sites.roster import PatientHits, criteria_from


@dataclass(slots=True)
class DressedChart:
    """One patient's records as the vendor's server shows them: by type, and by `Type/id`."""

    by_type: dict[str, list[Record]]
    by_key: dict[str, Record]


class Charts:
    """The base of a simulated site (`mockehr.fhir.store.Base`). Memory does not depend on the population's size."""

    def __init__(self, population: Population, chance: Chance, personality: Personality, facts: SiteFacts,
                 *, kept: int) -> None:
        self.population = population
        self.personality = personality
        self.facts = facts
        self.ids = personality.ids(facts)
        self.infections: dict[str, Infection] = {}
        self._chance = chance
        self._kept = kept
        self._cache: OrderedDict[int, DressedChart] = OrderedDict()
        self._shared: dict[str, list[Record]] = {}
        self._shared_by_key: dict[str, Record] = {}
        self._clean_shared: dict[str, JSON] = {}

    @property
    def size(self) -> int:
        """Patients, second records of half-done merges included."""
        return self.population.size + sum(i.shadows for i in self.infections.values())

    def read(self, resource_type: str, id: str) -> Record | None:
        """One record, found by decoding its id."""
        place = self.ids.decode(resource_type, id)
        if place is None:
            return None
        index, _ = place
        if index is None:
            self.shared(resource_type)
            return self._shared_by_key.get(f"{resource_type}/{id}")
        if not 0 <= index < self.size:
            return None
        return self.dressed(index).by_key.get(f"{resource_type}/{id}")

    def chart(self, patient: str, resource_type: str) -> Sequence[Record]:
        """One patient's records of a type."""
        place = self.ids.decode("Patient", patient)
        if place is None or place[0] is None or not 0 <= place[0] < self.size:
            return ()
        return self.dressed(place[0]).by_type.get(resource_type, ())

    def shared(self, resource_type: str) -> Sequence[Record]:
        """Staff, organisations, places and medications."""
        if not self._shared:
            self._dress_shared()
        return self._shared.get(resource_type, ())

    def patients(self, parameters: Sequence[tuple[str, str]]) -> Hits | None:
        """Patients by slot ranges, or None where the parameters want a look at every chart."""
        criteria = criteria_from(parameters, self._index_of, self._mrn_of)
        if criteria is None:
            return None
        return PatientHits(self, self.population.find(criteria))

    def everyone(self) -> Iterator[str]:
        """Ids of all patients in index order."""
        return (self.patient_id(index) for index in range(self.size))

    def patient_id(self, index: int) -> str:
        """The id under which a patient is known here."""
        return self.ids.encode("Patient", index, 0)

    def patient(self, index: int) -> Record:
        """One patient's Patient record."""
        return self.dressed(index).by_type["Patient"][0]

    def clean(self, index: int) -> list[JSON]:
        """The clean chart by population index, before the vendor's dress."""
        size = self.population.size
        if index < size:
            staff = Staff.of(self.population.directory)
            chart: Chart = draw_chart(self._chance, self.population.person(index), staff, as_of=self.population.as_of)
            return list(chart.resources)
        return self._second_record(index)

    def dressed(self, index: int) -> DressedChart:
        """The chart as it goes out; kept for a while."""
        found = self._cache.get(index)
        if found is not None:
            self._cache.move_to_end(index)
            return found
        made = self._records(index, self.dress(index, dirty=True))
        self._cache[index] = made
        if len(self._cache) > self._kept:
            self._cache.popitem(last=False)
        return made

    def dress(self, index: int, *, dirty: bool) -> list[JSON]:
        """The dressed documents of a chart, with or without its corruptions."""
        clean = self.clean(index)
        dresser = Dresser.over(clean, ids=self.ids, facts=self.facts, recorded=recorded, directory=self._known)
        documents = [made for resource in clean for made in self._dressed(resource, dresser)]
        if dirty and index < self.population.size:
            for infection in self.infections.values():
                if infection.touches(index):
                    documents = infection.dirty(index, documents)
        return documents

    def infect(self, infection: Infection) -> None:
        """Arm a corruption: charts made from now on carry it."""
        self.infections[infection.name] = infection
        self._cache.clear()

    def cure(self, name: str) -> None:
        """Take a corruption away."""
        del self.infections[name]
        self._cache.clear()

    def _index_of(self, patient: str) -> int | None:
        place = self.ids.decode("Patient", patient)
        return place[0] if place is not None else None

    def _mrn_of(self, identifier: str) -> str | None:
        system, bar, value = identifier.rpartition("|")
        if bar and system and self.personality.identifier_kind(system, self.facts) != "MR":
            return None
        return value if value.isdigit() else None

    def _known(self, reference: str) -> JSON | None:
        """A clean shared resource by its clean reference."""
        if not self._clean_shared:
            directory: dict[str, tuple[JSON, ...]] = dict(self.population.directory.resources)
            directory["Medication"] = medications()
            self._clean_shared = {f"{r['resourceType']}/{r['id']}": r for kind in directory.values() for r in kind}
        return self._clean_shared.get(reference)

    def _dressed(self, clean: JSON, dresser: Dresser) -> Iterator[JSON]:
        yield self.personality.dress(clean, dresser)

    def _second_record(self, index: int) -> list[JSON]:
        offset = index - self.population.size
        for infection in self.infections.values():
            if offset < infection.shadows:
                survivor = self.clean(infection.shadowed(offset))[0]
                return infection.shadow(offset, survivor, f"p{index}")
            offset -= infection.shadows
        raise IndexError(index)

    def _records(self, index: int, documents: list[JSON]) -> DressedChart:
        patient = self.patient_id(index)
        made = DressedChart({}, {})
        for document in documents:
            record = self._record(document, patient)
            made.by_type.setdefault(record.resource_type, []).append(record)
            made.by_key[record.key] = record
        return made

    def _record(self, document: JSON, patient: str) -> Record:
        updated = self.population.as_of
        octets = bytes(memoryview(encode(document)))
        return Record(document["resourceType"], document["id"], 1, updated, document, octets, patient)

    def _dress_shared(self) -> None:
        directory: dict[str, tuple[JSON, ...]] = dict(self.population.directory.resources)
        directory["Medication"] = medications()
        for kind, clean in directory.items():
            dresser = Dresser.over(clean, ids=self.ids, facts=self.facts, recorded=recorded, directory=self._known)
            records = [self._record(made, "") for one in clean for made in self._dressed(one, dresser)]
            self._shared[kind] = records
            self._shared_by_key.update((record.key, record) for record in records)

