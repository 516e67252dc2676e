from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from mockehr.config.load import MAX_DEPTH, MAX_OCTETS, MAX_VALUES, load_file, load_text
from mockehr.core.errors import ConfigError, EnvironmentProblem


def _refusal(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, source="north.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("12:30:00", "12:30:00"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("012", 12),
        ("0x1f", 31),
        ("0o17", 15),
        ("-3", -3),
        ("1.5e3", 1500.0),
        ("True", True),
        ("false", False),
        ("~", None),
        ("", None),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(written: str, value: object) -> None:
    read = load_text(f"key: {written}").value["key"]
    assert read == value
    assert type(read) is type(value)


def test_an_enormous_number_stays_text_instead_of_taking_for_ever() -> None:
    assert load_text("n: " + "9" * 5000).value == {"n": "9" * 5000}


def test_every_key_and_list_item_knows_its_line() -> None:
    document = load_text("a: 1\nb:\n  - x\n  - y: 2\n    z: 3\n")
    assert document.value == {"a": 1, "b": ["x", {"y": 2, "z": 3}]}
    assert document.line(("b", 1, "z")) == 5
    assert document.line(("b", 0)) == 3
    assert document.line(("b", 1, "absent", 7)) == 4


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert load_text("# nothing\n").value == {}


def test_keys_that_stand_twice_are_all_told_with_both_lines() -> None:
    told = _refusal("a: 1\nb: {c: 1}\na: 2\nd:\n  e: 1\n  e: 2\n")
    assert "2 problems" in told
    assert "the key 'a' stands twice, on lines 1 and 3" in told
    assert "north.yaml:5: d.e: the key 'e' stands twice, on lines 5 and 6" in told


def test_an_alias_repeats_a_value_without_sharing_it() -> None:
    value = load_text("a: &x {n: [1]}\nb: *x\n").value
    value["a"]["n"].append(2)
    assert value["b"] == {"n": [1]}


def test_aliases_cannot_multiply_without_bound() -> None:
    lines = ["a: &a [" + ",".join("1" * 10) + "]"]
    lines += [f"{this}: &{this} [{','.join(['*' + last] * 10)}]" for last, this in pairwise("abcdefghi")]
    assert f"more than {MAX_VALUES} values" in _refusal("\n".join(lines))


@pytest.mark.parametrize("text", ["a: *a", "a: &a [*a]", "a: &a {b: *a}"])
def test_an_alias_needs_a_finished_anchor(text: str) -> None:
    assert "no finished anchor &a" in _refusal(text)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_is_bounded_without_recursion(opening: str) -> None:
    assert f"more than {MAX_DEPTH}" in _refusal(opening * 20_000)


def test_size_is_bounded() -> None:
    assert str(MAX_OCTETS) in _refusal(b"#" * (MAX_OCTETS + 1))


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: !!python/object:os.system x", 1, "tag"),
        ("a: 1\nb: !mine {c: 1}", 2, "tag"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("? [a]\n: b", 1, "a key must be a word"),
        ("a: &x y\n*x : 2", 2, "a key must be a word"),
        ("a: 1\n<<: {b: 1}", 2, "merge keys"),
        ("a: 1\nb: [1", 2, "is no YAML"),
        ("a:\n\t- b", 2, "is no YAML"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    told = _refusal(text)
    assert f"north.yaml:{line}: " in told
    assert reason in told


def test_bytes_that_are_not_utf_8_are_refused_with_their_line() -> None:
    assert "north.yaml:2: is not UTF-8" in _refusal("a: 1\nb: Müller".encode("latin-1"))


def test_control_characters_are_refused() -> None:
    assert "is no YAML" in _refusal("a: \x00")


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert load_text("\ufeffa: 1".encode()).value == {"a": 1}


def test_a_file_is_called_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match=r"site\.yaml:1: a"):
        load_file(path)


def test_a_missing_file_is_a_problem_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        load_file(tmp_path / "absent.yaml")
