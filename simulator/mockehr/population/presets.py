"""Presets of dirt: which corruptions a population has, at which rates. They are the files of `corpora/dirt/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from mockehr.config.load import load_text
from mockehr.core.data import data_root
from mockehr.core.errors import ConfigError, UnknownName
from mockehr.population.corruption.base import corruptions

Arming = Mapping[str, Any]
"""A corruption as plain settings: `use`, and its own below `with`."""


def preset_names() -> tuple[str, ...]:
    """The presets that there are, sorted."""
    found = (data_root("corpora") / "dirt").iterdir()
    return tuple(sorted(one.name[:-5] for one in found if one.name.endswith(".yaml") and one.name != "manifest.yaml"))


@cache
def preset(name: str) -> tuple[Arming, ...]:
    """What a preset arms, in its order; `others` stands for all corruptions that it does not name.

    Raises UnknownName with the nearest for a name that no preset has, ConfigError for a file that cannot be used.
    """
    if name not in preset_names():
        raise UnknownName("preset of dirt", name, preset_names(), reference="corpora/dirt")
    text = (data_root("corpora") / "dirt" / f"{name}.yaml").read_text(encoding="utf-8")
    told = load_text(text, source=f"corpora/dirt/{name}.yaml").value
    rows = tuple({"use": row["use"], "with": row.get("with", {})} for row in told["use"])
    unknown = [row["use"] for row in rows if row["use"] not in corruptions()]
    if unknown:
        raise ConfigError(f"The preset {name} cannot be used.", [f"{one} is no corruption" for one in unknown])
    others = told.get("others")
    named = {row["use"] for row in rows}
    rest = tuple({"use": one, "with": others} for one in corruptions() if one not in named) if others else ()
    return rows + rest
