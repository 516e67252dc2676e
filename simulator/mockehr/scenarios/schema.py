"""What a scenario file may say. Unknown keys are refused; an editor's JSON Schema is made from these models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from mockehr.config.document import refusal
from mockehr.config.explain import validate
from mockehr.config.scalars import Count, Duration, Names
from mockehr.config.schema import schema_text
from mockehr.config.settings import Section, SiteConfig, refuse_twice
from mockehr.core.errors import nearest_names
from mockehr.scenarios.checking import faults
from mockehr.scenarios.including import included
from mockehr.scenarios.launched import Expected
from mockehr.scenarios.parameters import GIVEN_NONE, filled
from mockehr.scenarios.phases import BeginSection, PhaseSection, ProbeName, ProbeNames
from mockehr.scenarios.steady import SteadySection
from mockehr.sites.configured import known_names

DEFAULT_TRUTH: Final = {"Patient": ""}
Difference = Literal[
    "lost",
    "duplicated",
    "altered",
    "misdecoded",
    "wrongly merged",
    "wrong patient",
    "unmerged",
    "foreign",
    "unreadable",
    "parked in vain",
]
"""Kinds of differences between a client's records and the truth, as reports name them."""
SCHEMA_FILE: Final = "scenario.schema.json"
"""Name of the JSON Schema beside the shipped scenarios."""


