"""One hospital's dressed charts, for any vendor."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Dresser, Personality, SiteFacts
from mockehr.population.chart import draw_chart, medications, staff_of
from mockehr.population.population import Population

AS_OF = 1_767_571_200.0


@dataclass
class Ward:
    """Clean resources of some charts, and what the personality makes of them, in the same order."""

    personality: Personality
    facts: SiteFacts
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    beside: list[dict[str, Any]] = field(default_factory=list)
    shared: list[dict[str, Any]] = field(default_factory=list)
    untouched: bool = True

    def of(self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda clean: True) -> list[dict[str, Any]]:
        """Dressed resources of a type whose clean original satisfies a condition."""
        return [made for clean, made in self.pairs if made["resourceType"] == kind and where(clean)]


def _ward(vendor: str, charts: int) -> Ward:
    chance = Chance("ward")
    facts = SiteFacts("north", chance.key)
    personality = load_personality(vendor, facts=facts)
    population = Population(chance, 500, as_of=AS_OF)
    directory = population.directory.resources
    shelves = {**directory, "Medication": tuple(medications())}
    known = {f"{kind}/{one['id']}": one for kind, shelf in shelves.items() for one in shelf}
    ids, made = personality.ids(facts), Ward(personality, facts)
    for shelf in shelves.values():
        dresser = Dresser.over(shelf, ids=ids, facts=facts, directory=known.get)
        made.shared.extend(personality.dress(clean, dresser) for clean in shelf)
    for index in range(charts):
        chart = draw_chart(chance, population.person(index), staff_of(directory), as_of=AS_OF)
        before = copy.deepcopy(chart.resources)
        dresser = Dresser.over(chart.resources, ids=ids, facts=facts, recorded=chart.recorded, directory=known.get)
        for clean in chart.resources:
            made.pairs.append((clean, personality.dress(clean, dresser)))
            made.beside.extend(personality.beside(clean, dresser))
        made.untouched = made.untouched and before == chart.resources
    return made


@pytest.fixture(scope="session")
def generic_ward() -> Ward:
    return _ward("generic", 4)


@pytest.fixture(scope="session")
def epic_ward() -> Ward:
    return _ward("epic", 25)


@pytest.fixture(scope="session")
def oracle_ward() -> Ward:
    return _ward("oracle", 25)


@pytest.fixture(params=["generic", "epic", "oracle"])
def ward(request: pytest.FixtureRequest) -> Ward:
    made: Ward = request.getfixturevalue(f"{request.param}_ward")
    return made
