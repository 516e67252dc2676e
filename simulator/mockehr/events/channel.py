"""By which channels subscribers can be told: one line for each (FHIR R4 value set subscription-channel-type)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. A site offers those that its setting `events.channels` names."""

    name: str
    """As `Subscription.channel.type` has it."""
    schemes: tuple[str, ...] = ()
    """Of its endpoints; empty where a Subscription of that channel names no endpoint."""
    url: str = ""
    """In place of an endpoint, where a Subscription names none: tells whoever sends which way deliveries go."""
    pushed: bool = True
    """Whether the site sends by itself: then an endpoint can be tried before a Subscription counts as active. Else
    whoever listens has to come, and it is active at once."""


CHANNELS: Final[Mapping[str, Channel]] = MappingProxyType(
    {
        "rest-hook": Channel("rest-hook", ("https", "http")),
        "websocket": Channel("websocket", url="websocket:", pushed=False),
    }
)
"""Name → channel."""
