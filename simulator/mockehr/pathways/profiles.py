"""Order profiles: what an order asks for and what its results look like. The laboratory's panels are some, too.

The shipped ones lie in `corpora/pathways/orders/`; a pathway file may bring its own under `orders:`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from pydantic import Field

from mockehr.config.explain import validate
from mockehr.config.load import load_file
from mockehr.config.settings import Section
from mockehr.core.chance import Stream
from mockehr.core.data import data_root
from mockehr.core.exchange import JSON
from mockehr.pathways.scalars import Loinc, ValueSpan
from mockehr.population.chart.analytes import ANALYTES, PANELS, SPECIMENS, bounds
from mockehr.population.chart.codes import UCUM, row, table
from mockehr.population.chart.laboratory import filtration

Word = Literal["NORMAL", "HIGH", "LOW", "ABNORMAL", "RANDOM", "POSITIVE", "NEGATIVE", "EMPTY"]
Kind = Literal["laboratory", "radiology", "cardiology", "pathology"]
_WORDS: Final = frozenset(("NORMAL", "HIGH", "LOW", "ABNORMAL", "RANDOM", "POSITIVE", "NEGATIVE", "EMPTY"))
Specimen = Literal["blood", "urine", "throat"]


class Test(Section):
    """One thing that is measured."""

    code: Loinc
    unit: str = ""
    """UCUM; without one the result is a text, such as a blood group."""
    low: float | None = None
    """Of the reference range; without a bound it is open on that side."""
    high: float | None = None
    decimals: int = 0
    highest: float | None = None
    """Up to where HIGH goes; twice `high` unless told."""
    lowest: float | None = None
    """Down to where LOW goes; half of `low` unless told."""
    normal: str = ""
    """The text of a NORMAL or NEGATIVE result, for tests without a unit."""
    abnormal: str = ""


class OrderProfile(Section):
    """What can be ordered under one name."""

    code: Loinc
    kind: Kind = "laboratory"
    specimen: Specimen | None = None
    tests: dict[str, Test] = Field(default_factory=dict)
    """What its report measures; none: a report in prose alone."""
    normal: str = ""
    """What the report says if nothing is wrong, and if something is."""
    abnormal: str = ""


class ProfileFile(Section):
    """A file of shipped profiles."""

    orders: dict[str, OrderProfile]


@cache
def shipped_profiles() -> Mapping[str, OrderProfile]:
    """The panels of the laboratory and the profiles in `corpora/pathways/orders/`, by name."""
    found = {name: _panel(name) for name in PANELS if PANELS[name].analytes[0] in ANALYTES}
    for file in sorted((data_root("corpora") / "pathways" / "orders").iterdir(), key=lambda one: one.name):
        if file.name.endswith(".yaml"):
            found |= validate(ProfileFile, load_file(Path(str(file)))).orders
    return MappingProxyType(found)


def _panel(name: str) -> OrderProfile:
    panel = PANELS[name]
    tests = {analyte: _analyte(analyte) for analyte in panel.analytes}
    specimen = panel.specimen if panel.specimen in SPECIMENS else None
    return OrderProfile.model_validate({"code": panel.order, "specimen": specimen, "tests": tests})


def _analyte(name: str) -> Test:
    one = ANALYTES[name]
    return Test(code=one.loinc, unit=one.unit, low=one.low, high=one.high, decimals=one.decimals)


def drawn(
    tests: Mapping[str, Test],
    wanted: Mapping[str, Word | str | float | ValueSpan],
    rest: Word,
    stream: Stream,
    *,
    sex: str,
    age: float,
) -> dict[str, float | str | None]:
    """A value for each test: a number, a text, or None for none at all. What follows from others is computed, unless
    it is told: red cell indices, the filtration rate."""
    found = {
        name: _value(test, wanted.get(name, rest), stream, _bounds(name, test, sex)) for name, test in tests.items()
    }
    _derive(found, wanted, tests, sex, age)
    return found


def _bounds(name: str, test: Test, sex: str) -> tuple[float | None, float | None]:
    if name in ANALYTES and ANALYTES[name].loinc == test.code:
        return bounds(name, sex)
    return test.low, test.high


def flag_of(name: str, test: Test, value: float | str | None, sex: str) -> str:
    """`H`, `L` or `N` of a number; `A` or `N` of a text that is one of the test's own; empty where nobody can say."""
    if isinstance(value, str):
        return {test.abnormal: "A", test.normal: "N"}.get(value, "") if value else ""
    low, high = _bounds(name, test, sex)
    if value is None or (low is None and high is None):
        return ""
    return "L" if low is not None and value < low else "H" if high is not None and value > high else "N"


