"""How a Subscription is written: its document read into terms, or told what is wrong with it.

A style is added by adding a file to `mockehr/events/styles` with a `Style` at its top level. A site offers those that
its setting `events.subscriptions` names, and the first whose `fits` says yes reads the document.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.core.registry import Registry
from mockehr.events.channel import CHANNELS, Channel
from mockehr.events.hook import Payload
from mockehr.events.policy import Policy
from mockehr.events.topic import Topic

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing for which a Subscription is refused; `text` says what is nearest, where there is something."""

    text: str
    element: str = "Subscription"
    """FHIRPath location of the element."""
    status: int = 422


@dataclass(frozen=True, slots=True)
class Offer:
    """What a site offers to subscribers, as far as styles need to know it."""

    types: frozenset[str]
    """The resource types that it has."""
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """The section `events` of the personality."""
    fault_of: Callable[[str, str], str] = lambda resource_type, query: ""
    """What is wrong with a query (`code=…&status=…`) on a type, by the site's own search; empty if nothing is."""
    topics: tuple[Topic, ...] = ()
    """Those that may be subscribed to."""
    fhir_version: str = "4.0.1"

    @property
    def channels(self) -> dict[str, Channel]:
        """Channels by name."""
        return {name: CHANNELS[name] for name in self.settings.get("channels", CHANNELS) if name in CHANNELS}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a Subscription asks for. Spans are seconds of the site's clock, but for `timeout`."""

    endpoint: str
    """Absolute URL; empty where the channel wants none."""
    form: str
    """How its notifications are written (`mockehr.events.forms`)."""
    topics: tuple[Topic, ...] = ()
    resources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """Of changes, where it has no topic: `create`, `update`, `delete`; empty for any."""
    filters: tuple[tuple[str, str], ...] = ()
    """(resource type, query) pairs in the site's own search parameters; all must hold for what they are about."""
    channel: str = "rest-hook"
    payload: Payload = "id-only"
    media: str = "application/fhir+json"
    """Media type of what is sent, as the subscriber wrote it."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent along with every notification; names in small letters."""
    secret: str = ""
    signing: str = ""
    heartbeat: float = 0.0
    """Seconds of silence after which a heartbeat is sent; 0 for never."""
    timeout: float = 0.0
    """Wall seconds that an answer may take; 0 for what is usual."""
    most: int = 1
    """Events in one notification, at most."""
    end: float | None = None
    """Site time at which it is switched off."""
    handshake: bool = False
    """Whether the endpoint has to take a handshake before it is active; else it is active at once."""


Read = Callable[[JSON, Mapping[str, str], Offer], "Terms | tuple[Fault, ...]"]
"""(document, headers of the request by names in small letters, offer) → terms, or all that is wrong."""


@dataclass(frozen=True, slots=True)
class Style:
    """One way to write Subscriptions."""

    name: str
    fits: Callable[[JSON], bool]
    """Whether a document is meant to be of this style, good or not."""
    read: Read
    policy: Policy = field(default_factory=Policy)
    """The rules of delivery that are usual with it; the setting `events.policy` is laid over them."""
    activates: bool = False
    """Whether a client may write the status `active` to ask for activation (else only `requested` and `off`)."""
    profile: str = ""
    """Canonical URL of the profile of its Subscriptions, for the CapabilityStatement."""


@cache
def styles() -> Registry[Style]:
    """All styles by name."""
    registry: Registry[Style] = Registry("style of Subscriptions")
    package = f"{__name__.rpartition('.')[0]}.styles"
    for module in sorted(pkgutil.iter_modules(import_module(package).__path__), key=lambda found: found.name):
        for value in vars(import_module(f"{package}.{module.name}")).values():
            if isinstance(value, Style):
                registry.add(value.name, value)
    return registry
