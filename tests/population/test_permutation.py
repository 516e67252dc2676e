"""A permutation is a bijection, mixes, and answers without memory."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.population.permutation import LARGEST, Permutation


@given(key=st.binary(min_size=1, max_size=64), size=st.integers(0, 2000))
def test_every_slot_is_taken_exactly_once(key: bytes, size: int) -> None:
    permutation = Permutation(key, size)
    slots = [permutation.slot(index) for index in range(size)]
    assert sorted(slots) == list(range(size))
    assert [permutation.index(slot) for slot in slots] == list(range(size))


@given(key=st.binary(min_size=1, max_size=64), size=st.integers(1, LARGEST), part=st.floats(0, 1, exclude_max=True))
def test_slot_and_index_undo_each_other_at_any_size(key: bytes, size: int, part: float) -> None:
    permutation, index = Permutation(key, size), min(int(part * size), size - 1)
    slot = permutation.slot(index)
    assert 0 <= slot < size
    assert permutation.index(slot) == index


def test_keys_make_independent_permutations() -> None:
    one, other = Permutation(b"one", 4096), Permutation(b"other", 4096)
    alike = sum(one.slot(index) == other.slot(index) for index in range(4096))
    assert alike < 12  # 1 expected
    counts = [0] * 64
    for index in range(4096):
        counts[one.slot(index) // 512 * 8 + other.slot(index) // 512] += 1
    assert sum((count - 64) ** 2 / 64 for count in counts) < 120  # 63 degrees of freedom


@pytest.mark.parametrize("size", [1000, 50_000, 10_000_000])
def test_neighbours_are_scattered(size: int) -> None:
    count = min(size // 2, 8_000)
    permutation = Permutation(b"neighbours", size)
    places = [permutation.slot(index) * 8 // size for index in range(count)]
    pairs = [0] * 64
    for left, right in pairwise(places):
        pairs[left * 8 + right] += 1
    expected = (count - 1) / 64
    assert sum((seen - expected) ** 2 / expected for seen in pairs) < 120


def test_all_orders_of_a_tiny_range_occur() -> None:
    orders = {tuple(Permutation(b"%d" % key, 4).slot(index) for index in range(4)) for key in range(1000)}
    assert len(orders) == 24


@pytest.mark.parametrize("place", [-1, 10])
def test_places_outside_are_refused(place: int) -> None:
    permutation = Permutation(b"k", 10)
    with pytest.raises(IndexError, match="outside"):
        permutation.slot(place)
    with pytest.raises(IndexError, match="outside"):
        permutation.index(place)


@pytest.mark.parametrize("size", [-1, LARGEST + 1])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        Permutation(b"k", size)


def test_the_network_never_changes() -> None:
    """Pinned: another mixing would give every site other patients for the same seed."""
    permutation = Permutation(b"pinned", 1_000_003)
    assert [permutation.slot(index) for index in range(6)] == [303197, 505462, 125661, 100659, 800637, 57597]


def test_size_costs_no_memory() -> None:
    def weight(size: int) -> int:
        permutation = Permutation(b"k", size)
        return sum(sys.getsizeof(getattr(permutation, name)) for name in Permutation.__slots__)

    assert weight(1 << 40) - weight(10) < 64
