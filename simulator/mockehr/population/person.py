"""One patient's demographics. Clean and complete; vendors' dress and corruptions come later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mockehr.population.pools import Sex


class Coded(NamedTuple):
    """A code and its display; the field says of which system. Both empty: not known."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Person:
    """Patient `index` of a population. Dates are `YYYY-MM-DD`; an empty text means that there is none."""

    index: int
    family: str
    given: tuple[str, ...]
    """First name, and a second one or an initial if there is one."""
    preferred: str
    """The short name by which the patient is called, or empty."""
    sex: Sex
    birth_date: str
    age: int
    """Whole years at the population's `as_of`; for the dead, the years that they would have."""
    deceased: str
    race: Coded
    """OMB category (urn:oid:2.16.840.1.113883.6.238), or UNK of v3-NullFlavor."""
    ethnicity: Coded
    """OMB category (urn:oid:2.16.840.1.113883.6.238), or UNK of v3-NullFlavor."""
    language: Coded
    """BCP 47."""
    marital: Coded
    """v3-MaritalStatus, or UNK of v3-NullFlavor."""
    street: str
    city: str
    state: str
    postcode: str
    district: str
    phone_home: str
    """`312-555-0123`; reserved for fiction, shared by many in a large population."""
    phone_mobile: str
    email: str
    mrn_number: int
    """In range(size), unique: what a personality formats as the medical record number."""
    site_of_care: int
    """The patient's clinic, as position among the directory's Locations."""
    general_practitioner: int
    """Position among the directory's Practitioners."""
