"""What a scenario file may say of its phases: when each begins and ends, and what happens in it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mockehr.config.explain import refuse_settings
from mockehr.config.scalars import Count, Duration, Names, listed
from mockehr.config.settings import RuleConfig, Section, WhereConfig
from mockehr.scenarios.probes import probes

OUTSIDE = ("before", "between", "after")
"""What the time is called in which no phase is on."""
EVERYWHERE = "*"
UNFIT = frozenset({"site reset", "journal clear"})
"""Operations that would take away what a run is judged by."""


def known_probe(name: str) -> str:
    """For validators: the name of a probe, refused with the nearest if there is none."""
    if name not in probes():
        facts = {"kind": "probe", "name": name, "known": [known for known, _ in probes().items()]}
        raise PydanticCustomError("unknown_name", "There is no {kind} named {name}", facts)
    return name


ProbeName = Annotated[str, AfterValidator(known_probe)]
ProbeNames = Annotated[list[ProbeName], BeforeValidator(listed, json_schema_input_type=str | list[str])]
"""Names of probes: one, several separated by commas, or a list."""


def _operation(name: str) -> str:
    """A control operation that changes something at a site."""
    from mockehr.control.facade import operations  # it scans every package: only where a file names one

    fit = {one for one, op in operations().items() if op.scope == "site" and op.verb != "GET"} - UNFIT
    if name not in fit:
        facts = {"kind": "operation", "name": name, "known": sorted(fit)}
        raise PydanticCustomError("unknown_name", "There is no {kind} named {name}", facts)
    return name


def _statuses(value: object) -> object:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else listed(value)


Status = Annotated[str, Field(pattern=r"^[0-9][0-9x]{2}$"), BeforeValidator(lambda v: str(v))]
Statuses = Annotated[
    list[Status],
    BeforeValidator(_statuses, json_schema_input_type=int | str | list[int | str]),
]


class LikeSection(WhereConfig):
    """Which exchanges are meant; what is left out means any. Background load is meant where `client` names it."""

    status: Statuses = Field(default_factory=list)
    """Of the answer: `429`, `5xx`; several are allowed. `000` is no answer at all."""
    site: str = ""
    """At which site, if not at the one that the condition is about."""


class CountSection(LikeSection):
    """So many exchanges like that."""

    n: Annotated[int, Field(ge=1)] = 1


class ConditionSection(Section):
    """What has to come about; of several conditions all."""

    at: Duration | None = None
    """So long after the run began, by the site's clock."""
    count: CountSection | None = None
    event: str = ""
    """A change such as `encounter.created` or `Patient`, or an event of the hospital such as `admission`."""
    probe: Annotated[str, AfterValidator(lambda name: known_probe(name) if name else name)] = ""
    """A probe that says so of the client until then; `verdict` is what it has to say."""
    verdict: Literal["pass", "fail", "not-applicable"] = "fail"

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return self.at is None and self.count is None and not self.event and not self.probe

    @model_validator(mode="after")
    def _verdicts_are_of_probes(self) -> Self:
        if "verdict" in self.model_fields_set and not self.probe:
            raise ValueError("verdict: name the probe, too")
        return self


class StartSection(ConditionSection):
    """When a phase begins; with `after` what is counted is counted from that phase's end."""

    after: str = ""
    """The end of an earlier phase."""
    wait: Duration = 0.0
    """So long after that."""

    @model_validator(mode="after")
    def _waits_are_after_something(self) -> Self:
        if self.wait and not self.after:
            raise ValueError("wait: name the phase after which it is (after), or write at")
        return self


class BeginSection(Section):
    """A pathway that begins."""

    use: str
    """A shipped pathway, or one of the site's own files, by name."""
    site: str = ""
    """At which site; at each, unless told."""
    times: Count = 1
    """How many patients go through it."""


class DoSection(Section):
    """A control operation, such as `clock advance`, `session end`, `webhook switch`, `hl7 stop`."""

    use: Annotated[str, AfterValidator(_operation)]
    site: str = ""
    """At which site; at each of the phase, unless told."""
    settings: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    """The operation's arguments."""

    @field_validator("settings")
    @classmethod
    def _operation_has_them(cls, value: dict[str, JsonValue], info: ValidationInfo) -> dict[str, JsonValue]:
        from mockehr.control.facade import operations

        use = info.data.get("use")
        if use:
            refuse_settings(value, [one.name for one in operations().get(use).parameters], f"the operation {use}")
        return value


class LoadSection(Section):
    """Traffic of somebody else in the background, which no probe holds against the client under test."""

    name: str = Field(default="load", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """The client id under which the journal has it."""
    site: str = ""
    """At which site; at each of the phase, unless told."""
    what: Literal["read", "search", "write", "token", "hl7"] = "read"
    readers: Annotated[int, Field(ge=1, le=100)] = 1
    """How many ask at a time."""
    every: Duration = 1.0
    """Between two times, in seconds of the site."""
    resource: str = "Observation"
    """Which type is searched for; reads are of patients, writes are results."""
    at_most: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Requests altogether."""

    @field_validator("every")
    @classmethod
    def _time_passes(cls, value: float) -> float:
        if value <= 0:
            raise ValueError("a pause of nothing would never end: write 100ms, for example")
        return value


class RollbackSection(Section):
    """When a phase is broken off."""

    when: Names
    """Names of the steady conditions of which one has to break; any of them, if `rollback: true` stands here."""


class PhaseSection(Section):
    """One part of the story. At each site phases follow one another: one ends at the latest when the next begins."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    story: str = ""
    sites: Names = Field(default_factory=list)
    """Where it takes place; everywhere unless told."""
    start: StartSection = Field(default_factory=StartSection)
    """Unless told, the first phase begins with the run and every other one when the one before it ends."""
    lasts: Duration | None = Field(default=None, alias="for")
    """How long, by the site's clock; until the next one begins, unless this or `until` is told."""
    until: ConditionSection | None = None
    """What ends it; with `for`, whichever comes first."""
    rules: dict[str, list[RuleConfig]] = Field(default_factory=dict)
    """Rules that are armed while it lasts, by site; `*` is each."""
    begin: list[BeginSection] = Field(default_factory=list)
    """Pathways that begin with it."""
    do: list[DoSection] = Field(default_factory=list)
    """Control operations at its start, in order."""
    load: list[LoadSection] = Field(default_factory=list)
    rollback: bool | RollbackSection = False
    """Break it off, and leave out all later phases, when a steady condition breaks."""

    @field_validator("name")
    @classmethod
    def _outside_is_no_phase(cls, value: str) -> str:
        if value in OUTSIDE:
            raise ValueError(f"{value} is what the time is called in which no phase is on; choose another name")
        return value

    @field_validator("until")
    @classmethod
    def _it_ends_by_something(cls, value: ConditionSection | None) -> ConditionSection | None:
        if value is not None and value.empty:
            raise ValueError("says no condition: at, count, event, or probe")
        return value

    @property
    def ends(self) -> bool:
        """Whether it says when it ends."""
        return self.lasts is not None or self.until is not None

    def at(self, site: str) -> bool:
        """Whether it takes place there."""
        return not self.sites or site in self.sites

    def rules_at(self, site: str) -> list[RuleConfig]:
        """The rules that are armed there, with the names that they go by: `<phase>:<quirk>` unless told."""
        told = [*self.rules.get(EVERYWHERE, ()), *self.rules.get(site, ())] if self.at(site) else []
        return [one.model_copy(update={"name": one.name or f"{self.name}:{one.use}"}) for one in told]
