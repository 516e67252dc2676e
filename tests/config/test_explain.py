from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from mockehr.config.explain import Known, known_as, validate
from mockehr.config.load import load_text
from mockehr.config.settings import Section
from mockehr.core.errors import ConfigError


class _Reset(Section):
    kind: Literal["reset"]
    after: int = 0


class _Slow(Section):
    kind: Literal["slow"]
    seconds: float


class _Story(Section):
    title: str
    probe: Annotated[str, known_as("probe")] = "any"
    fault: Annotated[_Reset | _Slow, Field(discriminator="kind")] | None = None
    either: _Reset | list[int] | None = None
    by_name: dict[str, _Slow] = Field(default_factory=dict)
    secret: str = ""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")


def _problems(text: str, model: type[BaseModel] = _Story, known: Known | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        validate(model, load_text(text, source="s.yaml"), known=known)
    return caught.value.problems


def test_a_document_that_holds_becomes_the_model() -> None:
    story = validate(_Story, load_text("title: t\nfault: {kind: slow, seconds: 2}\nwith: {a: [1]}"))
    assert story.fault == _Slow(kind="slow", seconds=2)
    assert story.with_ == {"a": [1]}


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    problems = _problems("fault:\n  kind: reset\n  aftr: 1\nby_name:\n  a: {kind: slow}\ncolour: red\n")
    assert [problem.partition("; ")[0] for problem in problems] == [
        "s.yaml:1: title: is required",
        "s.yaml:3: fault.aftr: there is no such setting",
        "s.yaml:5: by_name.a.seconds: is required",
        "s.yaml:6: colour: there is no such setting",
    ]


def test_an_unknown_key_brings_the_nearest_and_only_the_names_valid_there() -> None:
    (problem,) = _problems("title: t\nfault: {kind: reset, aftr: 1}")
    assert problem.endswith("nearest: after; valid: after, kind")


def test_a_field_is_known_by_the_name_that_files_use() -> None:
    (problem,) = _problems("title: t\nwitth: {}")
    assert "nearest: with;" in problem
    assert "with_" not in problem


def test_a_wrong_tag_of_a_union_is_placed_at_its_key() -> None:
    (problem,) = _problems("title: t\nfault:\n  kind: rest")
    assert problem == "s.yaml:3: fault.kind: 'rest' is not valid; nearest: reset; valid: reset, slow"


def test_a_missing_tag_of_a_union_is_required() -> None:
    assert _problems("title: t\nfault: {after: 1}") == ("s.yaml:2: fault.kind: is required",)


def test_a_plain_union_keeps_its_member_names_out_of_the_path() -> None:
    problems = _problems("title: t\neither:\n  kind: reset\n  aftr: 1\n")
    assert any(
        problem.startswith("s.yaml:4: either.aftr: there is no such setting; nearest: after") for problem in problems
    )
    assert not any("_Reset" in problem or "list[int]" in problem for problem in problems)


def test_a_name_that_the_registry_lacks_is_told_with_the_nearest() -> None:
    (problem,) = _problems("title: t\nprobe: renews-tokn", known={"probe": ["keeps-order", "renews-token"]})
    assert problem.endswith(
        "there is no probe named 'renews-tokn'; nearest: renews-token; valid: keeps-order, renews-token"
    )


def test_names_of_a_kind_that_nobody_listed_are_not_checked() -> None:
    assert validate(_Story, load_text("title: t\nprobe: anything")).probe == "anything"


def test_a_value_of_a_secret_is_never_shown() -> None:
    (problem,) = _problems("title: t\nsecret: 4711")
    assert "4711" not in problem


def test_a_file_that_is_no_mapping_says_so() -> None:
    assert _problems("- 1") == ("s.yaml:1: should be a mapping, not a list",)
