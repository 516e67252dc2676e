"""What `mockehr serve` is told about sites and their peers in short texts such as `north=epic@9001`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mockehr.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from mockehr.sites.site import Site


LARGEST_FLEET: Final = 1000
"""Sites of one fleet."""


@dataclass(frozen=True, slots=True)
class Served:
    """A site to serve; `port` is one of its own (0: any free one), None for the shared one alone."""

    name: str
    personality: str = "generic"
    port: int | None = None
    variance: str = ""
    """Where it is not that of all sites: those of a fleet differ."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """A port on which a site takes HL7 messages; 0 for any free one, None for all listeners of its file."""

    site: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A peer that a site sends its changes to as HL7 messages."""

    site: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """`host:port`, by which the feed also goes in the journal."""
        return f"{self.host}:{self.port}"

    def join(self, site: Site) -> None:
        """Let the site send from now on."""
        from mockehr.sites.links import Link

        site.links.add(Link(self.address, self.host, self.port))


@dataclass(frozen=True, slots=True)
class Receiver:
    """A URL that is told of a site's changes."""

    site: str
    url: str
    secret: str = ""

    def join(self, site: Site) -> None:
        """Let the site tell it from now on; several of one site are `webhook-1`, `webhook-2` …"""
        from mockehr.events import Hook

        name = f"webhook-{len(site.outbox.lanes) + 1}"
        site.outbox.add(Hook(name, self.url, self.secret))


def served(text: str) -> Served:
    """A site from `NAME=PERSONALITY[@PORT]`, where `=PERSONALITY` may be left out; raises UsageError."""
    head, at, port = text.partition("@")
    name, _, personality = head.partition("=")
    if not name or "/" in name:
        raise UsageError(f"--site {text} names no site.", remedy="Write it like north=epic, or north=epic@9001.")
    return Served(name, personality or "generic", _port(port, f"--site {text}") if at else None)


def fleet(text: str) -> list[Served]:
    """The sites of `PERSONALITY=COUNT`: `epic-1`, `epic-2` …, each a plausible one of its own; raises UsageError."""
    personality, equals, count = text.partition("=")
    if not personality or (equals and not (count.isascii() and count.isdigit() and 0 < int(count) <= LARGEST_FLEET)):
        raise UsageError(
            f"--fleet {text} is no fleet.",
            remedy=f"Write it like epic=20: a personality and a number up to {LARGEST_FLEET}.",
        )
    name = personality.replace("_", "-")
    return [Served(f"{name}-{n}", personality, None, "realistic") for n in range(1, int(count or 1) + 1)]


def fronting(text: str) -> tuple[str, tuple[str, ...]]:
    """Which sites one stands in front of, from `NAME=BEHIND[,BEHIND]`; raises UsageError."""
    name, behind = _pair("--fronts", text, "hub=north")
    return name, tuple(one.strip() for one in behind.split(",") if one.strip())


def hearing(text: str) -> Hearing:
    """A port for HL7 messages from `NAME=PORT`; raises UsageError."""
    name, place = _pair("--mllp", text, "north=2575")
    return Hearing(name, _port(place, f"--mllp {text}"))


def feed(text: str) -> Feed:
    """A peer for HL7 messages from `NAME=HOST:PORT`; raises UsageError."""
    name, place = _pair("--hl7-to", text, "north=127.0.0.1:2575")
    host, _, port = place.rpartition(":")
    number = _port(port, f"--hl7-to {text}", "Give a number from 1 to 65535.")
    if not host or not number:
        raise UsageError(f"--hl7-to {text} names no peer.", remedy="Write it like north=127.0.0.1:2575.")
    return Feed(name, host.strip("[]"), number)


def receiver(text: str, secret: str) -> Receiver:
    """A receiver of webhooks from `NAME=URL`; raises UsageError."""
    name, url = _pair("--webhook", text, "north=http://127.0.0.1:9000/hook")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--webhook {text}: {url} is no URL.", remedy="Begin it with http:// or https://.")
    return Receiver(name, url, secret)


def of_known_sites(peers: Sequence[Hearing | Feed | Receiver], sites: Sequence[Served]) -> None:
    """Raise UnknownName unless all of them belong to sites that are served."""
    names = [site.name for site in sites]
    for peer in peers:
        if peer.site not in names:
            raise UnknownName("site", peer.site, names)


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise UsageError(f"{option} {text} says too little.", remedy=f"Write it like {example}.")
    return name, value


def _port(text: str, where: str, remedy: str = "Give a number up to 65535; 0 is any free port.") -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise UsageError(f"{where}: {text!r} is no port.", remedy=remedy)
    return int(text)
