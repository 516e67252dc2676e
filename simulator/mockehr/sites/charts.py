"""A site's base: the population's charts, dressed by the personality and dirtied by the armed corruptions.

Everything here is computed when asked for and may be forgotten: a dressed chart comes out the same again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, takewhile
from typing import Final, Literal

from mockehr.core.chance import Chance
from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record
from mockehr.fhir.store import Hits
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import clean_id
from mockehr.personalities.model import Personality
from mockehr.population.chart import Staff, draw_chart, draw_patient, medications, staff_of
from mockehr.population.corruption.base import Infection
from mockehr.population.person import Person
from mockehr.population.population import Population
from mockehr.sites.dressed import CleanChart, DressedChart, record_of, weight_of
from mockehr.sites.groups import Groups
from mockehr.sites.naming import renamed, with_names
from mockehr.sites.roster import PatientHits, criteria_from

PATIENTS_KEPT = 4096
"""How many Patient records are kept beside the charts, and how many records that were read by id."""

SHORT: Final = 48
"""Records of one type in one chart up to which they are kept beside the charts, too: messages tell of coverage,
relatives and diagnoses again and again, and of more patients than there are charts kept."""
SHORT_KEPT: Final = 24_000
"""How many records, and lists of them, are kept so; most lists are empty."""


HELD: Final = 60_000
"""What all charts that are kept may weigh (`weight_of`) beside the last one: long ones drive out many short ones."""
LARGE: Final = 1 << 20
"""Octets from which on a record that was read by its id is not kept beside its chart."""

SECONDS_LISTED: Final = 5000
"""Second records that searches find, at most: each is looked at."""

FEW: Final = 4
"""Types of one chart that are made one by one; of more, all are made at once."""


class Charts:
    """The base of a simulated site (`mockehr.fhir.store.Base`). Memory does not depend on the population's size."""

    def __init__(
        self, population: Population, chance: Chance, personality: Personality, facts: SiteFacts, *, kept: int
    ) -> None:
        self.population = population
        self.personality = personality
        self.facts = facts
        self.ids = personality.ids(facts)
        self.infections: dict[str, Infection] = {}
        self.generation = 0
        """Goes up whenever charts are dressed otherwise than before."""
        self._chance = chance
        self._kept = kept
        self._cache: OrderedDict[int, DressedChart] = OrderedDict()
        self._patients: OrderedDict[int, Record] = OrderedDict()
        self._read: dict[tuple[str, str], Record] = {}
        self._short: dict[tuple[int, str], Sequence[Record]] = {}
        self._short_kept = 0
        self._listed: tuple[int, ...] | None = None
        self._held = 0
        self._shared: dict[str, list[Record]] = {}
        self._shared_by_key: dict[str, Record] = {}
        self._clean_shared: dict[str, JSON] = {}
        self._staff: Staff | None = None
        self.groups = Groups(self, personality.settings["groups"])

    @property
    def size(self) -> int:
        """Patients, second records of half-done merges included."""
        return self.population.size + sum(infection.shadows for infection in self.infections.values())

    # mockehr.fhir.store.Base

    def read(self, resource_type: str, id: str) -> Record | None:
        """One record, found by decoding its id."""
        found = self._read.get((resource_type, id))
        if found is None:
            found = self._look_up(resource_type, id)
            if found is not None and len(found.body) < LARGE:
                if len(self._read) >= PATIENTS_KEPT:
                    self._read.clear()
                self._read[resource_type, id] = found
        return found

    def _look_up(self, resource_type: str, id: str) -> Record | None:
        place = self.ids.decode(resource_type, id)
        if place is None:
            return None
        index = place[0]
        if index is None:
            self.shared(resource_type)
            return self._shared_by_key.get(f"{resource_type}/{id}")
        if not 0 <= index < self.size:
            return None
        if resource_type == "Patient":
            found = self.patient(index)
            return found if found.id == id else None
        return self.dressed(index).get(resource_type, id)

    def chart(self, patient: str, resource_type: str) -> Sequence[Record]:
        """One patient's records of a type."""
        index = self.index_of(patient)
        if index is None or not 0 <= index < self.size:
            return ()
        if resource_type == "Patient":
            return (self.patient(index),)
        found = self._short.get((index, resource_type))
        if found is None:
            found = self.dressed(index).of_type(resource_type)
            if len(found) <= SHORT:
                self._keep_short(index, resource_type, found)
        return found

    def _keep_short(self, index: int, resource_type: str, records: Sequence[Record]) -> None:
        self._short_kept += len(records) + 1
        if self._short_kept > SHORT_KEPT:
            self._short.clear()
            self._short_kept = len(records) + 1
        self._short[index, resource_type] = records

    def shared(self, resource_type: str) -> Sequence[Record]:
        """Staff, organisations, places, medications and groups."""
        if not self._shared:
            self._dress_shared()
        if resource_type == "Group" and "Group" not in self._shared:  # apart, since they may have many members
            self._dress_shared_type("Group", self.groups.resources())
        return self._shared.get(resource_type, ())

    def patients(self, parameters: Sequence[tuple[str, str]]) -> Hits | None:
        """Patients by slot ranges, or None where the parameters want a look at every chart."""
        criteria = criteria_from(parameters, self.index_of, self.mrn_of, self.identified)
        if criteria is None:
            return None
        criteria = with_names(criteria, self.infections.values())
        found = PatientHits(self, self.population.find(criteria))
        return found.with_seconds(self.listed, parameters) if self.listed else found

    def everyone(self) -> Iterator[str]:
        """Ids of all patients in index order; of second records those that are listed."""
        return (self.patient_id(index) for index in chain(range(self.population.size), self.listed))

    def hides(self, resource_type: str, id: str) -> bool:
        """Second records are hidden, but for those that are listed."""
        place = self.ids.decode(resource_type, id)
        if place is None or place[0] is None or not self.population.size <= place[0] < self.size:
            return False
        return place[0] not in self.listed

    @property
    def listed(self) -> Sequence[int]:
        """Indexes of the second records that come up in searches, up to SECONDS_LISTED."""
        if self._listed is None:
            start, found = self.population.size, list[int]()
            for infection in self.infections.values():
                found += range(start, start + infection.shadows) if infection.ailment.about.listed else ()
                start += infection.shadows
            self._listed = tuple(found[:SECONDS_LISTED])
        return self._listed

    def issues(self, system: str) -> bool:
        """Whether the vendor's records can carry an identifier of that system."""
        return self.personality.issues(system)

    # by index

    def index_of(self, patient: str) -> int | None:
        """Whose id that is; None if nobody's."""
        place = self.ids.decode("Patient", patient)
        return None if place is None else place[0]

    def patient_id(self, index: int) -> str:
        """The id under which a patient is known here."""
        return self.ids.encode("Patient", index, 0)

    def patient(self, index: int) -> Record:
        """One patient's Patient record, without drawing the rest of the chart unless it is there already."""
        chart = self._cache.get(index)
        if chart is not None:
            return chart.of_type("Patient")[0]
        found = self._patients.get(index)
        if found is None:
            document, at = self.dress(index, dirty=True, patient_only=True)[0]
            found = self._patients[index] = record_of(document, at, self.patient_id(index))
            if len(self._patients) > PATIENTS_KEPT:
                self._patients.popitem(last=False)
        return found

    def person(self, index: int) -> Person:
        """The demographics of a patient of the population, under the name that corruptions give."""
        return renamed(self.population.person(index), self.infections.values())

    def clean(self, index: int, *, patient_only: bool = False) -> CleanChart:
        """The clean chart, before the vendor's dress; or only its Patient."""
        if index < self.population.size:
            if self._staff is None:
                self._staff = staff_of(self.population.directory.resources)
            person = self.person(index)
            draw = draw_patient if patient_only else draw_chart
            chart = draw(self._chance, person, self._staff, as_of=self.population.as_of)
            drawn = CleanChart(chart.resources, chart.times)
            return drawn if patient_only else self._as_it_is(index, self._with_more("grow", index, drawn))
        return self._second_record(index)

    def _as_it_is(self, index: int, clean: CleanChart) -> CleanChart:
        """A clean chart after the corruptions that are true."""
        for infection in self.infections.values():
            if infection.does("be") and infection.touches(index):
                clean = CleanChart(tuple(infection.be(index, clean.resources)), clean.times)
        return clean

    def _shown(self, index: int) -> CleanChart:
        """The clean chart with what is in it twice."""
        clean = self.clean(index)
        return self._with_more("double", index, clean) if index < self.population.size else clean

    def _with_more(self, capability: Literal["grow", "double"], index: int, clean: CleanChart) -> CleanChart:
        """A clean chart with what corruptions put into it besides."""
        for infection in self.infections.values():
            if infection.does(capability) and infection.touches(index):
                first = len(clean.resources)
                added = [
                    ({**resource, "id": clean_id(resource["resourceType"], index, first + place)}, at)
                    for place, (resource, at) in enumerate(infection.more(capability, index, clean.resources))
                ]
                resources = (*clean.resources, *(resource for resource, _ in added))
                clean = CleanChart(resources, (*clean.times, *(at for _, at in added)))
        return clean

    def dressed(self, index: int) -> DressedChart:
        """The chart as it goes out; kept for a while."""
        found = self._cache.get(index)
        if found is not None:
            self._cache.move_to_end(index)
            return found
        made = self._cache[index] = self._chart(index)
        self._held += made.weight
        while len(self._cache) > 1 and (len(self._cache) > self._kept or self._held > HELD):
            self._held -= self._cache.popitem(last=False)[1].weight
        return made

    def fresh(self, patient: str, kinds: Collection[str]) -> Mapping[str, Sequence[Record]]:
        """One patient's records by type, at least those of `kinds`, made for the occasion and not kept.

        An export goes through all charts; in the cache it would drive out those that are asked for.
        """
        index = self.index_of(patient)
        if index is None or not 0 <= index < self.size:
            return {}
        if len(kinds) <= FEW:
            chart = self._chart(index)
            return {kind: records for kind in sorted(kinds) if (records := chart.of_type(kind))}
        found: dict[str, list[Record]] = {}
        for document, at in self.dress(index, dirty=True):
            if document["resourceType"] in kinds:
                found.setdefault(document["resourceType"], []).append(record_of(document, at, patient))
        return found

    def dress(self, index: int, *, dirty: bool, patient_only: bool = False) -> list[tuple[JSON, float]]:
        """The dressed documents of a chart with their times, with or without its corruptions."""
        clean = self._shown(index) if dirty and not patient_only else self.clean(index, patient_only=patient_only)
        made = self._dress_all(clean.resources, clean.times)
        for _, documents in self._dirtied(index, made, patient_only=patient_only) if dirty else ():
            made = [(document, at) for document, (_, at) in zip(documents, made, strict=True)]
        return made

    def _dirtied(
        self, index: int, made: Sequence[tuple[JSON, float]], *, patient_only: bool = False
    ) -> Iterator[tuple[Infection, list[JSON]]]:
        """What each corruption that touches a chart makes of its dressed documents, one after the other."""
        documents = [document for document, _ in made]
        for infection in self.infections.values() if index < self.population.size else ():
            if infection.changes and infection.touches(index):
                documents = infection.dirty(index, documents)
                if infection.does("cross"):
                    other = self._other(infection, index)
                    mixed = self.dress(other, dirty=False, patient_only=patient_only)
                    documents = infection.cross(index, documents, [document for document, _ in mixed])
                yield infection, documents

    def _other(self, infection: Infection, index: int) -> int:
        """Whose chart one is mixed up with: the patient's second record, or another patient."""
        offset = infection.offset_of(index)
        if offset is None:
            return infection.partner(index)
        earlier = takewhile(lambda one: one is not infection, self.infections.values())
        return self.population.size + sum(one.shadows for one in earlier) + offset

    def corrupted(self, index: int) -> dict[str, list[Infection]]:
        """`Type/id` of every record of a chart that is not shown as it is, with the corruptions that did it."""
        return self.compared(index)[2]

    def compared(self, index: int) -> tuple[list[JSON], list[JSON], dict[str, list[Infection]]]:
        """A chart's documents as they are and as they are shown, and `corrupted` of it, at the price of one chart."""
        clean, shown = self.clean(index), self._shown(index)
        true = self._dress_all(clean.resources, clean.times)
        twice = len(shown.resources) > len(clean.resources)
        before = self._dress_all(shown.resources, shown.times) if twice else true
        found: dict[str, list[Infection]] = {}
        documents = [document for document, _ in before]
        for infection, dirtied in self._dirtied(index, before):
            for was, now in zip(documents, dirtied, strict=True):
                if now != was:
                    found.setdefault(f"{was['resourceType']}/{was['id']}", []).append(infection)
            documents = dirtied
        return [document for document, _ in true], documents, found | (self._doubled(index, shown) if twice else {})

    def _doubled(self, index: int, shown: CleanChart) -> dict[str, list[Infection]]:
        """The records of a chart that are in it twice, as `Type/id` of the second one, with who put them there."""
        names = [one for one in self.infections.values() if one.does("double") and one.touches(index)]
        clean = self.clean(index)
        if not names or len(shown.resources) == len(clean.resources):
            return {}
        made = self._dress_all(shown.resources, shown.times)
        true = {f"{one['resourceType']}/{one['id']}" for one, _ in self._dress_all(clean.resources, clean.times)}
        keys = [f"{document['resourceType']}/{document['id']}" for document, _ in made]
        return {key: names for key in keys if key not in true}

    def redress(self, personality: Personality) -> None:
        """Go on with another personality of the same product, whose ids are the same."""
        self.personality = personality
        self._forget()
        self._shared.clear()
        self._shared_by_key.clear()

    # corruptions

    def infect(self, infection: Infection) -> None:
        """Arm a corruption: charts made from now on carry it."""
        self.infections[infection.name] = infection
        self._forget()

    def cure(self, name: str) -> None:
        """Take a corruption away."""
        del self.infections[name]
        self._forget()

    def _forget(self) -> None:
        self.generation += 1
        self._listed = None
        self._held = 0
        self._cache.clear()
        self._patients.clear()
        self._read.clear()
        self._short.clear()
        self._short_kept = 0

    def _second_record(self, index: int) -> CleanChart:
        offset = index - self.population.size
        for infection in self.infections.values():
            if offset < infection.shadows:
                survivor = self.clean(infection.shadowed(offset))
                resources = infection.shadow(offset, survivor.resources[0], f"p{index}")
                return CleanChart(tuple(resources), (survivor.times[0],) * len(resources))
            offset -= infection.shadows
        raise IndexError(index)

    def survivors(self) -> Iterator[tuple[int, int]]:
        """(second record, survivor) index pairs of all half-done merges."""
        start = self.population.size
        for infection in self.infections.values():
            yield from ((start + offset, infection.shadowed(offset)) for offset in range(infection.shadows))
            start += infection.shadows

    def second_of(self, index: int) -> Infection:
        """The corruption that a second record comes from; raises IndexError if there is no such record."""
        offset = index - self.population.size
        for infection in self.infections.values() if offset >= 0 else ():
            if offset < infection.shadows:
                return infection
            offset -= infection.shadows
        raise IndexError(index)

    # dressing

    def _dresser(self, resources: Sequence[JSON], times: Sequence[float]) -> Dresser:
        recorded = {id(resource): at for resource, at in zip(resources, times, strict=True)}

        def when(resource: JSON) -> str:
            at = recorded.get(id(resource))
            return "" if at is None else instant(at)

        return Dresser.over(resources, ids=self.ids, facts=self.facts, recorded=when, directory=self._known)

    def _dress_all(self, resources: Sequence[JSON], times: Sequence[float]) -> list[tuple[JSON, float]]:
        dresser = self._dresser(resources, times)
        made: list[tuple[JSON, float]] = []
        beside: list[tuple[JSON, float]] = []
        for one, at in zip(resources, times, strict=True):
            made.append((self.personality.dress(one, dresser), at))
            beside += [(other, at) for other in self.personality.beside(one, dresser)]
        return made + beside

    def _chart(self, index: int) -> DressedChart:
        patient = self.patient_id(index)
        dirtying = (one for one in self.infections.values() if one.changes)
        if index >= self.population.size or not any(one.touches(index) for one in dirtying):
            clean = self._shown(index)
            return DressedChart(clean, self._dresser(clean.resources, clean.times), self.personality, patient)
        # A corruption that dirties looks at all of a chart.
        by_type: dict[str, list[tuple[JSON, float]]] = {}
        for document, at in self.dress(index, dirty=True):
            by_type.setdefault(document["resourceType"], []).append((document, at))
        made = DressedChart(CleanChart((), ()), self._dresser((), ()), self.personality, patient)
        made.weight = sum(weight_of(document for document, _ in kept) for kept in by_type.values())
        for kind, documents in by_type.items():
            made.keep(kind, documents)
        return made

    def _dress_shared(self) -> None:
        for kind, resources in self._clean_by_type().items():
            self._dress_shared_type(kind, resources)

    def _dress_shared_type(self, kind: str, resources: Sequence[JSON]) -> None:
        made = self._dress_all(resources, [self.population.as_of] * len(resources))
        self._shared.setdefault(kind, [])
        for document, at in made:  # some vendors have records of other types beside these
            record = record_of(document, at, "")
            self._shared.setdefault(record.resource_type, []).append(record)
            self._shared_by_key[record.key] = record

    def _clean_by_type(self) -> dict[str, tuple[JSON, ...]]:
        return {**self.population.directory.resources, "Medication": medications()}

    def _known(self, reference: str) -> JSON | None:
        """A clean shared resource by its clean reference."""
        if not self._clean_shared:
            kinds = self._clean_by_type().values()
            self._clean_shared = {f"{r['resourceType']}/{r['id']}": r for kind in kinds for r in kind}
        return self._clean_shared.get(reference)

    def identified(self, identifier: str) -> int | None:
        """Whom an `identifier` value names by itself, where the vendor's identifiers are made of its ids."""
        system, _, value = identifier.rpartition("|")
        id = self.personality.identified(system, value, self.facts)
        return self.index_of(id) if id else None

    def mrn_of(self, identifier: str) -> str | None:
        """The population's record number in an `identifier` value; None if it is of another kind."""
        system, bar, value = identifier.rpartition("|")
        if bar and self.personality.identifier_kind(system, self.facts) != "MR":
            return None
        value = self.personality.record_number(value)
        return str(int(value)) if value.isascii() and value.isdigit() and len(value) < 19 else None
