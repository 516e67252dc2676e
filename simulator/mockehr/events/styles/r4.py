"""Subscriptions as FHIR R4 has them (subscription.html): a search string tells which resources are meant.

Notifications follow a create or an update of a resource that matches; active at once, as R4 knows no handshake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.events.policy import Policy
from mockehr.events.style import Fault, Offer, Style, Terms
from mockehr.events.subscription_parts import channel_faults, channel_of, end_of, headers_of, media_faults

_WHERE: Final = "Subscription.criteria"


def fits(document: JSON) -> bool:
    """Whether the criteria are a search string: a canonical URL begins with its scheme."""
    return ":" not in str(document.get("criteria", "")).partition("?")[0]


def read(document: JSON, headers: Mapping[str, str], offer: Offer) -> Terms | tuple[Fault, ...]:
    """The terms, or all that is wrong."""
    channel = channel_of(document)
    kind, query, faults = _criteria(str(document.get("criteria", "")), offer)
    faults += channel_faults(document, offer)
    media = str(channel.get("payload") or "")
    if media:
        faults += media_faults(media, offer)
        if "full-resource" not in offer.settings.get("payloads", ("full-resource",)):
            faults.append(Fault("resources are not sent here; leave the payload out", "Subscription.channel.payload"))
    sent, wrong = headers_of(document)
    end, late = end_of(document)
    faults += [*wrong, *late]
    if faults:
        return tuple(faults)
    heard = str(channel["type"]) == "websocket"  # there a `ping` is all that R4 has
    return Terms(
        str(channel.get("endpoint", "")),
        "ping" if heard else "r4",
        resources=(kind,),
        kinds=("create", "update"),
        filters=((kind, query),) if query else (),
        channel=str(channel["type"]),
        payload="full" if media and not heard else "empty",
        media=media,
        headers=sent,
        end=end,
    )


def _criteria(criteria: str, offer: Offer) -> tuple[str, str, list[Fault]]:
    """(resource type, query, what is wrong with them)."""
    kind, _, query = criteria.partition("?")
    if kind not in offer.types:
        near = nearest_names(kind[:64], offer.types, limit=1)
        hint = f"; nearest: {near[0]}" if near else ""
        text = f"criteria are a search such as Observation?code=…, and {kind[:64]!r} is no resource type here{hint}"
        return kind, query, [Fault(text, _WHERE)]
    fault = offer.fault_of(kind, query) if query else ""
    return kind, query, [Fault(fault, _WHERE)] if fault else []


R4: Final = Style("r4", fits, read, Policy(off_after=10))
