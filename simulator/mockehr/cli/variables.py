"""The environment variables by which a client is told where the sites of a scenario are and who it is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import orjson

from mockehr.scenarios.trial import Trial

SERVER: Final = "http://127.0.0.1:8642"
"""Stands for the address that a run will have."""
FIRST_PORT: Final = 2575
"""The first of the ports that stand for those that a run will choose."""
NOTE: Final = "Addresses and ports are examples: every run chooses its own."

_ABOUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MOCKEHR_SITES": "The names of the sites, separated by commas; theirs have the name in capitals.",
        "MOCKEHR_OUTPUT": "The folder in which to write SITE.ndjson for each site: all that you end up with.",
        "MOCKEHR_KIND": "What the scenario is for: sync, linker, exporter, app, peer (HL7 v2) or receiver (events).",
    }
)
_ABOUT_SITE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "FHIR_URL": "The site's FHIR base.",
        "TOKEN_URL": "Its token endpoint: SMART Backend Services, or where an app redeems codes.",
        "CLIENT_ID": "Who you are there.",
        "PRIVATE_KEY": "Your private key as a JWK (a public test key): sign client assertions with it, by its kind "
        "ES384 or RS384, and name its kid.",
        "SCOPES": "The scopes that you are registered for, separated by spaces.",
        "PERSONALITY": "Whose product the site resembles.",
        "PATIENTS": "The ids of the patients to look after, separated by commas.",
        "REDIRECT_URI": "Where the authorization server sends browsers back to.",
        "CLIENT_SECRET": "Your secret, empty for a public app.",
        "MLLP_PORT": "The port on 127.0.0.1 on which the site takes HL7 messages.",
        "FEED_PORT": "The port on 127.0.0.1 on which you are to take the site's HL7 messages.",
        "WEBHOOK_PORT": "The port on 127.0.0.1 on which you are to take the site's events.",
        "WEBHOOK_PATH": "The path to which they are posted.",
        "WEBHOOK_SECRET": "What signs them; empty if nothing does.",
    }
)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable, an example of its value, and what it says."""

    name: str
    value: str
    about: str


def variables(trial: Trial) -> list[Variable]:
    """All variables of a trial, in the order in which they are told."""
    trial.assign_ports(lambda count: list(range(FIRST_PORT + 100, FIRST_PORT + 100 + count)))
    heard = {
        site.name: config.hl7.listen[0].port or FIRST_PORT
        for site, config in zip(trial.sites, trial.scenario.sites, strict=True)
        if config.hl7.listen
    }
    told = trial.environment(SERVER, Path("output"), heard)
    return [Variable(name, value, _about(name, trial)) for name, value in told.items()]


def _about(name: str, trial: Trial) -> str:
    if name in _ABOUT:
        return _ABOUT[name]
    for site in trial.sites:
        prefix = f"MOCKEHR_{site.name.upper().replace('-', '_')}_"
        for suffix, about in _ABOUT_SITE.items():
            kind, _, what = suffix.partition("_")
            if name == prefix + suffix:
                return f"{site.name}: {about}"
            if name.startswith(f"{prefix}{kind}_") and name.endswith(f"_{what}") and kind in ("FEED", "WEBHOOK"):
                own = name.removeprefix(f"{prefix}{kind}_").removesuffix(f"_{what}")
                return f"{site.name}, {own.lower()}: {about}"
    return ""


def as_text(found: list[Variable]) -> str:
    """For people: each name with what it says and an example."""
    return "\n".join(_lines(found))


def _lines(found: list[Variable]) -> Iterator[str]:
    yield NOTE
    for one in found:
        value = one.value if len(one.value) <= 100 else f"{one.value[:99]}…"
        yield f"\n{one.name}\n  {one.about}\n  {value or '(empty)'}"


def as_json(found: list[Variable]) -> str:
    """For programs: a list of objects with `name`, `value` and `about`."""
    rows = [{"name": one.name, "value": one.value, "about": one.about} for one in found]
    return orjson.dumps({"note": NOTE, "variables": rows}).decode()


def as_dotenv(found: list[Variable]) -> str:
    """A file that shells, Docker Compose and dotenv libraries read; values are quoted as a shell wants them."""
    lines = [f"# {NOTE}"]
    for one in found:
        lines += [f"# {one.about}", f"{one.name}={shlex.quote(one.value) if one.value else ''}"]
    return "\n".join(lines)
