"""The one façade: every operation by name, found in the folders `operations` of the packages that declare them."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

import mockehr
from mockehr.control.operation import Operation
from mockehr.core.registry import Registry
from mockehr.sites.directory import Directory


@cache
def operations() -> Registry[Operation]:
    """Every declared operation by name; two of one name are refused.

    They are found, not imported by name: what needs more than this package may know is declared where it is known,
    in a folder `operations` of a higher package.
    """
    registry: Registry[Operation] = Registry("operation", reference="GET /_mockehr/openapi.json")
    for folder in _folders():
        for module in pkgutil.iter_modules([str(folder)], f"mockehr.{folder.parent.name}.operations."):
            for thing in vars(importlib.import_module(module.name)).values():
                declared = getattr(thing, "operation", None)
                if isinstance(declared, Operation) and thing.__module__ == module.name:
                    registry.add(declared.name, declared)
    return registry


def _folders() -> list[Path]:
    return sorted(found.parent for root in mockehr.__path__ for found in Path(root).glob("*/operations/__init__.py"))


class Control:
    """Runs operations on a directory of sites."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    def call(self, name: str, /, site: str = "", **arguments: Any) -> Any:
        """Run the operation called `name`; `site` names the site for those that are about one."""
        found = operations().get(name)
        target = self.directory.get(site) if found.scope == "site" else self.directory
        return found.call(target, arguments)
