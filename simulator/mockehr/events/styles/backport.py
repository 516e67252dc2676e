"""Topic-based Subscriptions in R4 and R4B (Subscriptions R5 Backport IG 1.1.0, profile backport-subscription)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.events.hook import Payload
from mockehr.events.policy import Policy
from mockehr.events.style import Fault, Offer, Style, Terms
from mockehr.events.subscription_parts import (
    channel_faults,
    channel_of,
    end_of,
    extension_of,
    extensions_of,
    headers_of,
    media_faults,
    parted,
)
from mockehr.events.topic import Topic

BASE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
LEVELS: Final[Mapping[str, Payload]] = MappingProxyType(
    {"empty": "empty", "id-only": "id-only", "full-resource": "full"}
)
"""Codes of backport-content-code-system → what a notification carries."""
LONGEST: Final = 600
"""Seconds for which an endpoint may keep a delivery waiting: others wait for its place."""
LARGEST: Final = 2**31 - 1
"""The largest unsignedInt."""
_CRITERIA: Final = "Subscription.criteria"
_PAYLOAD: Final = "Subscription.channel.payload"
_TYPED_KEYS: Final = MappingProxyType({"id": "_id"})
"""Names of filters that the guide's examples use for search parameters of another name."""


def fits(document: JSON) -> bool:
    """Whether the criteria are a canonical URL."""
    return ":" in str(document.get("criteria", "")).partition("?")[0]


def read(document: JSON, headers: Mapping[str, str], offer: Offer) -> Terms | tuple[Fault, ...]:
    """The terms, or all that is wrong."""
    channel = channel_of(document)
    topic, faults = _topic(str(document.get("criteria", "")), offer)
    filters: list[tuple[str, str]] = []
    if topic is not None:
        filters, wrong = _filters(document, topic, offer)
        faults += wrong
    faults += channel_faults(document, offer)
    level, wrong = _level(channel, offer)
    sent, odd = headers_of(document)
    end, late = end_of(document)
    numbers, amiss = _numbers(channel)
    faults += [*wrong, *odd, *late, *amiss]
    if faults or topic is None:
        return tuple(faults)
    return Terms(
        str(channel.get("endpoint", "")),
        "backport",
        topics=(topic,),
        filters=tuple(filters),
        channel=str(channel["type"]),
        payload=level,
        media=str(channel["payload"]),
        headers=sent,
        heartbeat=float(numbers["heartbeat-period"]),
        timeout=float(numbers["timeout"]),
        most=numbers["max-count"] or 1,
        end=end,
        handshake=True,
    )


def _topic(criteria: str, offer: Offer) -> tuple[Topic | None, list[Fault]]:
    url = criteria.partition("|")[0]
    known = {canonical: topic for topic in offer.topics for canonical in topic.canonicals}
    if url in known:
        return known[url], []
    tails = {canonical.rpartition("/")[2] for canonical in known}
    tail = next(iter(nearest_names(url.rpartition("/")[2][:64], tails, limit=1)), "")
    like = [canonical for canonical in known if tail and canonical.endswith(f"/{tail}")]
    near = nearest_names(url[:200], like or known, limit=1) or like
    hint = f"; nearest: {near[0]}" if near else ""
    return None, [Fault(f"there is no topic {url[:200]!r}{hint}", _CRITERIA)]


def _filters(document: JSON, topic: Topic, offer: Offer) -> tuple[list[tuple[str, str]], list[Fault]]:
    """(resource type, query) pairs, and what is wrong with them."""
    found: list[tuple[str, str]] = []
    faults: list[Fault] = []
    for place, told in enumerate(extensions_of(document.get("_criteria"), BASE + "backport-filter-criteria")):
        where = f"{_CRITERIA}.extension[{place}]"
        text = told if isinstance(told, str) else ""
        before, mark, behind = text.partition("?")
        kind, query = (before, behind) if mark else (topic.resource, text)
        query, fault = _filter(kind, query, topic, offer)
        if fault:
            faults.append(Fault(fault, where))
        else:
            found.append((kind, query))
    return found, faults


def _filter(kind: str, query: str, topic: Topic, offer: Offer) -> tuple[str, str]:
    """A filter in the site's search parameters, and what is wrong with it."""
    told = (topic.resource, *topic.related)
    if kind not in told:
        return "", f"{topic.name} tells of {', '.join(told)}, and a filter of {kind[:64]!r} narrows none of them"
    pairs = []
    for key, value in parted(query):
        name, colon, modifier = key.partition(":")
        wanted = topic.filters.get(name) if kind == topic.resource else _TYPED_KEYS.get(name, name)
        if wanted is None:
            near = nearest_names(name[:64], topic.filters, limit=1)
            hint = f"; nearest: {near[0]}" if near else f"; there are {', '.join(topic.filters)}"
            return "", f"{topic.name} cannot be filtered by {name[:64]!r}{hint}"
        if wanted == "_id":
            value = value.removeprefix(f"{kind}/")
        pairs.append(f"{wanted}{colon}{modifier}={value}")
    if not pairs:
        return "", f"a filter is a search such as {topic.resource}?{next(iter(topic.filters), '_id')}=…"
    made = "&".join(pairs)
    return made, offer.fault_of(kind, made)


def _level(channel: JSON, offer: Offer) -> tuple[Payload, list[Fault]]:
    """How much a notification carries, and what is wrong with the payload."""
    media = channel.get("payload")
    faults = media_faults(media, offer) if isinstance(media, str) else [Fault("a media type is wanted", _PAYLOAD)]
    code = extension_of(channel.get("_payload"), BASE + "backport-payload-content")
    offered = [one for one in offer.settings.get("payloads", LEVELS) if one in LEVELS]
    if code is None:
        text = f"the extension backport-payload-content is wanted: {', '.join(offered)}"
        return "empty", [*faults, Fault(text, _PAYLOAD)]
    if code not in offered:
        near = nearest_names(str(code)[:40], offered, limit=1)
        hint = f"; nearest: {near[0]}" if near else f"; there are {', '.join(offered)}"
        return "empty", [*faults, Fault(f"the content {str(code)[:40]!r} is not offered{hint}", _PAYLOAD)]
    return LEVELS[str(code)], faults


def _numbers(channel: JSON) -> tuple[dict[str, int], list[Fault]]:
    """The channel's numbers by the end of their extension's URL, 0 where there is none; and what is wrong."""
    found: dict[str, int] = {}
    faults: list[Fault] = []
    for name, least, most in (("heartbeat-period", 0, LARGEST), ("timeout", 0, LONGEST), ("max-count", 1, LARGEST)):
        value: Any = extension_of(channel, f"{BASE}backport-{name}")
        found[name] = 0
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            bounds = f"from {least} up" if most == LARGEST else f"from {least} to {most}"
            text = f"backport-{name} is a whole number {bounds}, not {str(value)[:40]!r}"
            faults.append(Fault(text, "Subscription.channel"))
        else:
            found[name] = value
    return found, faults


BACKPORT: Final = Style(
    "backport",
    fits,
    read,
    Policy(off_after=10),
    activates=True,
    profile=BASE + "backport-subscription",
)
