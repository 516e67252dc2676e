"""What a corruption is, and how it picks its patients.

A corruption is a frozen dataclass: its fields are its settings, its docstring its documentation. It works on a
dressed chart (a list of resources, the Patient first) and gives back a dirtied one, leaving what it is given alone.
Its patients are a slot range of a permutation of its own, so the list of everyone touched is exact without drawing a
single chart.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

import mockehr.population.corruption as family_root
from mockehr.core.chance import Chance, Stream
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import JSON
from mockehr.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Ailment:
    """What the registry knows of a corruption besides its fields."""

    name: str
    ledger: tuple[str, ...]


class Corruption(Protocol):
    """The seam: a file in this folder holds one of these."""

    about: Ailment
    rate: float

    def applies(self, person: Any) -> bool:
        """Whether the person has anything that could be dirtied this way (a cheap look at traits)."""

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The dirtied chart; resources that stay clean may be the same objects."""


C = TypeVar("C", bound=type)


def corruption(name: str, *, ledger: tuple[str, ...]) -> Callable[[C], C]:
    """Mark a frozen dataclass as the corruption called `name`."""

    def mark(cls: C) -> C:
        cls.about = Ailment(name, ledger)  # type: ignore[attr-defined]
        return cls

    return mark


@cache
def corruptions() -> Registry[Any]:
    """Every corruption there is, by name."""
    registry: Registry[Any] = Registry("corruption", reference="mockehr quirk list")
    for module in pkgutil.iter_modules(family_root.__path__, "mockehr.population.corruption."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and "about" in vars(thing) and thing.__module__ == module.name:
                registry.add(vars(thing)["about"].name, thing)
    return registry


class Infection:
    """One corruption armed at one site: which patients it touches, and what their charts look like then."""

    def __init__(
        self, name: str, ailment: Corruption, chance: Chance, size: int, person: Callable[[int], Any]
    ) -> None:
        from mockehr.population.permutation import Permutation

        if not 0 <= ailment.rate <= 1:
            what = f"{name}: rate is {ailment.rate:g}; it must be from 0 to 1."
            raise ConfigError(what, remedy="Write the share of patients, as in rate: 0.02.")
        self.name = name
        self.ailment = ailment
        self._chance = chance
        self._person = person
        self._order = Permutation(chance.key("corruption", name), size) if size else None
        self._reach = round(size * ailment.rate)

    def touches(self, index: int) -> bool:
        """Whether that patient's chart is dirtied."""
        if self._order is None or self._order.slot(index) >= self._reach:
            return False
        return self.ailment.applies(self._person(index))

    def patients(self) -> Iterator[int]:
        """The indexes of everyone touched, in a fixed order, made as they are asked for."""
        if self._order is not None:
            for slot in range(self._reach):
                index = self._order.index(slot)
                if self.ailment.applies(self._person(index)):
                    yield index

    def dirty(self, index: int, chart: Sequence[JSON]) -> list[JSON]:
        """The dirtied form of that patient's dressed chart."""
        return self.ailment.dirty(chart, self._chance.stream("corruption", self.name, index))

    @property
    def shadows(self) -> int:
        """How many second records this adds behind the population (0 for most corruptions)."""
        return self._reach if hasattr(self.ailment, "shadow") else 0

    def shadowed(self, offset: int) -> int:
        """Whose second record number `offset` is."""
        if self._order is None or not 0 <= offset < self.shadows:
            raise IndexError(offset)
        return self._order.index(offset)

    def shadow(self, offset: int, patient: JSON, id: str) -> list[JSON]:
        """The clean chart of second record number `offset`, from its survivor's clean Patient."""
        made: list[JSON] = self.ailment.shadow(patient, id, self._chance.stream("corruption", self.name, "s", offset))  # type: ignore[attr-defined]
        return made
