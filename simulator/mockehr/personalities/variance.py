"""How sites of one vendor differ: what a plausible hospital chose, and what production does to a sandbox.

A vendor's `variance.yaml` has two sections. `environments` says what `sandbox` and `production` change; `traits` what
one hospital decides otherwise than the next, each with shares (any numbers; they need not add up to 1 or 100), a
source, and the settings that it changes:

    environments:
      production: {source: …, settings: {rates: …}, corruptions: [{use: windows-1252-names}]}
    traits:
      preferred-name:
        source: MAP epic/production_fleet
        choices:
          nickname: {share: 2}
          extension: {share: 1, settings: {shape: {tables: {…}}}}

A site draws its choices from its seed, trait by trait: a trait that is added shifts no other one's draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from mockehr.config.load import load_text
from mockehr.core.chance import Stream
from mockehr.core.errors import ConfigError, UnknownName

ENVIRONMENTS: Final = ("sandbox", "production")
VARIANCES: Final = ("none", "realistic")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Choice:
    """One way in which a hospital may have it."""

    name: str
    share: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Over those of the personality."""


@dataclass(frozen=True, slots=True)
class Trait:
    """Something in which hospitals of one vendor differ."""

    name: str
    source: str
    choices: tuple[Choice, ...]

    def draw(self, key: Callable[..., bytes]) -> Choice:
        """What the hospital with that key has."""
        stream = Stream(key("variance", self.name))
        return stream.weighted(self.choices, [one.share for one in self.choices])


@dataclass(frozen=True, slots=True)
class Environment:
    """What a sandbox or production system of a vendor is like; `corruptions` are plain settings (`use`, `with`)."""

    name: str
    source: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    corruptions: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Variance:
    """All of one vendor's."""

    environments: Mapping[str, Environment]
    traits: tuple[Trait, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one site is like: settings in the order in which they are laid over the personality's, and why."""

    layers: tuple[Mapping[str, Any], ...] = ()
    corruptions: tuple[Mapping[str, Any], ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    """Trait → the name of what was drawn; `environment` among them, where one was asked for."""


def draw_site(vendor: str, key: Callable[..., bytes], *, environment: str = "", variance: str = "") -> Drawn:
    """What a site with that key is like; raises UnknownName for a word that is none of the known ones."""
    if environment not in ("", *ENVIRONMENTS):
        raise UnknownName("environment", environment, ENVIRONMENTS)
    if variance not in ("", *VARIANCES):
        raise UnknownName("variance", variance, VARIANCES)
    layers: list[Mapping[str, Any]] = []
    choices: dict[str, str] = {}
    known = variance_of(vendor)
    found = known.environments.get(environment, Environment(environment))
    if environment:
        choices["environment"] = environment
        layers.append(found.settings)
    for trait in known.traits if variance == "realistic" else ():
        drawn = trait.draw(key)
        choices[trait.name] = drawn.name
        layers.append(drawn.settings)
    return Drawn(tuple(one for one in layers if one), found.corruptions, MappingProxyType(choices))


@cache
def variance_of(vendor: str) -> Variance:
    """What `variance.yaml` of a vendor says; nothing for a vendor without one, or a personality of a user's own."""
    if not vendor.isidentifier():
        return Variance(_NOTHING, ())
    file = files("mockehr.personalities") / vendor / "variance.yaml"
    if not file.is_file():
        return Variance(_NOTHING, ())
    told = load_text(file.read_bytes(), source=str(Path(vendor) / "variance.yaml")).value
    _only(told, ("environments", "traits"), vendor)
    environments = {name: _environment(name, one, vendor) for name, one in told.get("environments", {}).items()}
    traits = tuple(_trait(name, one, vendor) for name, one in told.get("traits", {}).items())
    return Variance(MappingProxyType(environments), traits)


def _environment(name: str, told: Mapping[str, Any], vendor: str) -> Environment:
    if name not in ENVIRONMENTS:
        raise UnknownName("environment", name, ENVIRONMENTS)
    _only(told, ("source", "settings", "corruptions"), f"{vendor}: {name}")
    return Environment(
        name, str(told.get("source", "")), told.get("settings", {}), tuple(told.get("corruptions", ()))
    )


def _trait(name: str, told: Mapping[str, Any], vendor: str) -> Trait:
    place = f"{vendor}: {name}"
    _only(told, ("source", "choices"), place)
    choices = []
    for choice, one in told["choices"].items():
        _only(one, ("share", "settings"), f"{place}.{choice}")
        share = one.get("share")
        if isinstance(share, bool) or not isinstance(share, (int, float)):
            raise ConfigError(f"{place}.{choice}: share is {share!r}, which is no number.", remedy="Write share: 1.")
        choices.append(Choice(choice, float(share), one.get("settings", {})))
    return Trait(name, str(told["source"]), tuple(choices))


def _only(told: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    strange = sorted(set(told) - set(known))
    if strange:
        raise ConfigError(f"variance.yaml of {place} has {strange[0]!r}.", remedy=f"Here one of: {', '.join(known)}.")