class ClientSection(Section):
    """Who the client under test is, at every site."""

    kind: Literal["sync", "linker", "exporter", "app", "peer", "receiver"] = "sync"
    """What sort of program it is: it syncs, links patients of two sites, exports in bulk, is a SMART app, speaks HL7
    v2, or receives events. It is told so, and `mockehr check all --kind` chooses by it."""
    client_id: str = "sync"
    scopes: str = "system/*.rs"
    """What it is registered for, separated by spaces."""
    redirect_uris: list[str] = Field(default_factory=list)
    """With them it is a SMART app, which users launch."""
    public: bool = False
    """An app without a secret; else it has `secret`, or the public test keys."""
    secret: str = ""
    """Makes it a confidential app, which is told the secret; without it and `public` it has the public test keys."""
    launch_url: str = ""
    """Where the app is opened. The command is then a server: it is launched, and ended afterwards."""

    @field_validator("redirect_uris", mode="before")
    @classmethod
    def _uris_are_a_list(cls, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError("is a list: write it like [http://127.0.0.1:3000/callback]")
        return value


class LaunchSection(Section):
    """Launches from the EHR, one after the other."""

    site: str = ""
    """At which site; at each, unless told."""
    user: str = "clinician"
    patient: int | str | None = None
    """An id, or a number from 0 in the site's order; the first of the roster unless told, none if empty."""
    encounter: str = ""
    """An id, or `latest`."""
    intent: str = ""
    ask: bool = False
    """Whether the hospital's pages are shown, and answered."""
    deny: bool = False
    times: Count = 1
    expect: Expected = "any"
    """How they should end; the probe completes-launches judges that."""


class RosterSection(Section):
    """Which patients the client is told to look after, at every site."""

    size: Count = 12
    """How many; those that a corruption touches come first."""


class ToldSection(Section):
    """What the receiver of an HL7 feed should end up with: what the feed told, however it was disturbed."""

    link: str
    """The feed, by name; sites without it are not judged by records."""
    records: list[Literal["Message", "Person", "Visit", "Result", "Order", "Appointment", "Document"]] = Field(
        default_factory=list
    )
    """Kinds that are compared: Message, Person, Visit and Result unless told. A Message stands for each time that one
    was applied."""


class HeardSection(Section):
    """What a receiver of events should end up with: all that changed, as it is now, whatever came of events."""

    webhook: str
    """The receiver, by name; sites without it are not judged by records."""


class FromSection(Section):
    """Where the client's records are, if not in `<site>.ndjson`, `.json` or `.csv` with `<site>.mapping.yaml`."""

    file: str = ""
    """A file or a folder, relative to MOCKEHR_OUTPUT; `{site}` stands for the site's name."""
    url: str = ""
    """A database as SQLAlchemy writes it, as in `sqlite:///copy.db`; `{site}` stands for the site's name."""
    mapping: str = ""
    """The mapping file of a table or a database, relative to the scenario file."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.file) == bool(self.url):
            raise ValueError("from: say file or url")
        if self.url and not self.mapping:
            raise ValueError("from: a database needs a mapping")
        return self


class TruthSection(Section):
    """Which records the client should end up with: by resource type, the query that it is told to sync."""

    types: dict[str, str] = Field(default_factory=lambda: dict(DEFAULT_TRUTH))
    told: ToldSection | None = None
    """In place of resources: records that follow from an HL7 feed."""
    heard: HeardSection | None = None
    """In place of resources of the roster: those that a receiver of events is to hear of."""
    from_: FromSection | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one_truth(self) -> Self:
        if self.told is not None and self.heard is not None:
            raise ValueError("told, heard: the client's records are compared with one of them, not with both")
        return self


class FaultsSection(Section):
    """How much of a probe is let pass."""

    faults_at_most: Count


class ThresholdsSection(Section):
    """What is let pass, and what is too much."""

    probes: dict[ProbeName, FaultsSection] = Field(default_factory=dict)
    """By probe: with so many faults it passes still."""
    truth: dict[Difference, Count] = Field(default_factory=dict)
    """By kind of difference: how many records may differ like that."""
    exchanges: Count | None = None
    """How many exchanges a client may need at each site."""


class VerdictSection(Section):
    """What must hold in the end."""

    probes: ProbeNames = Field(default_factory=list)
    """Probes to ask; all of them unless told."""
    required: ProbeNames = Field(default_factory=list)
    """Probes that must have seen an occasion and passed for at least one site; a run without it proves too little."""
    thresholds: ThresholdsSection = Field(default_factory=ThresholdsSection)


class Scenario(Section):
    """A story: sites that misbehave, a client that is told to sync, and a verdict."""

    version: Literal[1] = 1
    title: str
    incident: str = ""
    """Which production incident it stands for, in one line, with its source if there is one."""
    story: str = ""
    """What happens, and what a coping client does."""
    include: Names = Field(default_factory=list)
    """Files that this one builds on, relative to it, or shipped scenarios by name: mappings are merged, sites by
    their names, other lists joined."""
    parameters: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """Names with defaults; `${name}` in any value stands for them, and `--set name=value` replaces them."""
    seed: int = 7
    sites: list[SiteConfig] = Field(min_length=1)
    client: ClientSection = Field(default_factory=ClientSection)
    roster: RosterSection = Field(default_factory=RosterSection)
    launches: list[LaunchSection] = Field(default_factory=list)
    begin: list[BeginSection] = Field(default_factory=list)
    phases: list[PhaseSection] = Field(default_factory=list)
    """What happens when, in order."""
    steady: list[SteadySection] = Field(default_factory=list)
    """What holds before, during and after the phases."""
    truth: TruthSection = Field(default_factory=TruthSection)
    verdict: VerdictSection = Field(default_factory=VerdictSection)
    timeout: Duration = 300.0
    """How long the client may run, in real seconds."""

    @field_validator("launches", mode="before")
    @classmethod
    def _launches_are_a_list(cls, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError("is a list of launches: write it like [{site: north, times: 2}]")
        return value

    @field_validator("begin", mode="before")
    @classmethod
    def _begin_is_a_list(cls, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError("is a list of pathways: write it like [{use: chest-pain, times: 2}]")
        return value

    @field_validator("sites")
    @classmethod
    def _sites_have_names_of_their_own(cls, value: list[SiteConfig]) -> list[SiteConfig]:
        refuse_twice("site", [site.name for site in value])
        return value

    @model_validator(mode="after")
    def _sites_and_links_are_there(self) -> Self:
        sites = [site.name for site in self.sites]
        links = [link.name for site in self.sites for link in site.hl7.links]
        wanted = [("launches", "site", launch.site, sites) for launch in self.launches]
        wanted += [("begin", "site", begun.site, sites) for begun in self.begin]
        wanted += [("truth.told", "link", self.truth.told.link, links)] if self.truth.told is not None else []
        if self.truth.heard is not None:
            hooks = [hook.name for site in self.sites for hook in site.webhooks]
            wanted.append(("truth.heard", "webhook", self.truth.heard.webhook, hooks))
        for place, kind, name, names in wanted:
            if name and name not in names:
                near = nearest_names(name, names, limit=1) or names[:3] or ["none"]
                raise ValueError(f"{place}: there is no {kind} {name!r}; nearest: {', '.join(near)}")
        return self

    @model_validator(mode="after")
    def _launches_want_an_app(self) -> Self:
        if self.launches and not (self.client.launch_url and self.client.redirect_uris):
            raise ValueError("launches: give the client a launch_url to be opened at, and redirect_uris")
        return self


def load_scenario(path: Path, given: Mapping[str, Any] = GIVEN_NONE) -> Scenario:
    """Read and check a scenario file with what it includes; `given` are values of its parameters.

    Raises ConfigError with file, line and nearest name for every problem, UnknownName for a parameter that there is
    not, UsageError for a value of another type.
    """
    document = filled(included(path), given)
    scenario = validate(Scenario, document, known=known_names())
    found = list(faults(scenario))
    if found:
        raise refusal(document, found)
    return scenario


def scenario_schema() -> str:
    """The JSON Schema of scenario files, for editors, as it is committed beside the shipped ones."""
    return schema_text(Scenario, name="scenario")
