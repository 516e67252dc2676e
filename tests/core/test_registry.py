from __future__ import annotations

import pytest

from mockehr.core.errors import DuplicateName, UnknownName
from mockehr.core.registry import Registry


def filled() -> Registry[object]:
    registry: Registry[object] = Registry("quirk", reference="the list")
    registry.add("latency", str)
    registry.add("reset", int)
    return registry


def test_things_are_found_by_name_and_listed_sorted() -> None:
    registry = filled()
    assert registry.get("reset") is int
    assert list(registry) == ["latency", "reset"]
    assert list(registry.items()) == [("latency", str), ("reset", int)]
    assert ("reset" in registry, "x" in registry, len(registry)) == (True, False, 2)


def test_a_miss_names_the_nearest_and_where_to_read() -> None:
    with pytest.raises(UnknownName) as refused:
        filled().get("latenci")
    assert refused.value.nearest == "latency"
    assert refused.value.reference == "the list"


def test_a_duplicate_names_both_places_and_the_same_thing_may_come_twice() -> None:
    registry = filled()
    registry.add("reset", int)
    with pytest.raises(DuplicateName, match=r"builtins\.int and builtins\.float"):
        registry.named("reset")(float)
