"""Subscriptions of athenahealth's Event Subscription Platform: one for each topic and practice.

(athenahealth/aone-fhir-subscriptions, README, "Subscription Management".) The secret comes in the header
`X-Hub-Secret`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.events.athena import TOPIC_BASE, TOPICS
from mockehr.events.policy import PRESETS
from mockehr.events.style import Fault, Offer, Style, Terms
from mockehr.events.subscription_parts import (
    channel_faults,
    channel_of,
    end_of,
    extension_of,
    extensions_of,
    headers_of,
    media_faults,
)

BASE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
_CRITERIA: Final = "Subscription.criteria"
_PAYLOAD: Final = "Subscription.channel.payload"


def fits(document: JSON) -> bool:
    """Whether the criteria are a topic of the platform, known or not."""
    return str(document.get("criteria", "")).startswith(TOPIC_BASE)


def read(document: JSON, headers: Mapping[str, str], offer: Offer) -> Terms | tuple[Fault, ...]:
    """The terms, or all that is wrong."""
    channel = channel_of(document)
    name = str(document.get("criteria", "")).removeprefix(TOPIC_BASE)
    topic = TOPICS.get(name)
    faults: list[Fault] = []
    if topic is None:
        near = nearest_names(name[:64], TOPICS, limit=1)
        hint = f"; nearest: {near[0]}" if near else ""
        faults.append(Fault(f"there is no topic {name[:64]!r}{hint}", _CRITERIA))
    faults += _practice_faults(document, offer)
    faults += channel_faults(document, offer)
    media: Any = channel.get("payload")
    faults += media_faults(media, offer) if isinstance(media, str) else [Fault("a media type is wanted", _PAYLOAD)]
    level = extension_of(channel.get("_payload"), BASE + "backport-payload-content")
    if level != "id-only":
        faults.append(Fault(f"the content is id-only, not {str(level)[:40]!r}", _PAYLOAD))
    sent, odd = headers_of(document)
    end, late = end_of(document)
    faults += [*odd, *late]
    if faults or topic is None:
        return tuple(faults)
    return Terms(
        str(channel.get("endpoint", "")), "athena", topics=(topic,), channel=str(channel["type"]), media=str(media),
        headers=sent, secret=headers.get("x-hub-secret", ""), signing="hub", end=end,
    )  # fmt: skip


def _practice_faults(document: JSON, offer: Offer) -> list[Fault]:
    """The filter `ah-practice=Organization/a-1.Practice-195900` has to name this practice; there is no other."""
    practice = str(offer.settings.get("athena", {}).get("practice", ""))
    faults = []
    for place, told in enumerate(extensions_of(document.get("_criteria"), BASE + "backport-filter-criteria")):
        name, _, value = str(told).partition("=")
        where = f"{_CRITERIA}.extension[{place}]"
        if name != "ah-practice":
            faults.append(Fault(f"topics cannot be filtered by {name[:64]!r}; nearest: ah-practice", where))
        elif practice and value.rpartition("-")[2] != practice:
            text = f"{value[:80]!r} is another practice than Organization/a-1.Practice-{practice}"
            faults.append(Fault(text, where))
    return faults


ATHENA: Final = Style("athena", fits, read, PRESETS["athena"], profile=BASE + "backport-subscription")
