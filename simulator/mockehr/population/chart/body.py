"""The body that measurements are taken of: what is usual in it, how it grows, and what problems do to it."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp
from typing import Final

from mockehr.core.chance import Stream
from mockehr.population.chart.course import Course, Marker
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.times import YEAR

_HEIGHTS: Final = {
    # median height in cm at the ages of _AGES, from birth to adult; rounded from what every growth chart shows
    "female": (49, 60, 66, 74, 86, 101, 115, 127, 138, 151, 160, 162, 163),
    "male": (50, 61.5, 67.5, 76, 87, 102, 116, 128, 138, 149, 164, 174, 176),
}
_AGES: Final = (0, 0.25, 0.5, 1, 2, 4, 6, 8, 10, 12, 14, 16, 18)
_CHILD_BMI: Final = (13.2, 16.4, 17.1, 17.0, 16.4, 15.6, 15.4, 15.9, 16.8, 18.0, 19.4, 20.6, 21.6)


def _grown(curve: tuple[float, ...], age: float) -> float:
    if age >= _AGES[-1]:
        return curve[-1]
    for place in range(1, len(_AGES)):
        if age < _AGES[place]:
            low, high = _AGES[place - 1], _AGES[place]
            share = (age - low) / (high - low)
            return curve[place - 1] + share * (curve[place] - curve[place - 1])
    return curve[-1]


class Body:
    """Heights, weights and resting values of one patient as functions of time (seconds since 1970)."""

    __slots__ = ("_born", "_drift", "_end", "_markers", "_plump", "_pressure", "_pulse", "_sex", "_tall")

    def __init__(self, draft: Draft) -> None:
        dice = draft.stream("body")
        self._born = draft.born
        self._end = draft.end
        self._sex = draft.subject.sex
        self._tall = dice.normal(1.0, 0.038)
        self._plump = max(0.72, dice.normal(1.0, 0.15))
        self._drift = dice.normal(0.12, 0.25)
        self._pressure = dice.normal(0.0, 7.0)
        self._pulse = dice.normal(0.0, 6.5)
        self._markers = group_markers(draft.courses)

    def height(self, at: float) -> float:
        """Height in cm."""
        return _grown(_HEIGHTS[self._sex], (at - self._born) / YEAR) * self._tall

    def mass_index(self, at: float) -> float:
        """Body mass index in kg/m2; adults drift a little every year."""
        age = (at - self._born) / YEAR
        # people grow apart: children differ less than adults
        usual = _grown(_CHILD_BMI, age) * (1 + (self._plump - 1) * (0.6 + 0.4 * min(age, 25.0) / 25))
        if age > 18:
            usual += 5.8 * (1 - exp(-(age - 18) / 14)) - self._drift * (self._end - at) / YEAR
        return max(13.0, self.moved("bmi", usual, at))

    def systolic(self, at: float) -> float:
        """Systolic pressure in mmHg."""
        age = (at - self._born) / YEAR
        usual = 82 + 2.05 * min(age, 17) + max(0.0, age - 30) * 0.22 + self._pressure * (0.5 + min(age, 17) / 34)
        return self.moved("sbp", usual, at)

    def diastolic(self, at: float) -> float:
        """Diastolic pressure in mmHg."""
        age = (at - self._born) / YEAR
        usual = 48 + 1.5 * min(age, 17) + min(max(0.0, age - 30), 30) * 0.12 + self._pressure * 0.6
        return self.moved("dbp", usual, at)

    def pulse(self, at: float) -> float:
        """Heart rate a minute."""
        age = (at - self._born) / YEAR
        return self.moved("hr", 72 + 58 * exp(-age / 5) + self._pulse, at)

    def breaths(self, at: float) -> float:
        """Respiratory rate a minute."""
        age = (at - self._born) / YEAR
        return self.moved("rr", 15.5 + 24 * exp(-age / 3), at)

    def moved(self, name: str, usual: float, at: float) -> float:
        """`usual` as the problems of this patient have moved it by `at`."""
        return move(self._markers, name, usual, at)


def group_markers(courses: Iterable[Course]) -> dict[str, list[tuple[Course, Marker]]]:
    """Which problems move which measurement."""
    grouped: dict[str, list[tuple[Course, Marker]]] = {}
    for course in courses:
        for marker in course.area.markers:
            grouped.setdefault(marker.name, []).append((course, marker))
    return grouped


def move(markers: dict[str, list[tuple[Course, Marker]]], name: str, usual: float, at: float) -> float:
    """The level furthest from usual of those that the problems ask for."""
    found = markers.get(name)
    if found is None:
        return usual
    levels = [course.level(marker, usual, at) for course, marker in found]
    return max(levels, key=lambda level: abs(level - usual))


def scattered(dice: Stream, value: float, deviation: float) -> float:
    """`value` as one measurement of it comes out."""
    return value + deviation * (dice.random() + dice.random() - 1.0) * 2.449
