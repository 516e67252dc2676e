"""A rule = a quirk + where + when + settings, armed at a site under a name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from typing import Annotated, Any, TypeAlias, get_type_hints

import mockehr.quirks as family_root
from mockehr.core.clock import duration
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Decision
from mockehr.core.registry import Registry
from mockehr.quirks.base import About
from mockehr.quirks.when import When, when_from
from mockehr.quirks.where import Where, refuse_unknown, where_from

Seconds: TypeAlias = Annotated[float, "duration"]
"""A setting in seconds, not negative, that may be written as a duration: `30s`, `2h`."""


@dataclass(slots=True)
class Rule:
    """An armed quirk. The last six fields are its state at one site; all else is fixed."""

    name: str
    quirk: Any
    where: Where
    when: When
    armed_at: float = 0.0
    seen: int = 0
    fired: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    occurrences: dict[str, int] = field(default_factory=dict)
    """How often dice were thrown for each exchange key since arming, so that equal exchanges draw differently."""
    skips: dict[tuple[str, str], Decision] = field(default_factory=dict)
    """Decisions not to act that were made before, by capability and reason."""

    @property
    def about(self) -> About:
        """Name, family, ledger ids and capabilities of the quirk."""
        about: About = self.quirk.about
        return about

    def describe(self) -> dict[str, Any]:
        """The rule as the control API shows it."""
        shown = {item.name: getattr(self.quirk, item.name) for item in fields(self.quirk)}
        return {
            "name": self.name,
            "use": self.about.name,
            "where": {f.name: v for f in fields(self.where) if (v := getattr(self.where, f.name))},
            "when": {f.name: v for f in fields(self.when) if (v := getattr(self.when, f.name)) != f.default},
            "with": shown,
            "seen": self.seen,
            "fired": self.fired,
        }


@cache
def quirks() -> Registry[Any]:
    """Every quirk there is, by name: the classes marked with `@quirk` in the folders beside this file."""
    registry: Registry[Any] = Registry("quirk", reference="mockehr quirk list")
    for package in pkgutil.iter_modules(family_root.__path__, "mockehr.quirks."):
        if package.ispkg:
            folder = importlib.import_module(package.name)
            for module in pkgutil.iter_modules(folder.__path__, package.name + "."):
                for thing in vars(importlib.import_module(module.name)).values():
                    if isinstance(thing, type) and "about" in vars(thing) and thing.__module__ == module.name:
                        registry.add(vars(thing)["about"].name, thing)
    return registry


def rule_from(settings: Mapping[str, Any]) -> Rule:
    """A rule from plain settings: `use`, and optionally `name`, `where`, `when`, `with`.

    Raises UnknownName for a quirk that does not exist and ConfigError for settings it does not have.
    """
    refuse_unknown("rule", settings, ("use", "name", "where", "when", "with"))
    use = str(settings.get("use", ""))
    cls = quirks().get(use)
    quirk = configured(cls, use, settings.get("with") or {})
    where = where_from(settings.get("where") or {})
    if where.channel and where.channel not in cls.about.channels:
        raise ConfigError(
            f"{use} cannot touch the channel {where.channel}.", remedy=f"It acts on {', '.join(cls.about.channels)}."
        )
    if cls.about.interactions and not (where.interaction or where.message or where.channel.startswith("mllp")):
        where = replace(where, interaction=cls.about.interactions)
    return Rule(str(settings.get("name") or use), quirk, where, when_from(settings.get("when") or {}))


def configured(cls: Any, use: str, given: Mapping[str, Any]) -> Any:
    """An instance of a quirk or corruption from plain settings; raises ConfigError naming every wrong one."""
    known = {item.name: item for item in fields(cls)}
    refuse_unknown(f"{use}.with", given, known)
    hints = get_type_hints(cls, include_extras=True)
    values, problems = {}, []
    for name, value in given.items():
        try:
            values[name] = _converted(hints[name], value)
        except (TypeError, ValueError) as error:
            problems.append(f"{use}.with.{name}: {error}")
    problems += [
        f"{use}.with.{n} is required"
        for n, f in known.items()
        if n not in given and f.default is MISSING and f.default_factory is MISSING
    ]
    if not problems:
        try:
            return cls(**values)
        except ValueError as error:
            problems.append(f"{use}: {error}")
    raise ConfigError(f"The quirk {use} is not set up right.", problems, reference=f"mockehr quirk show {use}")


def _converted(hint: Any, value: Any) -> Any:
    if hint == Seconds:
        return _span(value)
    if hint is bool and not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    if hint is int and (isinstance(value, bool) or not isinstance(value, int)):
        raise TypeError(f"{value!r} is no whole number")
    if hint is float and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"{value!r} is no number")
    if hint is str and not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    if getattr(hint, "__origin__", None) is tuple:
        return tuple(value) if isinstance(value, list | tuple) else (value,)
    return value


def _span(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"{value!r} is no duration")
    seconds = duration(value)
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{value!r} is no span of time")
    return seconds
