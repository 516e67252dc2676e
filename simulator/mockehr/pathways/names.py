"""Names that pathway files may use and that are the same for every hospital: wards, professions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from mockehr.pathways.beds import WARDS
from mockehr.population.professions import PRACTICES

TITLES = tuple(sorted({profession.title for profession, _ in PRACTICES}))


def one_of(kind: str, names: Collection[str]) -> Callable[[str], str]:
    """A check for a name of that kind, for `AfterValidator`; empty will do."""

    def check(name: str) -> str:
        if name and name not in names:
            facts = {"kind": kind, "name": name, "known": list(names)}
            raise PydanticCustomError("unknown_name", "There is no {kind} named {name}", facts)
        return name

    return check


WardName = Annotated[str, AfterValidator(one_of("ward", WARDS))]
"""A ward of `mockehr.pathways.beds.WARDS`."""
Title = Annotated[str, AfterValidator(one_of("profession", TITLES))]
"""What somebody of the staff is: `Cardiovascular Disease`."""
