"""What a pathway file may say. Unknown keys are refused; an editor's JSON Schema is made from these models."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, create_model, model_validator

from mockehr.config.document import Document, Finding, KeyPath, refusal, unknown
from mockehr.config.explain import validate
from mockehr.config.load import load_file
from mockehr.config.schema import schema_text
from mockehr.config.settings import Section
from mockehr.core.clock import duration
from mockehr.pathways.person import PersonConfig
from mockehr.pathways.profiles import OrderProfile, shipped_profiles
from mockehr.pathways.step import Step, steps

SCHEMA_FILE: Final = "pathway.schema.json"
"""Name of the JSON Schema beside the shipped pathways."""
MAIN: Final = "main"
"""The person of a pathway that names none."""


class Entry(Section):
    """One step of a list: a mapping with one key, the name of the step."""

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: Any) -> Any:
        if isinstance(value, str):  # `- discharge` alone
            return {value: {}}
        if isinstance(value, dict) and len(value) != 1:
            raise ValueError(f"a step is a mapping with one key, its name; this one has {', '.join(value) or 'none'}")
        return value

    @property
    def name(self) -> str:
        """The name of the step."""
        (field,) = self.model_fields_set
        return field.removesuffix("_")

    @property
    def step(self) -> Step:
        """The step itself."""
        (field,) = self.model_fields_set
        found: Step = getattr(self, field)
        return found


def _any_step() -> type[Entry]:
    fields: dict[str, Any] = {}
    for name, step in steps().items():
        kind: Any = step
        shape = Annotated[kind, BeforeValidator(step.expand, json_schema_input_type=_written(step))]
        # a trailing underscore: pydantic's own methods have names, too
        fields[f"{name}_"] = (
            shape,
            Field(default=None, alias=name, description=(step.__doc__ or "").partition("\n")[0]),
        )
    made: type[Entry] = create_model("AnyStep", __base__=Entry, __module__=__name__, **fields)
    for _, step in steps().items():
        for part in vars(sys.modules[step.__module__]).values():
            if isinstance(part, type) and issubclass(part, Section) and not part.__pydantic_complete__:
                part.model_rebuild(_types_namespace={"AnyStep": made, **vars(sys.modules[step.__module__])})
    made.model_rebuild(force=True)
    return made


def _written(step: type[Step]) -> Any:
    """What may stand for a step in a file, for its schema."""
    short = str | float | bool | list[Any] if step.SHORT else None
    whole = dict[str, Any] if step.expand.__func__ is not Step.expand.__func__ else None  # type: ignore[attr-defined]
    return step | short | whole | None


if TYPE_CHECKING:
    AnyStep = Entry
else:
    AnyStep = _any_step()


class Pathway(Section):
    """A patient's journey."""

    version: Literal[1] = 1
    """Of this format."""
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    story: str = ""
    """What it shows, and what it is good for in tests."""
    share: float = Field(default=1.0, ge=0)
    """How often it is drawn beside the others, where pathways are drawn by a rate."""
    persons: dict[str, PersonConfig] = Field(default_factory=lambda: {MAIN: PersonConfig()}, min_length=1)
    orders: dict[str, OrderProfile] = Field(default_factory=dict)
    """Order profiles of its own, by name."""
    history: list[AnyStep] = Field(default_factory=list)
    """What happened before: steps with `at: -30d`. No message tells of them."""
    steps: list[AnyStep] = Field(min_length=1)

    @property
    def first(self) -> str:
        """The person whom a step is about that names nobody."""
        return next(iter(self.persons))

    def profile(self, name: str) -> OrderProfile:
        """An order profile of its own, or a shipped one."""
        return self.orders[name] if name in self.orders else shipped_profiles()[name]

    def count(self) -> int:
        """How many steps it has, those within others and of its history included."""
        return sum(1 for _ in walked(self))


def walked(pathway: Pathway) -> Iterator[tuple[KeyPath, Step]]:
    """Every step with its place in the file, those within others too."""
    for part in ("history", "steps"):
        yield from _walked((part,), getattr(pathway, part))


def _walked(path: KeyPath, entries: list[Entry]) -> Iterator[tuple[KeyPath, Step]]:
    for position, entry in enumerate(entries):
        step, here = entry.step, (*path, position, entry.name)
        yield here, step
        for name in ("steps", "of"):
            inner = getattr(step, name, None)
            if name == "steps" and isinstance(inner, list):
                yield from _walked((*here, name), inner)
            elif isinstance(inner, list):
                for number, branch in enumerate(inner):
                    yield from _walked((*here, name, number, "steps"), branch.steps)


def load_pathway(path: Path, *, source: str = "") -> Pathway:
    """Read and check a pathway file; raises ConfigError with file, line and nearest name for every problem."""
    return pathway_from(load_file(path, source=source))


def pathway_from(document: Document) -> Pathway:
    """The pathway that a document describes; raises ConfigError with all problems."""
    found = validate(Pathway, document)
    wrong = [*_persons(found), *_orders(found), *_past(found)]
    if wrong:
        raise refusal(document, wrong)
    return found


def _persons(pathway: Pathway) -> Iterator[Finding]:
    for path, step in walked(pathway):
        for name in filter(None, (step.person, *step.persons())):
            if name not in pathway.persons:
                yield unknown(path, f"there is no person named {name!r}", name, pathway.persons)
    for name, person in pathway.persons.items():
        others = [other for other in pathway.persons if other != name]
        for field in ("mother", "like"):
            other = getattr(person, field)
            if other and (other not in others or pathway.persons[other].like):
                yield unknown(
                    ("persons", name, field), f"there is no such other person named {other!r}", other, others
                )


def _orders(pathway: Pathway) -> Iterator[Finding]:
    known = {**shipped_profiles(), **pathway.orders}
    placed: dict[str, str] = {}
    """Names that steps give to orders and reports, and their profiles."""
    for _, step in walked(pathway):
        if profile := getattr(step, "profile", ""):
            placed[getattr(step, "name", "") or profile] = profile
    for path, step in walked(pathway):
        profile = getattr(step, "profile", "")
        if profile and profile not in known:
            yield unknown((*path, "profile"), f"there is no order profile named {profile!r}", profile, known)
        for field in ("order", "report"):
            name = getattr(step, field, "")
            if name and name not in placed:
                yield unknown((*path, field), f"no step orders or reports {name!r}", name, placed)
            profile = profile or placed.get(name, "")
        values: Mapping[str, Any] = getattr(step, "values", None) or {}
        tests = known[profile].tests if profile in known else {}
        for name in values if profile in known else ():
            if name not in tests and name != "all":
                yield unknown((*path, "values", name), f"{profile} has no such test", name, tests)


def _past(pathway: Pathway) -> Iterator[Finding]:
    for path, step in walked(pathway):
        past = path[0] == "history"
        if not past and step.at:
            yield Finding((*path, "at"), "is for steps of `history`; here a delay says when")
        if past and (not step.at.startswith("-") or not _is_duration(step.at[1:])):
            yield Finding((*path, "at"), "says how long ago it was: write it like -30d")
        if past and (step.after is not None or step.NAME in ("delay", "repeat", "choose")):
            yield Finding(path, "cannot stand in `history`, where each step says when it was by `at`")


def _is_duration(text: str) -> bool:
    try:
        return duration(text) > 0
    except ValueError:
        return False


def pathway_schema() -> str:
    """The JSON Schema of pathway files, for editors, as it is committed beside the shipped ones."""
    return schema_text(Pathway, name="pathway")
