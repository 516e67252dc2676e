"""The scopes that MEDITECH lists, hundreds of internal ones among them. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def listed_scopes(told: Mapping[str, Any]) -> list[str]:
    """`scopes_supported` from the setting `smart_configuration.scopes`."""
    return list(dict.fromkeys(_scopes(told)))


def _scopes(told: Mapping[str, Any]) -> Iterator[str]:
    yield from told["plain"]
    yield from (f"infr-{name}/read" for name in told["internal"]["read"])
    yield from (f"infr-{name}/*" for name in told["internal"]["all"])
    for kind in told["readable"]:
        yield from (f"{persona}/{kind}.read" for persona in ("patient", "user"))
    for letters, kinds in told["letters"].items():
        for kind in kinds:
            for persona in ("patient", "system", "user"):
                scope = f"{persona}/{kind}.{letters}"
                yield scope
                for system, codes in told["categories"].get(kind, {}).items():
                    yield from (f"{scope}?category={system}|{code}" for code in codes)
