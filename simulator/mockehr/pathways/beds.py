"""Wards and beds, and who lies where. The lowest number is given out first; who waits is served in order."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from mockehr.core.errors import UnknownName
from mockehr.population import roster

Full = Literal["hallway", "wait"]
"""What becomes of a patient for whom no bed is free: a bed in the hallway, or waiting until one is."""


@dataclass(frozen=True, slots=True)
class Ward:
    """One ward. `weight` is its part of the hospital's beds; `place` its position among the directory's Locations, -1
    if it has none; `professions` the titles of those who attend there."""

    code: str
    name: str
    weight: int
    place: int
    professions: tuple[str, ...]


_MEDICAL: Final = ("Internal Medicine", "Endocrinology, Diabetes & Metabolism")
_ALL: Final = (
    Ward("ED", "Emergency Department", 9, roster.EMERGENCY, ("Emergency Medicine",)),
    Ward("ICU", "Intensive Care Unit", 6, roster.INTENSIVE_CARE, ("Internal Medicine", "Cardiovascular Disease")),
    Ward("MED", "Medical Ward 2 East", 27, roster.MEDICAL_WARD, _MEDICAL),
    Ward("SURG", "Surgical Ward 3 West", 16, roster.SURGICAL_WARD, ("Surgery",)),
    Ward("ORTHO", "Orthopaedic Ward 3 East", 8, -1, ("Orthopaedic Surgery",)),
    Ward("CARD", "Cardiology Ward 4 East", 8, -1, ("Cardiovascular Disease",)),
    Ward("STROKE", "Stroke Unit", 4, -1, ("Internal Medicine",)),
    Ward("MAT", "Labor and Delivery", 7, -1, ("Obstetrics & Gynecology",)),
    Ward("NURSERY", "Newborn Nursery", 5, -1, ("Pediatrics",)),
    Ward("ONC", "Oncology Day Unit", 4, -1, ("Internal Medicine",)),
    Ward("DIAL", "Dialysis Unit", 3, -1, ("Internal Medicine",)),
    Ward("PSYCH", "Behavioral Health Unit", 3, -1, ("Psychiatry",)),
)
WARDS: Final = MappingProxyType({ward.code: ward for ward in _ALL})
"""The wards of every hospital, by code."""
FEWEST: Final = len(_ALL)
"""Beds: every ward has one."""


@dataclass(frozen=True, slots=True)
class Bed:
    """One bed; `number` counts from 1 in its ward, on the hallway too."""

    ward: str
    number: int
    hallway: bool = False

    @property
    def point(self) -> str:
        """Ward, room and bed as HL7 writes an assigned location (PL): `MED^204^B`."""
        if self.hallway:
            return f"{self.ward}^HALL^{self.number}"
        if self.ward == "ED":
            return f"ED^{self.number:02d}^1"
        return f"{self.ward}^{100 + (self.number + 1) // 2}^{'BA'[self.number % 2]}"

    @property
    def name(self) -> str:
        """For people: `MED 204 B`."""
        return self.point.replace("^", " ")


@dataclass(slots=True)
class _Stock:
    free: list[int] = field(default_factory=list)
    hall: list[int] = field(default_factory=list)
    halls: int = 0
    waiting: deque[Callable[[], bool]] = field(default_factory=deque)


def share_out(beds: int, own: Mapping[str, int]) -> dict[str, int]:
    """Beds by ward: `own` as told, the rest of `beds` by weight, at least one each."""
    rest = [ward for ward in _ALL if ward.code not in own]
    left, weights = beds - sum(own.values()), sum(ward.weight for ward in rest)
    given = {ward.code: max(1, left * ward.weight // weights) for ward in rest}
    if rest:
        largest = max(rest, key=lambda ward: ward.weight).code
        given[largest] = max(1, given[largest] + left - sum(given.values()))
    return {ward.code: own[ward.code] if ward.code in own else given[ward.code] for ward in _ALL}


class Beds:
    """All beds of one hospital. Whoever lies somewhere is told by any text that names the visit."""

    def __init__(self, sizes: Mapping[str, int], full: Full = "hallway") -> None:
        self.sizes = dict(sizes)
        self.full = full
        self._stock: dict[str, _Stock] = {}
        self.taken: dict[Bed, str] = {}
        """Who lies where."""
        self.clear()

    def clear(self) -> None:
        """Everybody gone."""
        self.taken.clear()
        self._stock = {code: _Stock(list(range(1, size + 1))) for code, size in self.sizes.items()}

    def claim(self, ward: str, visit: str, *, wanted: Bed | None = None) -> Bed | None:
        """A bed on that ward, if there is one `wanted` itself; None where all are taken and one has to wait. Raises
        UnknownName."""
        stock = self._of(ward)
        if wanted is not None and wanted.ward == ward and not wanted.hallway and wanted.number in stock.free:
            stock.free.remove(wanted.number)
            heapq.heapify(stock.free)
            bed = wanted
        elif stock.free:
            bed = Bed(ward, heapq.heappop(stock.free))
        elif self.full == "wait":
            return None
        else:
            if not stock.hall:
                stock.halls += 1
                stock.hall.append(stock.halls)
            bed = Bed(ward, heapq.heappop(stock.hall), hallway=True)
        self.taken[bed] = visit
        return bed

    def release(self, bed: Bed) -> None:
        """Nobody lies there any more; whoever waited longest for that ward is told."""
        if self.taken.pop(bed, None) is None:
            return
        stock = self._of(bed.ward)
        heapq.heappush(stock.hall if bed.hallway else stock.free, bed.number)
        while stock.waiting and not bed.hallway:
            if stock.waiting.popleft()():
                break

    def swap(self, one: Bed, other: Bed) -> None:
        """Two patients change places."""
        self.taken[one], self.taken[other] = self.taken[other], self.taken[one]

    def wait(self, ward: str, tell: Callable[[], bool]) -> None:
        """Have `tell` called once when a bed of that ward is free; it says whether it still wants one."""
        self._of(ward).waiting.append(tell)

    def occupied(self) -> dict[str, int]:
        """How many lie on each ward, hallway beds included."""
        found = dict.fromkeys(self.sizes, 0)
        for bed in self.taken:
            found[bed.ward] += 1
        return found

    def waiting(self) -> int:
        """How many wait for a bed."""
        return sum(len(stock.waiting) for stock in self._stock.values())

    def _of(self, ward: str) -> _Stock:
        found = self._stock.get(ward)
        if found is None:
            raise UnknownName("ward", ward, self._stock)
        return found
