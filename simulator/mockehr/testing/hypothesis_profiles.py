"""Profiles of Hypothesis for work at the desk, for CI and for the night.

`mockehr-dev` is quick, `mockehr-ci` draws the same in every run, `mockehr-nightly` draws much, anew each night, and
keeps what it found in Hypothesis' own folder. Nothing here is loaded: `--hypothesis-profile=mockehr-ci` does that
(the pytest plugin registers the profiles for it), or `settings.load_profile` behind `register_profiles()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis.errors import InvalidArgument

DEV: Final = "mockehr-dev"
CI: Final = "mockehr-ci"
NIGHTLY: Final = "mockehr-nightly"
PREFIX: Final = "mockehr-"
_CALM: Final = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
PROFILES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        DEV: MappingProxyType({"max_examples": 20}),
        CI: MappingProxyType({"max_examples": 100, "derandomize": True, "database": None, "print_blob": True}),
        NIGHTLY: MappingProxyType({"max_examples": 2000, "derandomize": False, "print_blob": True}),
    }
)
"""What each profile sets besides what all have: no deadline, and no complaint about slow or large examples."""


def register_profiles() -> tuple[str, ...]:
    """Make the profiles known to Hypothesis; one that is known by its name already stays as it is.

    Returns the names of those that were registered. The profile in use is not changed.
    """
    made = []
    for name, own in PROFILES.items():
        try:
            settings.get_profile(name)
        except InvalidArgument:
            common = {"deadline": None, "suppress_health_check": _CALM}
            settings.register_profile(name, settings.get_profile("default"), **common, **own)
            made.append(name)
    return tuple(made)
