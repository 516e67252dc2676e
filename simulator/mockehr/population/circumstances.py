"""What is drawn per patient and cannot be searched by slot: race, ethnicity, language, marital status, death."""

from __future__ import annotations

from datetime import date
from typing import Final

from mockehr.core.chance import Stream
from mockehr.population.person import Coded

Shares = tuple[tuple[float, Coded], ...]
"""Answers with the cumulative share up to each; the last share is 1."""

UNKNOWN: Final = Coded("UNK", "Unknown")
WHITE: Final = Coded("2106-3", "White")
BLACK: Final = Coded("2054-5", "Black or African American")
ASIAN: Final = Coded("2028-9", "Asian")
NATIVE: Final = Coded("1002-5", "American Indian or Alaska Native")
ISLANDER: Final = Coded("2076-8", "Native Hawaiian or Other Pacific Islander")
HISPANIC: Final = Coded("2135-2", "Hispanic or Latino")
NOT_HISPANIC: Final = Coded("2186-5", "Not Hispanic or Latino")
ENGLISH: Final = Coded("en", "English")
SPANISH: Final = Coded("es", "Spanish")

_RACES: Final[dict[str, Shares]] = {
    "-": ((0.72, WHITE), (0.90, BLACK), (0.93, ASIAN), (0.95, NATIVE), (0.96, ISLANDER), (1.0, UNKNOWN)),
    "hispanic": ((0.70, WHITE), (0.76, BLACK), (0.80, NATIVE), (1.0, UNKNOWN)),
    "asian": ((0.90, ASIAN), (0.95, WHITE), (0.97, ISLANDER), (1.0, UNKNOWN)),
}
_ETHNICITIES: Final[dict[str, Shares]] = {
    "-": ((0.92, NOT_HISPANIC), (0.96, HISPANIC), (1.0, UNKNOWN)),
    "hispanic": ((0.86, HISPANIC), (0.96, NOT_HISPANIC), (1.0, UNKNOWN)),
    "asian": ((0.96, NOT_HISPANIC), (1.0, UNKNOWN)),
}
_LANGUAGES: Final[dict[str, Shares]] = {
    "-": (
        (0.955, ENGLISH),
        (0.97, SPANISH),
        (0.98, Coded("fr", "French")),
        (0.987, Coded("ar", "Arabic")),
        (0.994, Coded("ru", "Russian")),
        (1.0, Coded("pl", "Polish")),
    ),
    "hispanic": ((0.62, ENGLISH), (0.98, SPANISH), (1.0, Coded("pt", "Portuguese"))),
    "asian": (
        (0.66, ENGLISH),
        (0.80, Coded("zh", "Chinese")),
        (0.92, Coded("vi", "Vietnamese")),
        (1.0, Coded("ko", "Korean")),
    ),
}
_SINGLE: Final = Coded("S", "Never Married")
_MARRIED: Final = Coded("M", "Married")
_DIVORCED: Final = Coded("D", "Divorced")
_WIDOWED: Final = Coded("W", "Widowed")
_PARTNER: Final = Coded("T", "Domestic partner")
_MARITAL: Final[tuple[tuple[int, Shares], ...]] = (
    (18, ((1.0, _SINGLE),)),
    (30, ((0.68, _SINGLE), (0.90, _MARRIED), (0.96, _PARTNER), (0.98, _DIVORCED), (1.0, UNKNOWN))),
    (60, ((0.25, _SINGLE), (0.74, _MARRIED), (0.80, _PARTNER), (0.95, _DIVORCED), (0.97, _WIDOWED), (1.0, UNKNOWN))),
    (999, ((0.07, _SINGLE), (0.60, _MARRIED), (0.73, _DIVORCED), (0.97, _WIDOWED), (1.0, UNKNOWN))),
)
_DEATHS: Final = ((1, 0.0), (40, 0.004), (60, 0.02), (75, 0.06), (85, 0.16), (95, 0.38), (999, 0.6))
"""(age below, share who died within the last LOOKBACK days)."""
LOOKBACK: Final = 6 * 365


def _pick(shares: Shares, point: float) -> Coded:
    for share, answer in shares:
        if point < share:
            return answer
    return shares[-1][1]


def race_and_ethnicity(origin: str, stream: Stream) -> tuple[Coded, Coded]:
    """Both by the family name's origin, roughly as the 2020 census has them."""
    return _pick(_RACES[origin], stream.random()), _pick(_ETHNICITIES[origin], stream.random())


def language(origin: str, stream: Stream) -> Coded:
    """The preferred language by the family name's origin."""
    return _pick(_LANGUAGES[origin], stream.random())


def marital(age: int, stream: Stream) -> Coded:
    """Marital status by age."""
    point = stream.random()
    return next(_pick(shares, point) for below, shares in _MARITAL if age < below)


def death(born: int, today: int, age: int, stream: Stream) -> str:
    """The date of death, between birth and the day before `today` (ordinals), or empty for the living."""
    point = stream.random()
    share = next(share for below, share in _DEATHS if age < below)
    if point >= share:
        return ""
    span = min(LOOKBACK, today - born)
    return date.fromordinal(today - 1 - int(point / share * span)).isoformat()
