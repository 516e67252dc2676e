"""Health Gorilla's Subscriptions: those of R4, but every notification is the whole resource.

(developer.healthgorilla.com, "Subscriptions".)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.events.policy import PRESETS
from mockehr.events.style import Fault, Offer, Style, Terms
from mockehr.events.styles import r4


def read(document: JSON, headers: Mapping[str, str], offer: Offer) -> Terms | tuple[Fault, ...]:
    """The terms, or all that is wrong."""
    terms = r4.read(document, headers, offer)
    if not isinstance(terms, Terms):
        return terms
    return replace(terms, form="health-gorilla", payload="full")


HEALTH_GORILLA: Final = Style("health-gorilla", r4.fits, read, PRESETS["health-gorilla"])
