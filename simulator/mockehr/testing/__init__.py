"""The control operations in pytest, and what tests need besides.

`chaos`, `replay`, `Chaos`, `ChaosMachine`, `ClientBroke` and `register_profiles` are made when they are first asked
for: the pytest plugin lives here, and must not import Hypothesis in every project's run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockehr.testing.havoc import Chaos, ClientBroke, chaos, replay
    from mockehr.testing.havoc.machine import ChaosMachine
    from mockehr.testing.hypothesis_profiles import register_profiles

__all__ = ["Chaos", "ChaosMachine", "ClientBroke", "chaos", "register_profiles", "replay"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    homes = {"register_profiles": "hypothesis_profiles", "ChaosMachine": "havoc.machine"}
    return getattr(import_module(f"{__name__}.{homes.get(name, 'havoc')}"), name)