def reference_range(name: str, test: Test, sex: str) -> list[JSON]:
    """`referenceRange`; empty if there is none."""
    low, high = _bounds(name, test, sex)
    sides = {
        side: quantity_of(limit, test.unit) for side, limit in (("low", low), ("high", high)) if limit is not None
    }
    return [sides] if sides else []


def quantity_of(value: float, unit: str) -> JSON:
    """A Quantity in any UCUM unit."""
    shown = row("ucum", unit)["unit"] if unit in table("ucum") else unit
    return {"value": value, "unit": shown, "system": UCUM, "code": unit}


def _value(
    test: Test, wanted: Word | str | float | ValueSpan, stream: Stream, limits: tuple[float | None, float | None]
) -> float | str | None:
    if isinstance(wanted, ValueSpan):
        return _rounded(wanted.draw(stream), test)
    if isinstance(wanted, int | float):
        return _rounded(float(wanted), test)
    if wanted not in _WORDS:
        return wanted
    if wanted == "EMPTY":
        return None
    if wanted == "RANDOM":
        wanted = stream.weighted(("NORMAL", "HIGH", "LOW"), (3, 1, 1))
    if not test.unit:
        return test.normal if wanted in ("NORMAL", "NEGATIVE", "LOW") else test.abnormal
    if wanted in ("ABNORMAL", "POSITIVE"):
        wanted = "LOW" if limits[1] is None or (limits[0] is not None and stream.chance(0.5)) else "HIGH"
    return _rounded(_within(str(wanted), test, limits, stream), test)


def _within(word: str, test: Test, limits: tuple[float | None, float | None], stream: Stream) -> float:
    low, high = limits
    if low is None and high is None:
        return stream.uniform(0, test.highest or 1)
    step = 10.0**-test.decimals
    if word == "HIGH" and high is not None:
        return stream.uniform(high + step, max(high + 2 * step, test.highest or high * 2))
    if word == "LOW" and low is not None:
        return stream.uniform(test.lowest if test.lowest is not None else low / 2, low - step)
    floor = low if low is not None else (high or 0.0) * 0.3
    ceiling = high if high is not None else floor * 1.6
    return floor + (ceiling - floor) * (0.15 + 0.7 * stream.random())


def _rounded(value: float, test: Test) -> float:
    return round(value, test.decimals) if test.decimals else round(value)


def _derive(
    found: dict[str, float | str | None], told: Mapping[str, object], tests: Mapping[str, Test], sex: str, age: float
) -> None:
    made: dict[str, float] = {}
    values = {name: value for name, value in found.items() if isinstance(value, int | float)}
    if {"hgb", "mchc", "mcv"} <= values.keys():
        made["hct"] = values["hgb"] / values["mchc"] * 100
        made["rbc"] = made["hct"] * 10 / values["mcv"]
        made["mch"] = values["hgb"] * 10 / made["rbc"]
    if "creatinine" in values:
        made["egfr"] = filtration(values["creatinine"], age, sex)
    found.update(
        (name, _rounded(value, tests[name])) for name, value in made.items() if name in tests and name not in told
    )
