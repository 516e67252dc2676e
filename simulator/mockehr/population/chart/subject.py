"""The seam between charts and whoever is charted: what a chart needs to know of a person and of the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mockehr.core.exchange import JSON
from mockehr.population.directory import display


class Subject(Protocol):
    """The person whose chart is drawn, as demographics know them. Dates are `YYYY-MM-DD`.

    `race` and `ethnicity` are coded answers in the OMB categories: a (code, display) pair or anything with `code` and
    `display`; None or an empty value where nothing is known. `site_of_care` is the place of a Location in the
    directory, `general_practitioner` that of a Practitioner.
    """

    @property
    def index(self) -> int: ...
    @property
    def family(self) -> str: ...
    @property
    def given(self) -> tuple[str, ...]: ...
    @property
    def preferred(self) -> str: ...
    @property
    def sex(self) -> Literal["female", "male"]: ...
    @property
    def birth_date(self) -> str: ...
    @property
    def deceased(self) -> str: ...
    @property
    def race(self) -> Any: ...
    @property
    def ethnicity(self) -> Any: ...
    @property
    def language(self) -> Any: ...
    @property
    def marital(self) -> Any: ...
    @property
    def street(self) -> str: ...
    @property
    def city(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def postcode(self) -> str: ...
    @property
    def district(self) -> str: ...
    @property
    def phone_home(self) -> str: ...
    @property
    def phone_mobile(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def mrn_number(self) -> int: ...
    @property
    def site_of_care(self) -> int: ...
    @property
    def general_practitioner(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Staff:
    """How many of each the directory has; their ids are `d0` to `d{n-1}`, in the order of `population.roster`.

    Each count is at least 1. `names` gives displays by type and position; without them references have none.
    """

    practitioners: int
    organizations: int
    locations: int
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _references: Mapping[str, tuple[JSON, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        counts = {
            "Practitioner": self.practitioners,
            "Organization": self.organizations,
            "Location": self.locations,
        }
        made = {
            kind: tuple(_refer(kind, n, self.names.get(kind, ())) for n in range(counts[kind])) for kind in counts
        }
        object.__setattr__(self, "_references", made)

    def reference(self, kind: str, position: int) -> JSON:
        """A Reference to a shared resource, the same dict every time; positions beyond the last one wrap round."""
        known = self._references[kind]
        return known[position % len(known)]


def staff_of(resources: Mapping[str, Sequence[JSON]]) -> Staff:
    """The Staff of a directory: `staff_of(Directory(chance).resources)`."""
    kinds = ("Practitioner", "Organization", "Location")
    names = {kind: tuple(display(resource) for resource in resources[kind]) for kind in kinds}
    practitioners, organizations, locations = (len(resources[kind]) for kind in kinds)
    return Staff(practitioners, organizations, locations, names)


def _refer(kind: str, position: int, names: tuple[str, ...]) -> JSON:
    reference: JSON = {"reference": f"{kind}/d{position}"}
    if position < len(names):
        reference["display"] = names[position]
    return reference


def coded(answer: Any) -> tuple[str, str]:
    """(code, display) of a coded answer: a pair, anything with `code` and `display`, a bare code; empty if none."""
    if not answer:
        return "", ""
    if isinstance(answer, str):
        return answer, ""
    if isinstance(answer, Sequence):
        return str(answer[0]), str(answer[1]) if len(answer) > 1 else ""
    return str(answer.code), str(getattr(answer, "display", ""))
