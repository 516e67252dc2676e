"""What a corruption is, and how it picks its patients.

A corruption is a frozen dataclass: its fields are its settings, its docstring its documentation. It has one or more
of the capability methods below and leaves what it is given alone. Its patients are a slot range of a permutation of
its own, so the list of everyone touched is exact without drawing a single chart.

Capabilities (`dice` is the stream of this corruption and this patient):

    dirty(chart, dice)          the dressed chart as it is shown instead: as many resources, in their order. The
                                Patient must come out the same when `chart` is the Patient alone.
    cross(chart, other, dice)   the same, mixed up with another dressed chart: of the patient's second record where
                                there is one, else of another patient; the Patient alone where `chart` is that
    grow(chart, dice)           (resource, when it was recorded) for each clean resource that a clean chart has
                                besides: true records, such as a chart of 50 000 of them has
    double(chart, dice)         the same for resources that are shown besides and are not true: entered twice
    shadow(patient, id, dice)   the clean chart of a second record of that patient, behind the population
    be(chart, dice)             the clean chart as it truly is: as many resources in their order, the Patient as is
    names()                     names (`Called`) that its patients truly bear, each as many of them as any other name

Who has `names` says of everybody that it applies: searches by name are answered by the slot range of each name.

`grow` and `double` leave out `id`; the chart numbers what they give on.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeVar

import mockehr.population.corruption as family_root
from mockehr.core.chance import Chance, Stream
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import JSON
from mockehr.core.registry import Registry
from mockehr.population.permutation import Permutation

CAPABILITIES: Final = ("dirty", "cross", "grow", "double", "shadow", "be", "names")

Coping = Literal["keep", "repair"]
"""What a client may end up with besides the truth: what the site showed (`keep`), or nothing else (`repair`).

Setting the record aside, and saying so, copes with either."""


@dataclass(frozen=True, slots=True)
class Ailment:
    """What the registry knows of a corruption besides its fields."""

    name: str
    ledger: tuple[str, ...]
    coping: Coping = "keep"
    capabilities: tuple[str, ...] = ()
    listed: bool = False
    """Whether its second records come up in searches, as any patient does."""


class Called(NamedTuple):
    """A name that somebody bears."""

    family: str
    given: tuple[str, ...] = ()


class Corruption(Protocol):
    """The seam: a file in this folder holds one of these, with one or more capabilities."""

    about: Ailment
    rate: float

    def applies(self, person: Any) -> bool:
        """Whether the person has anything that could be dirtied this way (a cheap look at traits)."""


C = TypeVar("C", bound=type)


def corruption(
    name: str, *, ledger: tuple[str, ...], coping: Coping = "keep", listed: bool = False
) -> Callable[[C], C]:
    """Mark a frozen dataclass as the corruption called `name`; raises TypeError if it has no capability."""

    def mark(cls: C) -> C:
        capabilities = tuple(one for one in CAPABILITIES if hasattr(cls, one))
        if not capabilities:
            raise TypeError(f"corruption {name!r} ({cls.__qualname__}) has none of {', '.join(CAPABILITIES)}")
        cls.about = Ailment(name, ledger, coping, capabilities, listed)  # type: ignore[attr-defined]
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
        if not 0 <= ailment.rate <= 1:
            what = f"{name}: rate is {ailment.rate:g}; it must be from 0 to 1."
            raise ConfigError(what, remedy="Write the share of patients, as in rate: 0.02.")
        self.name = name
        self.ailment = ailment
        self._does = {one: getattr(ailment, one) for one in ailment.about.capabilities}
        self._chance = chance
        self._person = person
        self._order = Permutation(chance.key("corruption", name), size) if size else None
        self._reach = round(size * ailment.rate)
        self._size = size
        self.names: tuple[Called, ...] = self._does["names"]() if self.does("names") else ()
        """What its patients are called, if it says so."""

    @property
    def axis(self) -> Permutation | None:
        """Everybody in the corruption's own order, in which those touched come first; None of nobody."""
        return self._order

    @property
    def reach(self) -> int:
        """How many come first in that order, whether it applies to them or not."""
        return self._reach

    def called(self, index: int) -> Called | None:
        """The name that this gives that patient; None if none."""
        if not self.names or self._order is None:
            return None
        slot = self._order.slot(index)
        return self.names[slot * len(self.names) // self._reach] if slot < self._reach else None

    def bearing(self, number: int) -> range:
        """The slots on `axis` of those who bear name number `number`."""
        count = len(self.names)
        return range(-(-number * self._reach // count), -(-(number + 1) * self._reach // count))

    def be(self, index: int, chart: Sequence[JSON]) -> list[JSON]:
        """That patient's clean chart as it truly is."""
        made: list[JSON] = self._does["be"](chart, self._stream(index, "be"))
        return made

    @property
    def coping(self) -> Coping:
        """What a client may make of it."""
        return self.ailment.about.coping

    def does(self, capability: str) -> bool:
        """Whether the corruption has that one of CAPABILITIES."""
        return capability in self._does

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
        """The dirtied form of that patient's dressed chart; itself if the corruption leaves that alone."""
        dirty = self._does.get("dirty")
        made: list[JSON] = list(chart) if dirty is None else dirty(chart, self._stream(index))
        return made

    def cross(self, index: int, chart: Sequence[JSON], other: Sequence[JSON]) -> list[JSON]:
        """That patient's dressed chart, mixed up with the other one."""
        made: list[JSON] = self._does["cross"](chart, other, self._stream(index, "cross"))
        return made

    def partner(self, index: int) -> int:
        """Whom that patient is mixed up with: the next one in the corruption's own order."""
        if self._order is None:
            return index
        return self._order.index((self._order.slot(index) + 1) % self._size)

    def more(self, capability: Literal["grow", "double"], index: int, chart: Sequence[JSON]) -> Iterable[Added]:
        """What that patient's clean chart has besides, by one of the two capabilities; nothing without it."""
        more = self._does.get(capability)
        added: Iterable[Added] = () if more is None else more(chart, self._stream(index, capability))
        return added

    def _stream(self, index: int, *names: str) -> Stream:
        return self._chance.stream("corruption", self.name, *names, index)

    @property
    def changes(self) -> bool:
        """Whether it shows records otherwise than they are."""
        return self.does("dirty") or self.does("cross")

    @property
    def shadows(self) -> int:
        """How many second records this adds behind the population (0 for most corruptions)."""
        return self._reach if self.does("shadow") else 0

    def shadowed(self, offset: int) -> int:
        """Whose second record number `offset` is."""
        if self._order is None or not 0 <= offset < self.shadows:
            raise IndexError(offset)
        return self._order.index(offset)

    def offset_of(self, index: int) -> int | None:
        """Which of the second records is that patient's; None if none is."""
        slot = self._order.slot(index) if self._order is not None else self.shadows
        return slot if slot < self.shadows else None

    def shadow(self, offset: int, patient: JSON, id: str) -> list[JSON]:
        """The clean chart of second record number `offset`, from its survivor's clean Patient."""
        dice = self._chance.stream("corruption", self.name, "s", offset)
        made: list[JSON] = self._does["shadow"](patient, id, dice)
        return made


Added = tuple[JSON, float]
"""A clean resource without an id, and when it was recorded, in seconds since 1970."""
