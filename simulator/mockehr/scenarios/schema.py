"""What a scenario file may say. Unknown keys are refused; an editor's JSON Schema is made from these models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from mockehr.config.explain import validate
from mockehr.config.load import load_file
from mockehr.config.scalars import Count, Duration, Names
from mockehr.config.settings import Section, SiteConfig
from mockehr.personalities.load import personality_names
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.rule import quirks
from mockehr.scenarios.probes import probes

DEFAULT_TRUTH: Final = {"Patient": ""}


class ClientSection(Section):
    """Who the client under test is, at every site."""

    client_id: str = "sync"
    scopes: str = "system/*.rs"
    """What it is registered for, separated by spaces."""


class RosterSection(Section):
    """Which patients the client is told to look after, at every site."""

    size: Count = 12
    """How many; those that a corruption touches come first."""


class TruthSection(Section):
    """Which records the client should end up with: by resource type, the query that it is told to sync."""

    types: dict[str, str] = Field(default_factory=lambda: dict(DEFAULT_TRUTH))


class VerdictSection(Section):
    """What must hold in the end."""

    probes: Names = Field(default_factory=list)
    """Probes to ask; all of them unless told."""
    required: Names = Field(default_factory=list)
    """Probes that must have seen an occasion and passed for at least one site; a run without it proves too little."""

    @field_validator("probes", "required")
    @classmethod
    def _probes_exist(cls, value: list[str]) -> list[str]:
        for name in value:
            probes().get(name)
        return value


class Scenario(Section):
    """A story: sites that misbehave, a client that is told to sync, and a verdict."""

    version: Literal[1] = 1
    title: str
    story: str
    """Which production incident it stands for, and what a coping client does."""
    seed: int = 7
    sites: list[SiteConfig] = Field(min_length=1)
    client: ClientSection = Field(default_factory=ClientSection)
    roster: RosterSection = Field(default_factory=RosterSection)
    truth: TruthSection = Field(default_factory=TruthSection)
    verdict: VerdictSection = Field(default_factory=VerdictSection)
    timeout: Duration = 300.0
    """How long the client may run, in real seconds."""


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file; raises ConfigError with file, line and nearest name for every problem."""
    return validate(Scenario, load_file(path), known=known_names())


def known_names() -> Mapping[str, Any]:
    """The names that a scenario may use, by kind; quirks with the names of their settings."""
    settings = {name: cls.__dataclass_fields__ for name, cls in [*quirks().items(), *corruptions().items()]}
    return {"quirk": settings, "personality": personality_names()}
