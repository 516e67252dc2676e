from __future__ import annotations

import pytest

from mockehr.core.errors import UnknownName
from mockehr.pathways.beds import WARDS, Bed, Beds, share_out


def small(full: str = "hallway") -> Beds:
    return Beds({**dict.fromkeys(WARDS, 1), "MED": 2}, full)  # type: ignore[arg-type]


def test_every_ward_has_its_share_of_the_beds() -> None:
    sizes = share_out(500, {})
    assert sum(sizes.values()) == 500
    assert set(sizes) == set(WARDS)
    assert sizes["MED"] > sizes["ICU"] > 0


def test_beds_of_single_wards_are_as_told() -> None:
    sizes = share_out(100, {"ED": 40})
    assert (sizes["ED"], sum(sizes.values())) == (40, 100)


def test_a_bed_is_taken_by_one_and_free_again() -> None:
    beds = small()
    first, second = beds.claim("MED", "a"), beds.claim("MED", "b")
    assert {first, second} == {Bed("MED", 1), Bed("MED", 2)}
    assert first is not None
    beds.release(first)
    assert beds.claim("MED", "c") == first
    assert beds.occupied()["MED"] == 2


def test_a_full_ward_puts_beds_on_the_hallway_and_uses_them_again() -> None:
    beds = small()
    beds.claim("ICU", "a")
    hall = beds.claim("ICU", "b")
    assert hall == Bed("ICU", 1, hallway=True)
    beds.release(hall)
    assert beds.claim("ICU", "c") == hall


def test_where_patients_wait_there_is_no_hallway_and_the_first_is_told_first() -> None:
    beds, told = small("wait"), []
    taken = beds.claim("ICU", "a")
    assert taken is not None
    assert beds.claim("ICU", "b") is None
    beds.wait("ICU", lambda: bool(told.append("gone")))  # nobody wants it any more
    beds.wait("ICU", lambda: told.append("b") or True)  # type: ignore[func-returns-value]
    beds.wait("ICU", lambda: told.append("c") or True)  # type: ignore[func-returns-value]
    beds.release(taken)
    assert told == ["gone", "b"]
    assert beds.waiting() == 1


def test_the_old_bed_is_given_back_if_it_is_free() -> None:
    beds = small()
    old = beds.claim("MED", "a")
    assert old is not None
    beds.release(old)
    assert beds.claim("MED", "a", wanted=Bed("MED", 2)) == Bed("MED", 2)
    assert beds.claim("MED", "b", wanted=Bed("MED", 2)) == Bed("MED", 1)


def test_beds_are_written_as_ward_room_and_bed() -> None:
    assert [Bed("MED", n).point for n in (1, 2, 3)] == ["MED^101^A", "MED^101^B", "MED^102^A"]
    assert Bed("ED", 7).point == "ED^07^1"
    assert Bed("ICU", 2, hallway=True).name == "ICU HALL 2"


def test_a_ward_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="ICU"):
        small().claim("ICUU", "a")
