"""Answering patient searches by slot ranges: FHIR parameters → criteria of the population, matches → records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mockehr.fhir.record import Record
from mockehr.fhir.search import compile_query
from mockehr.fhir.search.parse import split_escaped, unescape
from mockehr.fhir.store import Hits
from mockehr.population.criteria import Among, AnyOf, Between, Contains, Criterion, Equals, Exact, Starts
from mockehr.population.search import Selection

if TYPE_CHECKING:
    from mockehr.sites.charts import Charts

COUNTED_UP_TO = 1_000_000
"""Several criteria are counted exactly up to here; beyond it a total is left out rather than slow."""


class PatientHits:
    """Patients of a computed population that match (`mockehr.fhir.store.Hits`)."""

    def __init__(self, charts: Charts, selection: Selection) -> None:
        self._charts = charts
        self._selection = selection

    @property
    def total(self) -> int | None:
        """The exact count; None where counting would mean enumerating very many."""
        return self._selection.count if self._selection.ceiling <= COUNTED_UP_TO or self._free() else None

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """The Patient records of that stretch."""
        return [self._charts.patient(index) for index in self._selection.page(offset, limit)]

    def with_seconds(self, seconds: Sequence[int], parameters: Sequence[tuple[str, str]]) -> Hits:
        """These, and behind them whoever of those second records matches, looked at one by one."""
        query = compile_query("Patient", list(parameters), strict=False)
        records = (self._charts.patient(index) for index in seconds)
        return HitsBehind(self, [record for record in records if query.matches(record.document)])

    def _free(self) -> bool:
        return self._selection.is_range


class HitsBehind:
    """Matches, and some that are held in a list behind them (`mockehr.fhir.store.Hits`)."""

    def __init__(self, first: Hits, behind: Sequence[Record]) -> None:
        self._first = first
        self._behind = behind

    @property
    def total(self) -> int | None:
        """The exact count, where the first ones know it."""
        return None if self._first.total is None else self._first.total + len(self._behind)

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """The records of that stretch."""
        records = list(self._first.page(offset, limit))
        if len(records) < limit and self._behind:
            before = self._first.total if self._first.total is not None else self._counted(offset, len(records))
            start = max(0, offset - before)
            records += self._behind[start : start + limit - len(records)]
        return records

    def _counted(self, offset: int, found: int) -> int:
        """How many the first ones are, where they end at or before a page that they do not fill."""
        if found or not offset:
            return offset + found
        low, high = 0, offset  # the last page that has anything lies between
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._first.page(middle, 1) else (low, middle)
        return low


def _unidentified(identifier: str) -> int | None:
    return None


def criteria_from(
    parameters: Sequence[tuple[str, str]],
    index_of: Callable[[str], int | None],
    mrn_of: Callable[[str], str | None],
    identified: Callable[[str], int | None] = _unidentified,
) -> list[Criterion] | None:
    """Criteria for those search parameters, or None if one of them cannot be answered by computation.

    `index_of` decodes a patient id; `mrn_of` turns an `identifier` value into the population's MRN digits, or None if
    that identifier is not computed from it; `identified` finds whom an identifier names by itself.
    """
    criteria: list[Criterion] = []
    for key, value in parameters:
        name, _, modifier = key.partition(":")
        texts = [unescape(text) for text in split_escaped(value, ",") if text]
        made: Sequence[Criterion | None]
        if modifier and name not in _NAMED:
            return None
        if name == "_id":
            made = [Among(tuple(i for i in (index_of(text) for text in texts) if i is not None))]
        elif name == "identifier":
            made = [_identified(identified(text), mrn_of(text)) for text in texts]
        elif name == "birthdate":
            made = [_born(text) for text in texts]
        else:
            named = _NAMED.get(name)
            made = [None] if named is None else [_text(trait, text, modifier) for trait in named for text in texts]
            if name == "name" and any(" " in text or "," in text for text in texts):
                return None  # may be a given and a family name in a row, or of the name as one text
        known = [criterion for criterion in made if criterion is not None]
        if len(known) < len(made) or not known:
            return None
        criteria.append(known[0] if len(known) == 1 else AnyOf(tuple(known)))
    return criteria


def _identified(index: int | None, number: str | None) -> Criterion | None:
    if index is not None:
        return Among((index,))
    return None if number is None else Equals("mrn", number)


def _text(trait: str, text: str, modifier: str) -> Criterion | None:
    if trait in ("sex", "phone", "email"):
        system, bar, code = text.rpartition("|")
        if modifier or not code or (bar and trait != "sex" and system != trait):
            return None
        return Equals(trait, code.casefold())
    if modifier == "exact":
        return Exact(trait, text)
    if modifier == "contains":
        return Contains(trait, text)
    return None if modifier else Starts(trait, text)


def _born(text: str) -> Criterion | None:
    prefix, day = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
    span = _span(day)
    if span is None:
        return None
    low, high = span
    ranges: Mapping[str, tuple[str, str]] = {
        "eq": (low, high),
        "ge": (low, ""),
        "gt": (high, ""),
        "le": ("", high),
        "lt": ("", low),
    }
    return Between("birth_date", *ranges[prefix]) if prefix in ranges else None


def _span(text: str) -> tuple[str, str] | None:
    """[first day, day after the last) of a date of any precision; None if it is none, or the last of the calendar."""
    try:
        if len(text) == 4:
            return f"{text}-01-01", date(int(text) + 1, 1, 1).isoformat()
        if len(text) == 7:
            first = date.fromisoformat(text + "-01")
            return first.isoformat(), (first + timedelta(days=32)).replace(day=1).isoformat()
        first = date.fromisoformat(text)
        return first.isoformat(), (first + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return None


_NAMED: Final = MappingProxyType(
    {
        "family": ("family",),
        "given": ("given",),
        "name": ("family", "given"),
        "gender": ("sex",),
        "address-postalcode": ("postcode",),
        "address-city": ("city",),
        "phone": ("phone",),
        "email": ("email",),
    }
)
