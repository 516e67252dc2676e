"""One probe a file. A file put here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from mockehr.core.registry import Registry
from mockehr.scenarios.probe import Probe


@cache
def probes() -> Registry[Probe]:
    """Every probe there is, by name, with its default settings: the `Probe` classes in this folder's modules."""
    registry: Registry[Probe] = Registry("probe", reference="mockehr probe list")
    for found in pkgutil.iter_modules(__path__, __name__ + "."):
        for thing in vars(importlib.import_module(found.name)).values():
            if isinstance(thing, type) and issubclass(thing, Probe) and thing.__module__ == found.name:
                registry.add(thing.name, thing())
    return registry
