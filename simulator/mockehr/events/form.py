"""How notifications are written: each sender has a form of its own, one file in `mockehr/events/forms`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from mockehr.core.registry import Registry
from mockehr.events.delivery import Delivery
from mockehr.events.policy import Policy


@dataclass(slots=True)
class Sender:
    """The site that tells, as far as forms need to know it."""

    name: str
    encode: Callable[[object], bytes]
    base_url: Callable[[], str] = lambda: "http://localhost/fhir/R4"
    """Absolute URL of the site's FHIR base, without a trailing slash."""
    now: Callable[[], float] = lambda: 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The section `events` of the personality."""
    fhir_version: str = "4.0.1"


def _taken_by_status(delivery: Delivery, status: int, body: bytes) -> bool:
    return delivery.hook.policy.takes(status)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write notifications.

    `write` sets method, path, headers and body of `delivery.exchange`, as `delivery.payload` says; it must write the
    same for the same delivery. `taken` judges the answer.
    """

    name: str
    write: Callable[[Delivery, Sender], None]
    signing: str = "none"
    """The scheme that is usual with it."""
    policy: Policy = field(default_factory=Policy)
    """The rules of delivery that are usual with it."""
    taken: Callable[[Delivery, int, bytes], bool] = _taken_by_status
    payloads: tuple[str, ...] = ("empty", "id-only", "full")
    """What it can carry."""


@cache
def forms() -> Registry[Form]:
    """All forms by name."""
    registry: Registry[Form] = Registry("form of notification")
    package = f"{__name__.rpartition('.')[0]}.forms"
    for module in sorted(pkgutil.iter_modules(import_module(package).__path__), key=lambda found: found.name):
        for value in vars(import_module(f"{package}.{module.name}")).values():
            if isinstance(value, Form):
                registry.add(value.name, value)
    return registry
