"""Interface engines, one file each: what stands between the hospital's system and the world."""

from __future__ import annotations

from typing import Final

from mockehr.core.registry import Registry
from mockehr.hl7.families import collect
from mockehr.hl7.habits import Engine

ENGINES: Final[Registry[Engine]] = collect("interface engine", __name__, __path__, "PRESETS")
"""By name, such as `mirth`."""
