"""The traits of one population: how an index becomes a person, one independent permutation per trait.

What can be searched lies on an axis, a bijection between indexes and slots; what cannot is drawn from the
patient's own stream. Nothing here grows with the population.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from mockehr.core.chance import Chance, Stream
from mockehr.core.clock import day
from mockehr.core.folding import fold
from mockehr.population.circumstances import death, language, marital, race_and_ethnicity
from mockehr.population.givens import Givens
from mockehr.population.life import Lives
from mockehr.population.permutation import Permutation
from mockehr.population.person import Person
from mockehr.population.phones import Phones
from mockehr.population.places import Places
from mockehr.population.pools import SEXES, families, streets
from mockehr.population.roster import PRIMARY_CARE, clinic_of
from mockehr.population.table import Table

_CLINIC_OF = tuple(clinic_of(practitioner) for practitioner in PRIMARY_CARE)
_MAIL_DOMAINS = ("example.org", "example.com", "example.net")


class Axis(Protocol):
    """A bijection of range(size): the patients in the order of one trait."""

    def slot(self, index: int) -> int:
        """The place of a patient."""

    def index(self, slot: int) -> int:
        """The patient at a place."""


class Identity:
    """The axis on which a patient's place is the index itself."""

    __slots__ = ()

    def slot(self, index: int) -> int:
        """`index`."""
        return index

    def index(self, slot: int) -> int:
        """`slot`."""
        return slot


class Traits:
    """All axes of one population, and the tables that give their slots a meaning."""

    __slots__ = (
        "_details", "family", "givens", "home", "identity", "lives", "mobile", "mrn", "panel",
        "panel_table", "place", "places", "size", "today",
    )  # fmt: skip

    def __init__(self, chance: Chance, size: int, as_of: float, state: str) -> None:
        def key(*names: str | int) -> bytes:
            return chance.key("population", *names)

        self.size = size
        self.today = date.fromisoformat(day(as_of)).toordinal()
        self.identity = Identity()
        self.family = Permutation(key("family"), size)
        self.lives = Lives(key("life"), size, self.today)
        self.givens = Givens(self.lives, key)
        self.place = Permutation(key("place"), size)
        self.places = Places(state, chance.stream("population", "places"))
        self.home = Phones(key("home"), size, present=3, block=4)
        self.mobile = Phones(key("mobile"), size, present=7, block=8)
        self.mrn = Permutation(key("mrn"), size)
        self.panel = Permutation(key("panel"), size)
        self.panel_table = Table(1 for _ in PRIMARY_CARE)
        self._details = key("details")

    def person(self, index: int) -> Person:
        """Patient `index`; raises IndexError outside range(size)."""
        size, pool, lives = self.size, families(), self.lives
        name = pool.table.at(self.family.slot(index), size)
        family, origin = pool.names.texts[name], pool.origins[name]
        life = lives.order.slot(index)
        first, second, preferred = self.givens.at_life(life)
        ordinal = lives.born(life)
        born = date.fromordinal(ordinal)
        age = self._age(born)
        place = self.places.areas[self.places.table.at(self.place.slot(index), size)]
        doctor = self.panel_table.at(self.panel.slot(index), size)
        mobile = self.mobile.order.slot(index)
        stream = Stream(self._details + index.to_bytes(8, "big"))
        race, ethnicity = race_and_ethnicity(origin, stream)
        details = stream.word()
        return Person(
            index=index,
            family=family,
            given=(first, second) if second else (first,),
            preferred=preferred,
            sex=SEXES[life >= lives.females],
            birth_date=born.isoformat(),
            age=age,
            deceased=death(ordinal, self.today, age, stream),
            race=race,
            ethnicity=ethnicity,
            language=language(origin, stream),
            marital=marital(age, stream),
            street=f"{details % 9890 + 10} {streets()[(details >> 20) % len(streets())]}",
            city=place.city,
            state=place.state,
            postcode=place.postcode,
            district=place.district,
            phone_home=self.home.number(self.home.order.slot(index)),
            phone_mobile=self.mobile.number(mobile),
            email=_mail(first, family, mobile) if age >= 13 and (details >> 40) % 100 < 82 else "",
            mrn_number=self.mrn.slot(index),
            site_of_care=_CLINIC_OF[doctor],
            general_practitioner=doctor,
        )

    def mail_slot(self, address: str) -> int | None:
        """The mobile slot that a mail address of this population would belong to, or None if it is none of it."""
        local, _, domain = address.strip().casefold().partition("@")
        digits = local[len(local.rstrip("0123456789")) :]
        if domain not in _MAIL_DOMAINS or not digits or len(digits) > 18 or int(digits) >= self.size:
            return None
        return int(digits)

    def _age(self, born: date) -> int:
        today = date.fromordinal(self.today)
        return today.year - born.year - ((born.month, born.day) > (today.month, today.day))


def _mail(first: str, family: str, number: int) -> str:
    local = ".".join("".join(filter(str.isalpha, fold(part))) for part in (first, family))
    return f"{local}{number}@{_MAIL_DOMAINS[number % 3]}"
