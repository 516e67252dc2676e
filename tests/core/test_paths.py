from __future__ import annotations

import pytest

from mockehr.core.errors import UsageError
from mockehr.core.paths import delete, get, get_all, replace


def person() -> dict[str, object]:
    return {"name": [{"family": "A", "given": ["x", "y"]}, {"family": "B"}], "id": "1"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("id", ["1"]),
        ("name.family", ["A", "B"]),
        ("name[*].family", ["A", "B"]),
        ("name[1].family", ["B"]),
        ("name[0].given[1]", ["y"]),
        ("name[0].given", [["x", "y"]]),
        ("name[7].family", []),
        ("id[*]", []),
        ("nope.x", []),
    ],
)
def test_every_value_at_a_path_is_found(path: str, found: list[object]) -> None:
    assert get_all(person(), path) == found


def test_the_first_value_or_the_default_is_given() -> None:
    assert get(person(), "name.family") == "A"
    assert get(person(), "nope", 5) == 5


def test_values_are_set_and_removed_wherever_the_parent_is() -> None:
    node = person()
    assert replace(node, "name.family", "Z") == 2
    assert get_all(node, "name.family") == ["Z", "Z"]
    assert replace(node, "name[5]", {}) == 0
    assert delete(node, "name.given") == 1
    assert delete(node, "name[0]") == 1
    assert node == {"name": [{"family": "Z"}], "id": "1"}


@pytest.mark.parametrize("path", ["name[x]", "name[0"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="is no element path"):
        get(person(), path)


def test_a_change_of_all_items_wants_a_name() -> None:
    with pytest.raises(UsageError, match=r"ends in \[\*\]"):
        delete(person(), "name[*]")
