"""Where patients live: invented cities and counties in a real state's range of postcodes, drawn per population."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mockehr.core.chance import Stream
from mockehr.population.pools import cities, counties, postcodes
from mockehr.population.table import Lexicon, Run, Table


@dataclass(frozen=True, slots=True)
class Place:
    """One postcode area; `state` is its two-letter code."""

    postcode: str
    city: str
    district: str
    state: str


class Places:
    """Up to 60 postcode areas in up to 24 cities, sorted by postcode; a city's postcodes are neighbours."""

    __slots__ = ("_cities", "_postcodes", "areas", "table")

    def __init__(self, state: str, stream: Stream) -> None:
        low, high = postcodes(state)
        codes = sorted(stream.sample(range(low, high + 1), 60))
        towns = stream.sample(cities(), max(1, len(codes) * 2 // 5))
        districts = stream.sample(counties(), max(1, len(towns) // 4))
        areas = []
        for position, code in enumerate(codes):
            town = position * len(towns) // len(codes)
            district = districts[town * len(districts) // len(towns)]
            areas.append(Place(f"{code:05d}", towns[town], district, state))
        self.areas = tuple(areas)
        self.table = Table(stream.between(4, 20) for _ in areas)
        self._postcodes = Lexicon([area.postcode for area in areas])
        self._cities = tuple(Lexicon((area.city,)) for area in areas)

    def by_postcode(self, finder: Callable[[Lexicon], list[Run]]) -> list[Run]:
        """The areas whose postcode `finder` finds."""
        return finder(self._postcodes)

    def by_city(self, finder: Callable[[Lexicon], list[Run]]) -> list[Run]:
        """The areas whose city `finder` finds."""
        return [(n, n + 1) for n, lexicon in enumerate(self._cities) if finder(lexicon)]
