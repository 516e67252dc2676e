"""Finds message families: every module of a package that has the wanted table. A family is added by adding a file."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from mockehr.core.registry import Registry


def collect(kind: str, package: str, path: Sequence[str], table: str) -> Registry[Any]:
    """All entries of the mappings called `table` in the modules of `package`, by message type and trigger."""
    registry: Registry[Any] = Registry(kind)
    for module in sorted(pkgutil.iter_modules(path), key=lambda found: found.name):
        entries: Mapping[str, Any] = getattr(import_module(f"{package}.{module.name}"), table, {})
        for name, thing in entries.items():
            registry.add(name, thing)
    return registry
