"""One patient's chart: the clean resources, and the records that are made of them when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record, encode
from mockehr.personalities.dresser import Dresser
from mockehr.personalities.model import Personality


@dataclass(frozen=True, slots=True)
class CleanChart:
    """Clean resources of one patient (the Patient first) and when each was recorded, in seconds since 1970."""

    resources: tuple[JSON, ...]
    times: tuple[float, ...]


class DressedChart:
    """One patient's records as the vendor's server shows them, made type by type when they are asked for."""

    __slots__ = ("_by_key", "_by_type", "_clean", "_dresser", "_patient", "_vendor", "weight")

    def __init__(self, clean: CleanChart, dresser: Dresser, vendor: Personality, patient: str) -> None:
        self._clean = clean
        self.weight = weight_of(clean.resources)
        self._dresser = dresser
        self._vendor = vendor
        self._patient = patient
        self._by_type: dict[str, list[Record]] = {}
        self._by_key: dict[str, Record] = {}

    def keep(self, resource_type: str, documents: Iterable[tuple[JSON, float]]) -> None:
        """Have these as all the records of a type, in their order."""
        made = self._by_type[resource_type] = [record_of(document, at, self._patient) for document, at in documents]
        self._by_key.update((record.key, record) for record in made)

    def of_type(self, resource_type: str) -> Sequence[Record]:
        """All records of a type, in the order of the chart; those beside another one come last."""
        if resource_type not in self._by_type:
            self.keep(resource_type, self._dressed(resource_type))
        return self._by_type[resource_type]

    def get(self, resource_type: str, id: str) -> Record | None:
        """One record, or None."""
        self.of_type(resource_type)
        return self._by_key.get(f"{resource_type}/{id}")

    @property
    def by_type(self) -> dict[str, Sequence[Record]]:
        """The whole chart: every type that it has, with its records."""
        told = dict.fromkeys(one["resourceType"] for one in self._clean.resources)
        kinds = dict.fromkeys((*told, *sorted(self._vendor.beside_types), *self._by_type))
        return {kind: records for kind in kinds if (records := self.of_type(kind))}

    @property
    def by_key(self) -> dict[str, Record]:
        """The whole chart by `Type/id`."""
        return {record.key: record for records in self.by_type.values() for record in records}

    def _dressed(self, resource_type: str) -> Iterator[tuple[JSON, float]]:
        vendor, dresser = self._vendor, self._dresser
        chart = list(zip(self._clean.resources, self._clean.times, strict=True))
        for one, at in chart:
            if one["resourceType"] == resource_type:
                yield vendor.dress(one, dresser), at
        for one, at in chart if resource_type in vendor.beside_types else ():
            for other in vendor.beside(one, dresser):
                if other["resourceType"] == resource_type:
                    yield other, at


def weight_of(resources: Iterable[JSON]) -> int:
    """How many resources of usual size those take the place of."""
    return sum(1 + (len(one.get("data", "")) >> 11) for one in resources)


def record_of(document: JSON, at: float, patient: str) -> Record:
    """The first version of a dressed document in that patient's chart, recorded at that time."""
    # A bytes object straight from the encoder keeps its over-sized buffer; a copy of exact size is a third of it.
    octets = bytes(memoryview(encode(document)))
    return Record(document["resourceType"], document["id"], 1, at, document, octets, patient)
