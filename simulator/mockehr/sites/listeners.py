"""Where a site takes HL7 messages: its listeners, what each of them takes, and which are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from mockehr.core.errors import UnknownName
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.header import Header
from mockehr.hl7.sequence import Expectation
from mockehr.sites.feeds import Tls
from mockehr.sites.inbox import Inbox

if TYPE_CHECKING:
    from mockehr.sites.site import Site

Duplicates = Literal["apply", "repeat-ack", "refuse"]
SENDERS_KEPT: Final = 1000
"""Senders whose sequence numbers are remembered, per listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Settings of one listener. What it does not take it refuses: AR with 200 or 201, 202, 203 of table 0357."""

    name: str = ""
    """Empty for the one that a site has unless told; others are called so in the journal's path (`/adt`)."""
    port: int = 0
    """0: any free one."""
    dial: tuple[str, int] | None = None
    """The listener dials out to this host and port and takes messages over that connection (reverse MLLP)."""
    messages: tuple[str, ...] = ("*",)
    versions: frozenset[str] = frozenset()
    """Values of MSH-12 that are taken; empty takes all."""
    processing_ids: frozenset[str] = frozenset()
    """Values of MSH-11 that are taken; empty takes all."""
    duplicates: Duplicates = "apply"
    """A message that was applied before: apply it again, repeat its acknowledgement, or refuse it (AE, 205)."""
    park: bool = False
    """Whether what cannot be applied is kept in the error queue, besides being refused."""
    strict: bool = False
    """Whether it refuses what others tolerate with a warning: codes outside of HL7's tables, unknown patients in
    merges."""
    sequence: bool = False
    """Whether MSH-13 must count on, sender by sender; MSA-4 then says what is expected."""
    dialect: Dialect | None = None
    """How its peer writes, and how it is acknowledged; None: as the site's own."""
    release: Literal[1, 2] = 1
    tls: Tls | None = None
    max_connections: int | None = None
    messages_per_connection: int | None = None
    """After so many the connection is closed."""
    idle: float | None = None
    """Wall seconds of silence after which a connection is closed."""
    keep_alive: float | None = None
    """Wall seconds of silence after which TCP asks whether the peer is there; None: never."""

    @property
    def path(self) -> str:
        """By what exchanges name it."""
        return f"/{self.name}"

    def refuse_unwanted(self, header: Header) -> None:
        """Raise Rejection for a message that is not among those it takes."""
        kind = header.kind
        if any(fnmatchcase(kind, pattern) for pattern in self.messages):
            return
        family = kind.partition("^")[0]
        known = any(fnmatchcase(family, pattern.partition("^")[0]) for pattern in self.messages)
        text = f"{kind or 'An empty MSH-9'} is not taken here"
        raise Rejection("AR", Fault(201 if known else 200, "MSH", 1, 9, 2 if known else 1, text))

    def context(self, at: float, dialect: Dialect) -> Context:
        """What the acceptors are told; `dialect` is the site's."""
        return Context(at, self.dialect or dialect, self.versions, self.processing_ids, self.strict)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where files come from and where they go; None for nowhere. `answers` says what a file of answers holds."""

    into: Path | None = None
    out: Path | None = None
    answers: Literal["all", "errors", "none"] = "all"
    problem: str = ""
    """Why nothing is taken any more."""


class Wire(Protocol):
    """An open listener or sender, as far as sites know of sockets."""

    @property
    def port(self) -> int:
        """Where it listens."""

    @property
    def connections(self) -> int:
        """How many there are now."""

    def drop_connections(self) -> int:
        """Close them all; how many there were."""


@dataclass(slots=True)
class Open:
    """A listener that is open: its settings and its sockets."""

    listener: Listener
    wire: Wire


@dataclass(slots=True)
class Counts:
    """The sequence numbers that one listener has seen, sender by sender."""

    senders: dict[str, Expectation] = field(default_factory=dict)

    def of(self, header: Header) -> Expectation:
        """That of a message's sender (MSH-3 and MSH-4)."""
        key = f"{header.field(3)!r}{header.field(4)!r}"
        found = self.senders.get(key)
        if found is None:
            if len(self.senders) >= SENDERS_KEPT:
                del self.senders[next(iter(self.senders))]
            found = self.senders[key] = Expectation()
        return found


class Listeners:
    """All listeners of one site, by the path that their exchanges have. There is always one with the path `/`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        port = site.options.hl7_listen
        self.declared: dict[str, Listener] = {"/": Listener(port=port or 0)}
        self._default = port is not None
        self.folders = Folders()
        self.open: list[Open] = []
        self._counts: dict[str, Counts] = {}

    @cached_property
    def inbox(self) -> Inbox:
        """What was answered; made when it is first asked for."""
        return Inbox(self._site.links.spool)

    def declare(self, listener: Listener) -> Listener:
        """Have this listener, in place of another of its name; whoever has sockets opens it."""
        self.declared[listener.path] = listener
        self._default = self._default or not listener.name
        return listener

    def wanted(self) -> list[Listener]:
        """Those that whoever serves the site is to open."""
        return [one for one in self.declared.values() if one.name or self._default]

    def of(self, path: str) -> Listener:
        """The listener that took an exchange with that path; the default one for a path that nobody declared."""
        return self.declared.get(path) or self.declared["/"]

    def named(self, name: str) -> Listener:
        """Raises UnknownName."""
        found = self.declared.get(f"/{name}")
        if found is None:
            raise UnknownName("listener", name, [one.name for one in self.declared.values() if one.name])
        return found

    def counts(self, listener: Listener) -> Counts:
        """Sequence numbers seen by that listener."""
        return self._counts.setdefault(listener.path, Counts())

    def attach(self, listener: Listener, wire: Wire) -> None:
        """It is open now."""
        self.open.append(Open(listener, wire))

    def detach(self, wire: Wire) -> None:
        """It is closed."""
        self.open = [one for one in self.open if one.wire is not wire]

    def status(self) -> list[Mapping[str, Any]]:
        """Every listener that is open, with its port and connections, and those declared that are not (port null)."""
        told = [_told(one.listener, one.wire.port, one.wire.connections) for one in self.open]
        opened = {one.listener.path for one in self.open}
        told += [_told(one, None, 0) for one in self.wanted() if one.path not in opened]
        return told

    def drop_connections(self, name: str = "") -> int:
        """Close the connections of the listener of that name, or of all; how many there were."""
        return sum(one.wire.drop_connections() for one in self.open if name in ("", one.listener.name))

    def reset(self) -> None:
        """Forget answers and numbers; listeners stay."""
        self._counts.clear()
        if "inbox" in self.__dict__:
            self.inbox.clear()


def _told(listener: Listener, port: int | None, connections: int) -> Mapping[str, Any]:
    return {
        "listener": listener.name,
        "port": port,
        "dials": "{}:{}".format(*listener.dial) if listener.dial else "",
        "messages": list(listener.messages),
        "duplicates": listener.duplicates,
        "park": listener.park,
        "release": listener.release,
        "tls": listener.tls is not None,
        "connections": connections,
    }
