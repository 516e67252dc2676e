"""Groups of the population: counted, cut into pages, and asked about, without listing anybody."""

from __future__ import annotations

import pytest

from mockehr.core.chance import Chance
from mockehr.population.criteria import Equals
from mockehr.population.groups import LISTED, Cohort
from mockehr.population.population import Population

PEOPLE = Population(Chance(7), 20_000, as_of=1_767_571_200.0)
FAMILY = PEOPLE.person(3).family


@pytest.mark.parametrize(
    "cohort",
    [
        Cohort("everyone"),
        Cohort("some", 1234),
        Cohort("named", None, (Equals("family", FAMILY),)),
        Cohort("few", 3, (Equals("family", FAMILY),)),
        Cohort("both", None, (Equals("family", FAMILY), Equals("sex", "female"))),
    ],
)
def test_size_pages_and_membership_agree(cohort: Cohort) -> None:
    members = cohort.among(PEOPLE)
    every = [index for start in range(0, members.size, 700) for index in members.page(start, 700)]
    assert len(every) == len(set(every)) == members.size > 0
    assert all(index in members for index in every[:50])
    outside = sorted(set(range(300)) - set(every))
    assert not any(index in members for index in [*outside, PEOPLE.size, -1])
    known = [members.place(index) for index in every[:9]]
    assert known in (list(range(len(known))), [None] * len(known))
    assert members.page(members.size, 5) in ([], range(members.size, members.size))


@pytest.mark.parametrize(("most", "listed"), [(LISTED, LISTED), (LISTED + 1, None), (0, None)])
def test_members_are_listed_up_to_a_bound(most: int, listed: int | None) -> None:
    group = Cohort("x", most).among(PEOPLE).resource(2)
    assert (group["id"], group["quantity"], group["name"]) == ("d2", most, "x")
    assert ("member" in group) == (listed is not None)
    assert len(group.get("member", ())) == (listed or 0)


def test_a_group_of_ten_million_costs_nothing() -> None:
    members = Cohort("all").among(Population(Chance(7), 10_000_000, as_of=0.0))
    assert members.size == 10_000_000
    assert list(members.page(9_999_998, 10)) == [9_999_998, 9_999_999]
