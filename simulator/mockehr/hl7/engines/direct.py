"""No engine: the hospital's system is its own interface."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.habits import Engine

DIRECT: Final = Engine("direct")
"""No engine: errors and rejections wait for a person, silence is answered by sending again."""

PRESETS: Final = {DIRECT.name: DIRECT}
"""By name."""
