"""What every style reads alike in a Subscription (FHIR R4 subscription.html): channel, payload, headers, end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.events.style import Fault, Offer

MEDIA: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application/fhir+json": "json",
        "application/json": "json",
        "json": "json",
        "application/fhir+xml": "xml",
        "application/xml": "xml",
        "text/xml": "xml",
        "xml": "xml",
    }
)
"""Media type of a payload → the form of FHIR that it means."""
CHANNEL_TYPE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-channel-type"
_HEADER_LETTERS: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_KEPT_BACK: Final = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})
"""Headers that belong to the transfer and not to the subscriber."""


def form_of_media(media: str) -> str:
    """`json` or `xml`, or the empty string for what is no form of FHIR."""
    return MEDIA.get(media.partition(";")[0].strip().lower(), "")


def channel_of(document: JSON) -> JSON:
    """The channel as an object; empty if there is none."""
    found = document.get("channel")
    return found if isinstance(found, dict) else {}


def extension_of(element: object, url: str) -> Any:
    """The value of the first extension of that URL on an element (or on the `_name` beside a primitive), or None."""
    return next(iter(extensions_of(element, url)), None)


def extensions_of(element: object, url: str) -> list[Any]:
    """The values of all extensions of that URL, in order."""
    listed = element.get("extension") if isinstance(element, dict) else None
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [
        next((value for key, value in one.items() if key.startswith("value")), None)
        for one in found
        if one.get("url") == url
    ]


def channel_faults(document: JSON, offer: Offer) -> list[Fault]:
    """What is wrong with the channel's type and endpoint."""
    channel = channel_of(document)
    custom = extension_of(channel.get("_type"), CHANNEL_TYPE)
    if isinstance(custom, dict):
        told = "|".join(str(custom[key]) for key in ("system", "code") if custom.get(key))
        return [Fault(f"the channel {told} is not offered{_instead(offer.channels)}", "Subscription.channel.type")]
    name = str(channel.get("type", ""))
    found = offer.channels.get(name)
    if found is None:
        text = f"the channel {name or '(none)'} is not offered{_instead(offer.channels)}"
        return [Fault(text, "Subscription.channel.type")]
    if not found.schemes:
        return []
    allowed = tuple(one for one in found.schemes if one in offer.settings.get("schemes", found.schemes))
    fault = _endpoint_fault(str(channel.get("endpoint", "")), allowed)
    return [Fault(fault, "Subscription.channel.endpoint")] if fault else []


def _endpoint_fault(endpoint: str, schemes: tuple[str, ...]) -> str:
    shown = endpoint[:200]
    if not endpoint:
        return "the channel wants an endpoint"
    try:
        parts = urlsplit(endpoint)
        _ = parts.port  # ValueError for what is no port
    except ValueError as error:
        return f"{shown!r} is no URL: {error}"
    if parts.scheme not in schemes:
        return f"{shown!r} cannot be reached; endpoints begin with {' or '.join(f'{one}://' for one in schemes)}"
    return "" if parts.hostname else f"{shown!r} names no host"


def media_faults(media: str, offer: Offer) -> list[Fault]:
    """What is wrong with the media type of the payload."""
    known = [one for one in offer.settings.get("media", MEDIA) if one in MEDIA]
    if form_of_media(media) and media.partition(";")[0].strip().lower() in known:
        return []
    near = nearest_names(media[:80], known, limit=1)
    hint = f"; nearest: {near[0]}" if near else f"; there are {', '.join(known)}"
    return [Fault(f"the payload {media[:80]!r} cannot be sent{hint}", "Subscription.channel.payload")]


def headers_of(document: JSON) -> tuple[tuple[tuple[str, str], ...], list[Fault]]:
    """The channel's headers, names in small letters, and what is wrong with them."""
    told = channel_of(document).get("header")
    made: list[tuple[str, str]] = []
    faults: list[Fault] = []
    for place, line in enumerate(told if isinstance(told, list) else ()):
        name, colon, value = str(line).partition(":")
        name, value, where = name.strip().lower(), value.strip(), f"Subscription.channel.header[{place}]"
        if not colon or not name or not set(name) <= _HEADER_LETTERS:
            faults.append(Fault(f"{str(line)[:80]!r} is no header; write it like `Authorization: Bearer …`", where))
        elif name in _KEPT_BACK:
            faults.append(Fault(f"the header {name} cannot be set by a subscriber", where))
        elif not value.isprintable():
            faults.append(Fault(f"the value of the header {name} has letters that no header has", where))
        else:
            made.append((name, value))
    return tuple(made), faults


def end_of(document: JSON) -> tuple[float | None, list[Fault]]:
    """Site time at which the Subscription ends (None: never), and what is wrong with it."""
    told = document.get("end")
    if told is None:
        return None, []
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None, [Fault(f"{str(told)[:40]!r} is no instant", "Subscription.end")]
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), []


def parted(query: str) -> list[tuple[str, str]]:
    """The `name=value` pairs of a search string as they are written, a pair without `=` with an empty value."""
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]


def _instead(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"; there is {listed}" if listed else ""
