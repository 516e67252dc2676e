"""What a site is made from: plain settings, so that equal options make equal sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """Settings of one site. Times are seconds since 1970; `start` None means now (real) or a fixed Monday (stepped).

    `settings` overrides the personality's own, by the same keys. `imports` are files or folders of FHIR resources,
    `replay` a folder of recorded answers that then stand for the simulator's. `trail` says whether replies carry
    `X-Mockehr-Entry`.
    """

    name: str
    personality: str = "generic"
    patients: int = 0
    seed: int | str = 7
    stepped: bool = False
    start: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    imports: tuple[Path, ...] = ()
    replay: Path | None = None
    upgrade: Any = ""
    """The upgrades that the site takes (`mockehr.personalities.upgrades`): a name, a list of names, or name → date.

    It stands for the setting `upgrade`.
    """
    environment: str = ""
    """`sandbox` or `production`: what the vendor's `variance.yaml` says of it; empty for the personality as it is."""
    variance: str = ""
    """`realistic`: a plausible hospital of that vendor, drawn from the seed (`mockehr.personalities.variance`)."""
    dirt: str = ""
    """A preset of corruptions (`mockehr.population.presets`): `sandbox`, `typical`, `decades` or `nightmare`."""
    open_access: bool = False
    """No bearer token is wanted."""
    fronts: tuple[str, ...] = ()
    """Names of the sites behind this one, of a platform that stands in front of others (`mockehr.sites.fronting`)."""
    hl7_dialect: str = ""
    """Name of the HL7 dialect; the personality's own unless told."""
    hl7_listen: int | None = None
    """Port on which whoever serves the site is to take its HL7 messages, 0 for any free one; None for none."""
    store: str = "memory"
    """Where what is written lies: `memory`, or `sqlite:FOLDER` for a file `<name>.sqlite` there, which lasts."""
    pathways: tuple[str, ...] = ()
    """Names of shipped pathways by which patients come, or `all`."""
    rate: str = ""
    """How many of them: `200/h`."""
    trail: bool = True
    charts_kept: int = 256
    """How many dressed charts the cache holds."""
