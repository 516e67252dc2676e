"""How notifications are written: each sender has a form of its own, one file in `mockehr/events/forms`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.core.registry import Registry
from mockehr.events.delivery import Delivery, Event
from mockehr.events.hook import Hook
from mockehr.events.policy import Policy
from mockehr.events.topic import Topic


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
    encode_as: Callable[[JSON, str], bytes] | None = None
    """A resource in a media type of FHIR, XML included; None for a site that writes JSON only (`encode`)."""
    status: Callable[[str], tuple[str, str]] = lambda subscription: ("active", "")
    """Status of the Subscription with that id, and its error, if it has one."""
    related: Callable[[Hook, Event], Sequence[JSON]] = lambda hook, event: ()
    """Resources that an endpoint is told of beside the one that an event is about."""

    def written(self, document: JSON, media: str) -> bytes:
        """A resource in that media type."""
        return self.encode(document) if self.encode_as is None else self.encode_as(document, media)


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
    tells: Callable[[Change], bool] | None = None
    """Of which changes it has words for; None for all."""
    topics: Mapping[str, Topic] = field(default_factory=dict)
    """Topics of its own, by name, that an endpoint of this form may ask for beside those of the site."""


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
