"""Answering criteria without an index: each becomes slot ranges; several meet by filtering the smallest set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Final

from mockehr.core.errors import UnknownName, UsageError
from mockehr.population.bands import Band, Clause
from mockehr.population.criteria import Among, AnyOf, Between, Contains, Criterion, Equals, Exact, Placed, Starts
from mockehr.population.pools import SEXES, families
from mockehr.population.roster import PRIMARY_CARE, clinic_of
from mockehr.population.table import Lexicon, Run
from mockehr.population.traits import Traits

__all__ = [
    "TRAITS",
    "Among",
    "AnyOf",
    "Between",
    "Contains",
    "Criterion",
    "Equals",
    "Exact",
    "Selection",
    "Starts",
    "select",
]

Named = Starts | Equals | Exact | Contains
Finder = Callable[[Lexicon], list[Run]]


class Selection:
    """The patients that satisfy all criteria, in a stable order: that of the smallest set's trait.

    `count` is exact. It costs nothing for one criterion on one trait (and for several on the same one); otherwise the
    smallest set is enumerated, so ask `count_up_to` where a bound will do.
    """

    __slots__ = ("_counted", "_cursor", "_lead", "_rest")

    def __init__(self, clauses: Sequence[Clause]) -> None:
        ordered = sorted(clauses, key=lambda clause: clause.ceiling)
        self._lead = ordered[0]
        self._rest = tuple(ordered[1:])
        self._counted: int | None = None
        self._cursor: tuple[int, Iterator[int]] | None = None

    @property
    def count(self) -> int:
        """How many patients there are."""
        if self._counted is None:
            self._counted = sum(1 for _ in self) if self._rest else self._lead.count()
        return self._counted

    @property
    def ceiling(self) -> int:
        """At least as many as there are, at no cost."""
        return self._lead.ceiling

    @property
    def is_range(self) -> bool:
        """Whether counting costs nothing."""
        return not self._rest

    def count_up_to(self, cap: int) -> int:
        """The smaller of `count` and `cap`, stopping at the cap."""
        if self._counted is None and self._rest:
            return sum(1 for _ in islice(self, cap))
        return min(self.count, cap)

    def page(self, offset: int, limit: int) -> list[int]:
        """Indexes number `offset` to `offset + limit`; the page that follows the last one asked for is cheap."""
        if offset < 0 or limit < 0:
            raise ValueError(f"a page starts at 0 or later and has no negative length: page({offset}, {limit})")
        if not self._rest:
            return list(islice(self._lead.walk(offset), limit))
        kept, self._cursor = self._cursor, None
        walk = kept[1] if kept is not None and kept[0] == offset else islice(iter(self), offset, None)
        found = list(islice(walk, limit))
        self._cursor = (offset + len(found), walk)
        return found

    def __iter__(self) -> Iterator[int]:
        for index in self._lead.walk():
            if all(index in clause for clause in self._rest):
                yield index

    def __contains__(self, index: int) -> bool:
        return index in self._lead and all(index in clause for clause in self._rest)


def select(traits: Traits, criteria: Sequence[Criterion]) -> Selection:
    """The patients that satisfy all `criteria` (all patients if there are none)."""
    clauses: list[Clause] = []
    for criterion in criteria:
        clause = Clause(_bands(traits, criterion))
        twin = next((n for n, other in enumerate(clauses) if _meetable(clause, other)), None)
        if twin is None:
            clauses.append(clause)
        else:
            clauses[twin] = Clause([clause.bands[0].meet(clauses[twin].bands[0])])
    return Selection(clauses or [Clause([Band(traits.identity, [range(traits.size)])])])


def _meetable(left: Clause, right: Clause) -> bool:
    if len(left.bands) != 1 or len(right.bands) != 1:
        return False
    one, other = left.bands[0], right.bands[0]
    return one.plain and other.plain and one.axis is other.axis


def _bands(traits: Traits, criterion: Criterion) -> list[Band]:
    if isinstance(criterion, AnyOf):
        return [band for part in criterion.criteria for band in _bands(traits, part)]
    if isinstance(criterion, Among):
        inside = {index for index in criterion.indexes if 0 <= index < traits.size}
        return [Band(traits.identity, [range(index, index + 1) for index in inside])]
    if isinstance(criterion, Placed):
        return [Band(criterion.axis, criterion.ranges)]
    if criterion.trait not in TRAITS:
        raise UnknownName("trait", criterion.trait, TRAITS)
    if isinstance(criterion, Between):
        if criterion.trait != "birth_date":
            raise _unfit(criterion, "Ask for a range of birth_date only.")
        return _born_between(traits, criterion.low, criterion.high)
    named = _NAMED.get(criterion.trait)
    if named is not None:
        return named(traits, _finder(criterion))
    if isinstance(criterion, (Starts, Contains)):
        raise _unfit(criterion, f"Ask whether {criterion.trait} equals something (Equals).")
    return _VALUED[criterion.trait](traits, criterion.text)


def _unfit(criterion: Criterion, remedy: str) -> UsageError:
    return UsageError(f"{criterion} cannot be asked of a population.", remedy=remedy)


def _finder(criterion: Named) -> Finder:
    text = criterion.text
    match criterion:
        case Starts():
            return lambda lexicon: lexicon.starting(text)
        case Equals():
            return lambda lexicon: lexicon.equal(text)
        case Exact():
            return lambda lexicon: lexicon.exact(text)
        case Contains():
            return lambda lexicon: lexicon.containing(text)


def _family(traits: Traits, finder: Finder) -> list[Band]:
    pool = families()
    return [Band(traits.family, [pool.table.slots(run, traits.size) for run in finder(pool.names)])]


def _given(traits: Traits, finder: Finder) -> list[Band]:
    return [Band(traits.givens, traits.givens.find(finder))]


def _postcode(traits: Traits, finder: Finder) -> list[Band]:
    return _areas(traits, traits.places.by_postcode(finder))


def _city(traits: Traits, finder: Finder) -> list[Band]:
    return _areas(traits, traits.places.by_city(finder))


def _areas(traits: Traits, runs: list[Run]) -> list[Band]:
    return [Band(traits.place, [traits.places.table.slots(run, traits.size) for run in runs])]


def _sex(traits: Traits, text: str) -> list[Band]:
    return [Band(traits.lives.order, [traits.lives.sex_slots(sex) for sex in SEXES if sex == text])]


def _born_on(traits: Traits, text: str) -> list[Band]:
    day = _ordinal(text)
    return [Band(traits.lives.order, traits.lives.birth_slots(day, day + 1))]


def _born_between(traits: Traits, low: str, high: str) -> list[Band]:
    first = _ordinal(low) if low else 0
    last = _ordinal(high) if high else traits.today
    return [Band(traits.lives.order, traits.lives.birth_slots(first, last))]


def _ordinal(text: str) -> int:
    try:
        if len(text) != 10:
            raise ValueError(text)
        return date.fromisoformat(text).toordinal()
    except ValueError:
        raise UsageError(f"{text!r} is no date.", remedy="Write it as YYYY-MM-DD.") from None


def _mrn(traits: Traits, text: str) -> list[Band]:
    known = text.isascii() and text.isdigit() and len(text) <= 18 and int(text) < traits.size
    return [Band(traits.mrn, [range(int(text), int(text) + 1)] if known else [])]


def _phone(traits: Traits, text: str) -> list[Band]:
    return [Band(phones.order, [phones.slots(text)]) for phones in (traits.home, traits.mobile)]


def _email(traits: Traits, text: str) -> list[Band]:
    slot = traits.mail_slot(text)
    if slot is None or traits.person(traits.mobile.order.index(slot)).email != text.strip().casefold():
        return []
    return [Band(traits.mobile.order, [range(slot, slot + 1)])]


def _doctors(traits: Traits, wanted: Callable[[int], int], text: str) -> list[Band]:
    runs = [(n, n + 1) for n in PRIMARY_CARE if str(wanted(n)) == text]
    return [Band(traits.panel, [traits.panel_table.slots(run, traits.size) for run in runs])]


def _doctor(traits: Traits, text: str) -> list[Band]:
    return _doctors(traits, int, text)


def _clinic(traits: Traits, text: str) -> list[Band]:
    return _doctors(traits, clinic_of, text)


_NAMED: Final = MappingProxyType({"family": _family, "given": _given, "postcode": _postcode, "city": _city})
_VALUED: Final = MappingProxyType(
    {
        "sex": _sex,
        "birth_date": _born_on,
        "mrn": _mrn,
        "phone": _phone,
        "email": _email,
        "general_practitioner": _doctor,
        "site_of_care": _clinic,
    }
)
TRAITS: Final = frozenset(_NAMED) | frozenset(_VALUED)
