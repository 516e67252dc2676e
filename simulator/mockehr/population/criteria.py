"""What one can ask of a population. A criterion names a trait and what its value must be.

Traits: `family`, `given` (the first or the second given name), `birth_date`, `sex`, `postcode`, `city`, `mrn`,
`phone` (home or mobile), `email`, `general_practitioner`, `site_of_care` (positions in the directory, as digits).
"""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.population.traits import Axis


@dataclass(frozen=True, slots=True)
class Starts:
    """The value begins with `text`; case and accents do not count. For family, given, postcode, city."""

    trait: str
    text: str


@dataclass(frozen=True, slots=True)
class Equals:
    """The value is `text`. For every trait; case and accents do not count in names and cities."""

    trait: str
    text: str


@dataclass(frozen=True, slots=True)
class Exact:
    """The value is `text` letter by letter: `Muller` does not find `Müller`. As Equals for what is no name."""

    trait: str
    text: str


@dataclass(frozen=True, slots=True)
class Contains:
    """`text` lies somewhere in the value; case and accents do not count. For family, given, postcode, city."""

    trait: str
    text: str


@dataclass(frozen=True, slots=True)
class Between:
    """`low` <= birth date < `high`: half-open, both `YYYY-MM-DD`, either empty for no end. For birth_date only."""

    trait: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Among:
    """The patient's index is one of `indexes`; those outside the population are left out."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of `criteria` holds: `family=Smith,Jones`, or `name=` over family and given."""

    criteria: tuple[Starts | Equals | Exact | Contains | Between | Among | Placed | AnyOf, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """The patient's place on an axis lies in one of `ranges`."""

    axis: Axis
    ranges: tuple[range, ...]


Criterion = Starts | Equals | Exact | Contains | Between | Among | Placed | AnyOf
