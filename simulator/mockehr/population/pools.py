"""The committed pools of `corpora/pools/`, read once and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName
from mockehr.core.folding import fold
from mockehr.population.table import Lexicon, Table

Sex = Literal["female", "male"]
SEXES: Final[tuple[Sex, Sex]] = ("female", "male")
_FALLOFF: Final = (12, 7, 3)
"""How usual a name is in its best decade, and one and two decades off; beyond that 1."""


@dataclass(frozen=True, slots=True)
class Families:
    """Family names by folded form; `origins` is `hispanic`, `asian` or `-` for each."""

    names: Lexicon
    table: Table
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """Given names of one sex by folded form; `peaks` is the decade in which each was most usual, 0 for any."""

    names: Lexicon
    weights: tuple[int, ...]
    peaks: tuple[int, ...]


def _text(name: str) -> str:
    return (data_root("corpora") / "pools" / name).read_text(encoding="utf-8")


def _rows(name: str) -> list[list[str]]:
    return [line.split("\t") for line in _text(name).splitlines()]


@cache
def families() -> Families:
    """The family names."""
    rows = _rows("family.txt")
    return Families(
        Lexicon([row[0] for row in rows]), Table(int(row[1]) for row in rows), tuple(row[2] for row in rows)
    )


@cache
def given(sex: Sex) -> Given:
    """The given names of `sex`."""
    rows = _rows(f"given-{sex}.txt")
    return Given(
        Lexicon([row[0] for row in rows]), tuple(int(row[1]) for row in rows), tuple(int(row[2]) for row in rows)
    )


@cache
def given_table(sex: Sex, decade: int) -> Table:
    """How usual each given name of `sex` was among those born in `decade` (1920, 1930 …)."""
    pool = given(sex)
    return Table(weight * _usual(peak, decade) for weight, peak in zip(pool.weights, pool.peaks, strict=True))


def _usual(peak: int, decade: int) -> int:
    if not peak:
        return 4
    away = abs(peak - decade) // 10
    return _FALLOFF[away] if away < len(_FALLOFF) else 1


@cache
def middle_names(sex: Sex) -> Lexicon:
    """Sixty equally likely second given names: 22 are absent (empty), 12 initials, 26 the most usual names."""
    pool = given(sex)
    usual = sorted(range(len(pool.weights)), key=lambda n: (-pool.weights[n], n))[:26]
    initials = [f"{letter}." for letter in "ABCDEFGJLMRS"]
    return Lexicon(sorted([""] * 22 + initials + [pool.names.texts[n] for n in usual], key=fold))


@dataclass(frozen=True, slots=True)
class ShortForms:
    """The short forms of one sex's given names, and which given names (by position) each belongs to."""

    names: Lexicon
    of: tuple[tuple[int, ...], ...]


@cache
def short_forms(sex: Sex) -> ShortForms:
    """The nicknames in use for given names of `sex`; a name that is its own nickname has none."""
    owners: dict[str, list[int]] = {}
    for position, name in enumerate(given(sex).names.texts):
        short = nicknames().get(name, "")
        if short and short != name:
            owners.setdefault(short, []).append(position)
    shorts = sorted(owners, key=fold)
    return ShortForms(Lexicon(shorts), tuple(tuple(owners[short]) for short in shorts))


@cache
def streets() -> tuple[str, ...]:
    """Street names, without numbers."""
    return tuple(row[0] for row in _rows("streets.txt"))


@cache
def cities() -> tuple[str, ...]:
    """City names, all invented."""
    return tuple(row[0] for row in _rows("cities.txt"))


@cache
def counties() -> tuple[str, ...]:
    """County names, all invented."""
    return tuple(row[0] for row in _rows("counties.txt"))


@cache
def _states() -> Mapping[str, tuple[int, int]]:
    ranges: dict[str, list[str]] = json.loads(_text("states.json"))
    return MappingProxyType({code: (int(low), int(high)) for code, (low, high) in ranges.items()})


def postcodes(state: str) -> tuple[int, int]:
    """First and last postcode of a state by its two-letter code; raises UnknownName."""
    try:
        return _states()[state]
    except KeyError:
        raise UnknownName("state", state, _states()) from None


@cache
def nicknames() -> Mapping[str, str]:
    """Given name -> the short form by which many of its bearers are called."""
    return MappingProxyType(json.loads(_text("nicknames.json")))
