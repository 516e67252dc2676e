"""What a scenario file may say. Unknown keys are refused; an editor's JSON Schema is made from these models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mockehr.config.explain import validate
from mockehr.config.load import load_file
from mockehr.config.scalars import Count, Duration, listed
from mockehr.config.schema import schema_text
from mockehr.config.settings import Section, SiteConfig, refuse_twice
from mockehr.core.errors import nearest_names
from mockehr.scenarios.launched import Expected
from mockehr.scenarios.probes import probes
from mockehr.sites.configured import known_names

DEFAULT_TRUTH: Final = {"Patient": ""}
SCHEMA_FILE: Final = "scenario.schema.json"
"""Name of the JSON Schema beside the shipped scenarios."""


def _known(name: str) -> str:
    if name not in probes():
        facts = {"kind": "probe", "name": name, "known": [known for known, _ in probes().items()]}
        raise PydanticCustomError("unknown_name", "There is no {kind} named {name}", facts)
    return name


ProbeNames = Annotated[
    list[Annotated[str, AfterValidator(_known)]], BeforeValidator(listed, json_schema_input_type=str | list[str])
]
"""Names of probes: one, several separated by commas, or a list."""


class ClientSection(Section):
    """Who the client under test is, at every site."""

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


class TruthSection(Section):
    """Which records the client should end up with: by resource type, the query that it is told to sync."""

    types: dict[str, str] = Field(default_factory=lambda: dict(DEFAULT_TRUTH))
    told: ToldSection | None = None
    """In place of resources: records that follow from an HL7 feed."""
    heard: HeardSection | None = None
    """In place of resources of the roster: those that a receiver of events is to hear of."""

    @model_validator(mode="after")
    def _one_truth(self) -> Self:
        if self.told is not None and self.heard is not None:
            raise ValueError("told, heard: the client's records are compared with one of them, not with both")
        return self


class BeginSection(Section):
    """A pathway that begins with the run."""

    use: str
    """A shipped pathway, or one of the site's own files, by name."""
    site: str = ""
    """At which site; at each, unless told."""
    times: Count = 1
    """How many patients go through it."""


class VerdictSection(Section):
    """What must hold in the end."""

    probes: ProbeNames = Field(default_factory=list)
    """Probes to ask; all of them unless told."""
    required: ProbeNames = Field(default_factory=list)
    """Probes that must have seen an occasion and passed for at least one site; a run without it proves too little."""


class Scenario(Section):
    """A story: sites that misbehave, a client that is told to sync, and a verdict."""

    version: Literal[1] = 1
    title: str
    story: str = ""
    """Which production incident it stands for, and what a coping client does."""
    seed: int = 7
    sites: list[SiteConfig] = Field(min_length=1)
    client: ClientSection = Field(default_factory=ClientSection)
    roster: RosterSection = Field(default_factory=RosterSection)
    launches: list[LaunchSection] = Field(default_factory=list)
    begin: list[BeginSection] = Field(default_factory=list)
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


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file; raises ConfigError with file, line and nearest name for every problem."""
    return validate(Scenario, load_file(path), known=known_names())


def scenario_schema() -> str:
    """The JSON Schema of scenario files, for editors, as it is committed beside the shipped ones."""
    return schema_text(Scenario, name="scenario")
