"""The seam between charts and whoever is charted: what a chart needs to know of a person and of the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol


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
    """How many of each the directory has; their ids are `d0` to `d{n-1}`. Each count is at least 1."""

    practitioners: int
    organizations: int
    locations: int


def coded(answer: Any) -> tuple[str, str]:
    """(code, display) of a coded answer: a pair, something with `code` and `display`, or a bare code; ("", "") if none."""
    if not answer:
        return "", ""
    if isinstance(answer, str):
        return answer, ""
    if isinstance(answer, Sequence):
        return str(answer[0]), str(answer[1]) if len(answer) > 1 else ""
    return str(answer.code), str(getattr(answer, "display", ""))
