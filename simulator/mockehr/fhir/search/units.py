"""The UCUM units that hospitals write, brought to one unit of their dimension.

A factor table of the atoms in use, not a UCUM parser: `mg/dL`, `10*3/uL`, `kg/m2`, `{beats}/min` are understood,
powers and dots beyond that are not; a unit that is not understood compares with itself only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple


class Unit(NamedTuple):
    """canonical = value * factor + offset, in the base unit of `dimension`."""

    factor: float
    offset: float
    dimension: str


def _atoms() -> Mapping[str, tuple[float, str]]:
    scale = {"k": 1e3, "": 1.0, "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
    metric = {"g": "mass", "m": "length", "L": "volume", "l": "volume", "mol": "amount", "Pa": "pressure"}
    metric |= {"U": "enzyme", "[IU]": "international", "eq": "equivalent"}
    table = {prefix + name: (factor, kind) for name, kind in metric.items() for prefix, factor in scale.items()}
    table |= {
        "[lb_av]": (453.59237, "mass"),
        "[oz_av]": (28.349523125, "mass"),
        "[in_i]": (0.0254, "length"),
        "[ft_i]": (0.3048, "length"),
        "[foz_us]": (0.0295735295625, "volume"),
        "m2": (1.0, "area"),
        "m3": (1000.0, "volume"),
        "mm[Hg]": (133.322387415, "pressure"),
        "ms": (1e-3, "time"),
        "s": (1.0, "time"),
        "min": (60.0, "time"),
        "h": (3600.0, "time"),
        "d": (86400.0, "time"),
        "wk": (604800.0, "time"),
        "mo": (2629800.0, "time"),
        "a": (31557600.0, "time"),
        "%": (0.01, ""),
        "1": (1.0, ""),
        "": (1.0, ""),
    }
    table |= {f"10*{power}": (10.0**power, "") for power in range(1, 13)}
    return MappingProxyType(table)


_ATOMS = _atoms()
_TEMPERATURES: Mapping[str, Unit] = MappingProxyType(
    {
        "K": Unit(1.0, 0.0, "temperature"),
        "Cel": Unit(1.0, 273.15, "temperature"),
        "[degF]": Unit(5 / 9, 273.15 - 32 * 5 / 9, "temperature"),
    }
)


@lru_cache(maxsize=1024)
def unit(code: str) -> Unit | None:
    """What a UCUM code stands for, or None if it is beyond the table."""
    if code in _TEMPERATURES:
        return _TEMPERATURES[code]
    factor = 1.0
    above: list[str] = []
    below: list[str] = []
    for place, name in enumerate(code.split("/")):
        atom = _ATOMS.get(_without_annotation(name))
        if atom is None:
            return None
        factor = factor / atom[0] if place else factor * atom[0]
        if atom[1]:
            (below if place else above).append(atom[1])
    for kind in [kind for kind in above if kind in below]:
        above.remove(kind)
        below.remove(kind)
    return Unit(factor, 0.0, f"{' '.join(above)}/{' '.join(sorted(below))}")


def _without_annotation(name: str) -> str:
    start = name.find("{")
    return name[:start] if start >= 0 and name.endswith("}") else name


def convert(value: float, unit: Unit) -> float:
    """`value` in the base unit, rounded to 12 digits so that equal amounts in different units compare as equal."""
    return float(f"{value * unit.factor + unit.offset:.12g}")
