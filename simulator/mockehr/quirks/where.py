"""Where a rule applies. Matching and explaining are one function: `difference` is empty exactly when it applies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from mockehr.core.errors import ConfigError, UnknownName, nearest_names
from mockehr.core.exchange import CHANNELS, Exchange


@dataclass(frozen=True, slots=True)
class Where:
    """Which exchanges a rule is for; an empty field means any. `path`, `message`, `link`, `endpoint` may hold `*`.

    `message` is an HL7 type and trigger such as `ADT^A01`; `link` the name of a feed or a listener; `endpoint` the
    name of a receiver of events; `client` a client id; `resource` and `interaction` may be several, separated by
    commas or given as a list.
    """

    channel: str = ""
    client: str = ""
    interaction: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    path: str = ""
    message: str = ""
    link: str = ""
    endpoint: str = ""

    @property
    def needs_interaction(self) -> bool:
        """True if the exchange must be routed before this can be judged."""
        return bool(self.interaction or self.resource or self.message)

    def difference(self, exchange: Exchange) -> str:
        """The first thing in which the exchange is not meant, as `field got, wanted …`; empty if it is meant."""
        if self.channel and exchange.channel != self.channel:
            return f"channel is {exchange.channel}, not {self.channel}"
        if self.client and exchange.client != self.client:
            return f"client is {exchange.client or 'not known yet'}, not {self.client}"
        asked = exchange.interaction
        if self.interaction and (asked is None or asked.name not in self.interaction):
            return f"interaction is {asked.name if asked else 'none'}, not {' or '.join(self.interaction)}"
        if self.resource and (asked is None or asked.resource_type not in self.resource):
            return f"resource is {asked.resource_type if asked else 'none'}, not {' or '.join(self.resource)}"
        if self.message and (asked is None or not fnmatchcase(asked.name, self.message)):
            return f"message is {asked.name if asked else 'none'}, not {self.message}"
        if self.link and not fnmatchcase(exchange.path, f"/{self.link}"):
            return f"link is {exchange.path[1:] or 'none'}, not {self.link}"
        if self.endpoint and not (exchange.channel == "webhook" and fnmatchcase(exchange.peer, self.endpoint)):
            return f"endpoint is {exchange.peer if exchange.channel == 'webhook' else 'none'}, not {self.endpoint}"
        if self.path and not fnmatchcase(exchange.path, self.path):
            return f"path is {exchange.path}, not {self.path}"
        return ""


def where_from(settings: Mapping[str, Any]) -> Where:
    """A Where from plain settings; raises ConfigError naming every unknown key and the nearest right one."""
    refuse_unknown("where", settings, (item.name for item in fields(Where)))
    channel = str(settings.get("channel", ""))
    if channel and channel not in CHANNELS:
        raise UnknownName("channel", channel, CHANNELS)
    return Where(
        channel=channel,
        client=str(settings.get("client", "")),
        interaction=_names(settings.get("interaction", ())),
        resource=_names(settings.get("resource", ())),
        path=str(settings.get("path", "")),
        message=str(settings.get("message", "")),
        link=str(settings.get("link", "")),
        endpoint=str(settings.get("endpoint", "")),
    )


def refuse_unknown(section: str, settings: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise ConfigError unless `settings` is a mapping with every key among `known`."""
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{section} is {settings!r}; it must be settings by name.")
    names = sorted(known)
    problems = []
    for key in settings:
        if key not in names:
            near = nearest_names(str(key), names)
            problems.append(f"{section}.{key} is not known" + (f"; did you mean {near[0]}?" if near else ""))
    if problems:
        raise ConfigError(
            f"{section} has keys that mean nothing.", problems, remedy=f"Known keys: {', '.join(names)}."
        )


def _names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ConfigError(f"where has {value!r} for names.", remedy="Write one name, several with commas, or a list.")
    return tuple(str(part).strip() for part in parts)
