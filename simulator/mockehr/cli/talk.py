"""What the processes that serve together say to each other: the one that started them, and the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mockehr.api.reach import Reach
from mockehr.cli.plan import Plan
from mockehr.core.clock import Pace


@dataclass(frozen=True, slots=True)
class Brief:
    """To a new worker: what to serve, where the common things lie, and its sockets, as file descriptors by name."""

    plan: Plan
    folder: Path
    sockets: Mapping[str, int]
    ports: Mapping[str, int]
    """The ports of sites that have one of their own."""
    place: int = 0
    places: int = 1
    """Which worker it is, from 0, and how many there are."""


@dataclass(frozen=True, slots=True)
class Built:
    """From a worker: its sites are there; how do they stand?"""


@dataclass(frozen=True, slots=True)
class Stand:
    """To a worker: how its sites stand, by name, each a `mockehr.sites.standing.Standing`, pickled."""

    sites: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: it serves."""


@dataclass(frozen=True, slots=True)
class Hold:
    """To a worker: do nothing but what you are told, until Release."""


@dataclass(frozen=True, slots=True)
class Release:
    """To a worker: go on. It is not answered."""


@dataclass(frozen=True, slots=True)
class Run:
    """To a worker: run an operation. With `pace` it is done elsewhere already, and clocks run like that there."""

    name: str
    site: str
    arguments: Mapping[str, Any]
    pace: Pace | None = None
    changes: bool = False
    """It changes the site: say how the site stands then."""


@dataclass(frozen=True, slots=True)
class Show:
    """To a worker: the exchanges of a site with a number above `after`, or of that `number` alone; pickled."""

    site: str
    after: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to any of these."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Changed:
    """The answer to a Run that changes: what was answered, how the clock runs, and how the site stands, pickled."""

    value: Any
    pace: Pace
    standing: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer where an operation was refused: the parts of the refusal (`mockehr.api.reach.told`)."""

    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """From a worker: an operation that concerns the others too. `number` is the worker's own, for the answer."""

    number: int
    reach: Reach
    name: str
    site: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """To that worker: a list of what everybody answered, or the refusal."""

    number: int
    outcome: Done | Refused
