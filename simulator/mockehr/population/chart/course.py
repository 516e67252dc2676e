"""What a clinical module says about its area, and what becomes of it in one patient.

An Area is data: how common a problem is, what it is called, how it is treated, which measurements it moves and which
are watched. A Course is that problem in one patient. Adding an area is adding one file in `areas/` and its line in
`areas/__init__.py`; every draw about it comes from a stream of its own, so the other areas stay as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp
from typing import Final, Literal

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.times import DAY, YEAR
from mockehr.population.professions import Profession

Setting = Literal["ambulatory", "emergency", "inpatient"]
CREEP: Final = 15.0
"""Years before the onset over which a change without a beginning of its own comes about."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A measurement that the problem moves: its level without and with treatment.

    `name` is an analyte or a vital sign (`a1c`, `sbp`, `bmi` …) in that measurement's own unit. `spread` is how much
    higher the worst case starts than the mildest. `days` is how fast treatment works (time constant). A `relative`
    marker adds to what is normal in the patient instead of replacing it. `years` is how long a chronic or relative
    change takes to develop after the onset; 0: it crept up in the years before it had
    a name.
    """

    name: str
    untreated: float
    treated: float
    spread: float = 0.0
    days: float = 90.0
    relative: bool = False
    years: float = 1.0


@dataclass(frozen=True, slots=True)
class Contact:
    """A visit that the problem itself causes, `day` days after its onset (-1: some time later).

    `kind` is the single SNOMED CT code and display of the encounter type; `hours` its length; `chance` how likely it
    happens; `sharpens` an ICD-10-CM code for what was found if that is not the problem itself.
    """

    day: float
    setting: Setting
    kind: tuple[str, str]
    hours: float = 0.5
    chance: float = 1.0
    sharpens: str = ""
    panels: tuple[str, ...] = ()
    procedure: str = ""
    study: str = ""
    """Key of a study in `studies.py`."""
    drugs: tuple[str, ...] = ()
    """RxNorm codes given for `drug_days` from this visit on; the first that no allergy forbids is taken."""
    drug_days: int = 7
    complaint: str = ""
    """Why the patient comes, if not for what the area says."""


@dataclass(frozen=True, slots=True)
class Target:
    """A goal: words, the LOINC code measured, the value not to be exceeded (or to be reached), its UCUM unit."""

    text: str
    measure: str
    value: float
    unit: str
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    """One clinical area. `prevalence` rows are (from this age on, women, men), ages ascending."""

    name: str
    diagnoses: tuple[tuple[str, float], ...]
    """ICD-10-CM codes and how often each is the one."""
    prevalence: tuple[tuple[float, float, float], ...]
    chronic: bool = True
    earliest: float = 0.0
    """Youngest age, in years, at which it begins."""
    lasts: float = 14.0
    """Days until it is over, if it is not chronic."""
    therapy: tuple[tuple[str, ...], ...] = ()
    """Lines of long-term therapy: RxNorm codes, one of which is chosen. A later line needs a severer course."""
    watched: tuple[tuple[str, float], ...] = ()
    """Panels and the least number of days between two of them."""
    markers: tuple[Marker, ...] = ()
    contacts: tuple[Contact, ...] = ()
    target: Target | None = None
    complaint: str = ""
    advice: str = ""
    practice: Profession | None = None
    """Who is consulted, operates or attends, if not the family doctor."""
    role: tuple[str, str] = ("", "")
    """Single SNOMED CT code and display of that specialist on the care team."""
    pregnancy: bool = False
    forbids: tuple[str, ...] = ()
    """Classes of drugs (`class` in corpora/codes/rxnorm.ndjson) that are not given to whoever has this or had it
    lately."""
    filtration: tuple[tuple[str, float], ...] = ()
    """Glomerular filtration rate in mL/min/1.73 m2 that each of the diagnoses stands for."""


@dataclass(slots=True)
class Course:
    """One problem of one patient. Times are seconds since 1970; `ended` is None while it goes on."""

    area: Area
    code: str
    onset: float
    severity: float
    """0 (mild) to 1 (severe)."""
    dice: Stream
    ended: float | None = None
    diagnosed: float = 0.0
    """When it was put into the chart; set with the visits."""
    treated: float | None = None
    """When therapy began."""
    drugs: list[str] = field(default_factory=list)
    """RxNorm codes taken for it at the end of the chart."""
    begun: dict[str, float] = field(default_factory=dict)
    """When each of `drugs` was first prescribed here."""
    condition: JSON = field(default_factory=dict)
    """Reference to the problem-list Condition, once written."""

    def active(self, at: float) -> bool:
        """Whether the problem exists at `at`."""
        return self.onset <= at and (self.ended is None or at < self.ended)

    def level(self, marker: Marker, normal: float, at: float) -> float:
        """What the measurement is heading for at `at`, given what is normal in this patient."""
        if not self.active(at) and marker.years:
            return normal
        base = normal if marker.relative else 0.0
        ill = base + marker.untreated + (self.severity - 0.5) * marker.spread
        gradual = marker.years and (self.area.chronic or marker.relative)
        rise = min(1.0, (at - self.onset) / (marker.years * YEAR)) if gradual else 1.0
        if not marker.years:
            rise = min(1.0, max(0.0, 1.0 + (at - self.onset) / (CREEP * YEAR)))
        level = normal + (ill - normal) * rise
        if self.treated is not None and at > self.treated:
            goal = base + marker.treated + (self.severity - 0.5) * marker.spread * 0.3
            level = goal + (level - goal) * exp(-(at - self.treated) / (marker.days * DAY))
        return level
