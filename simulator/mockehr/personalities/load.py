"""Finding a personality by name: `personality.yaml` over what it inherits, and the class that reads it.

A vendor is a folder beside this file with `personality.yaml` and, if it has code of its own, `dialect.py` with a
subclass of Personality named `Vendor`. A site's own file may inherit any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from textwrap import shorten
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.errors import ConfigError, EnvironmentProblem, UnknownName, nearest_names
from mockehr.personalities.model import Personality, SiteFacts

_OPEN: Final = frozenset(
    {
        "bundle.suppressed",
        "capability.resource",
        "capability.values",
        "bulk.headers",
        "bulk.kickoff_body",
        "bulk.status_body",
        "errors.kinds",
        "events.policy",
        "groups",
        "headers",
        "hl7",
        "ids.forms",
        "ids.lengths",
        "interactions.types",
        "media.types",
        "rates.headers",
        "search.own",
        "search.types",
        "shape.moments",
        "shape.tables",
        "smart_configuration.values",
        "token.reasons",
        "token.server",
        "upgrades",
        "withdrawn",
    }
)
"""Sections whose keys are the user's business."""
_NOT_INHERITED: Final = frozenset({"upgrades", "withdrawn"})
"""Sections that are one product's own: a vendor does not have those of the plain server."""
_WHOLE: Final = frozenset({"upgrades"})
"""Sections whose parts are replaced, never mixed with one of the same name."""


def personality_names() -> list[str]:
    """All vendors that come with mockehr, sorted."""
    folder = files("mockehr.personalities")
    return sorted(entry.name for entry in folder.iterdir() if (entry / "personality.yaml").is_file())


def platform_names() -> list[str]:
    """Those of them that stand in front of other sites, and have no records of their own."""
    from mockehr.personalities.behind import Platform

    return [name for name in personality_names() if issubclass(_class_of(name), Platform)]


def ehr_names() -> list[str]:
    """Those of them that are a hospital's own system."""
    platforms = platform_names()
    return [name for name in personality_names() if name not in platforms and _class_of(name).ehr]


def load_personality(
    name: str, settings: Mapping[str, Any] | None = None, facts: SiteFacts | None = None
) -> Personality:
    """The personality called `name` (or in the YAML file of that path), with a site's own `settings` over it.

    `facts.settings` count as well, below `settings`. Raises UnknownName for a name that no vendor has, ConfigError
    for settings that no personality has.
    """
    merged, vendor = _settings(name)
    for own in (facts.settings if facts is not None else {}, settings or {}):
        if own:
            merged = _over(merged, own, "", name)
    return _class_of(vendor)(name if name in personality_names() else Path(name).stem, merged, facts)


@cache
def _settings(name: str) -> tuple[Mapping[str, Any], str]:
    """The merged settings under a name and the vendor whose code reads them."""
    own, builtin = _read(name)
    parent = own.pop("inherits", "" if name == "generic" else "generic")
    if not parent:
        return MappingProxyType(own), name
    merged, vendor = _settings(parent)
    if builtin:
        merged = {**merged, **{section: {} for section in _NOT_INHERITED}}
    return MappingProxyType(_over(merged, own, "", name, closed=not builtin)), name if builtin else vendor


def _read(name: str) -> tuple[dict[str, Any], bool]:
    path = Path(name)
    builtin = files("mockehr.personalities") / name / "personality.yaml" if name.isidentifier() else None
    if builtin is not None and builtin.is_file():
        text = builtin.read_text("utf-8")
    elif path.suffix in (".yaml", ".yml"):
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            what = f"{name} cannot be read: {error.strerror}."
            raise EnvironmentProblem(what, remedy="Give the path of a file.") from error
        builtin = None
    else:
        raise UnknownName("personality", name, personality_names())
    return _parse(text, name), builtin is not None


def _parse(text: str, source: str) -> dict[str, Any]:
    # Imported here because a personality is read once, and the parser is heavy to load.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        loaded = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ConfigError(f"{source} is no YAML.", [" ".join(str(error).split())]) from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"{source} is no mapping of settings.", remedy="Start with `inherits:` and `title:`.")
    return loaded


def _over(
    base: Mapping[str, Any], own: Mapping[str, Any], path: str, source: str, *, closed: bool = True
) -> dict[str, Any]:
    """`base` with `own` laid over it, mapping by mapping; lists and values are replaced."""
    made = dict(base)
    for key, value in own.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in base:
            if closed and path not in _OPEN and not any(path.startswith(f"{name}.") for name in _OPEN):
                raise _unknown(source, where, str(key), base)
            made[key] = value
        elif path not in _WHOLE and isinstance(base[key], Mapping) and isinstance(value, Mapping):
            made[key] = _over(base[key], value, where, source, closed=closed)
        else:
            if closed and not _alike(base[key], value):
                raise ConfigError(
                    f"{source}: the setting {where} is {value!r}, which is no {_word(base[key])}.",
                    remedy=_example(base[key]),
                    setting=where,
                )
            made[key] = value
    return made


def laid_over(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Settings laid over one another, the first one lowest; what they may say is checked by `load_personality`."""
    made: dict[str, Any] = {}
    for layer in layers:
        made = _over(made, layer, "", "settings", closed=False)
    return made


def _example(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return f"There one may set: {shorten(', '.join(map(str, value)), 200, placeholder=' …')}."
    return f"Write it like {shorten(repr(value), 200, placeholder=' …')}."


def _alike(first: Any, second: Any) -> bool:
    if first is None or second is None or first == "" or second == "":
        return True
    return _word(first) == _word(second)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    return "mapping" if isinstance(value, Mapping) else "list"


def _unknown(source: str, where: str, key: str, known: Mapping[str, Any]) -> ConfigError:
    return ConfigError(
        f"{source}: a personality has no setting {where!r}.",
        nearest=", ".join(nearest_names(key, known)),
        remedy=f"Here one of: {', '.join(sorted(map(str, known)))}.",
        setting=where,
    )


def _class_of(vendor: str) -> type[Personality]:
    if not (files("mockehr.personalities") / vendor / "dialect.py").is_file():
        return Personality
    found: type[Personality] = import_module(f"mockehr.personalities.{vendor}.dialect").Vendor
    return found
