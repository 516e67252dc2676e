"""The example client that copes, of the kind that a scenario is for: `python -m mockehr.examples.coping`.

`MOCKEHR_KIND` says which kind that is; each is a program of its own beside this one.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import MappingProxyType
from typing import Final

PROGRAMS: Final = MappingProxyType(
    {"sync": "", "linker": "_linker", "exporter": "_export", "app": "_app", "peer": "_peer", "receiver": "_receiver"}
)
"""Kind of client → how the name of its program ends."""


def run(manner: str) -> int:
    """Run the `careful` or `careless` program of the kind that is told; 2 if there is none."""
    kind = os.environ.get("MOCKEHR_KIND", "sync")
    if kind not in PROGRAMS:
        print(f"MOCKEHR_KIND is {kind!r}; it must be one of {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    status: int = import_module(f"mockehr.examples.{manner}{PROGRAMS[kind]}").main()
    return status


def main() -> int:
    """Run the one that copes."""
    return run("careful")


if __name__ == "__main__":
    sys.exit(main())
