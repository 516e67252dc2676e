"""The words of those who receive over MLLP: settings, who sent, and what to do about one message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from mockehr.edge.mllp_manner import REGULAR, Manner
from mockehr.edge.mllp_socket import KeepAlive
from mockehr.hl7.frame import DEFAULT_LIMIT, Anomaly

OWED: Final = 16_000_000
"""Octets of replies that are still to be written, beyond which a connection is not read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """How messages are received. Sizes in octets, times in wall seconds."""

    ordered: bool = True
    """Keep the replies of a connection in the order of their messages, so that a delayed one holds up those behind
    it; without it each goes out when it is due."""
    read_ahead: bool = True
    """Go on reading while a reply is due; without it the next message is handled after the reply was written."""
    limit: int = DEFAULT_LIMIT
    """The longest message; what is longer is told as broken and never handled."""
    cr_grace: float | None = 1.0
    """How long to wait for the CR after a 1C; None waits for ever."""
    release: Literal[1, 2] = 1
    """Of MLLP. In release 2 each message is answered by a commit acknowledgement first, and the peer has to commit
    each reply before the next one is written."""
    commit_timeout: float = 10.0
    """How long the peer has to commit a reply; then the connection is closed."""
    commit_retries: int = 0
    """How often a reply that the peer refused (NAK) is written again."""
    owed: int = OWED
    """Octets of replies that are due later or not written yet; beyond them nothing is read."""
    max_connections: int | None = None
    """Further ones are closed at once."""
    messages_per_connection: int | None = None
    """After so many the connection is closed, once they were answered."""
    idle: float | None = None
    """A connection on which so long nothing came is closed without a word."""
    keep_alive: KeepAlive | None = None


DEFAULTS: Final = Reception()


@dataclass(slots=True)
class Reaction:
    """What to do about one message."""

    payload: bytes | None
    """The reply, unframed; None says nothing."""
    delay: float = 0
    """Wall seconds before the reply, counted from the arrival of the message."""
    manner: Manner = REGULAR
    """How the reply is written, and what becomes of the connection."""
    commit: Literal["ack", "nak", ""] = "ack"
    """Release 2: the commit acknowledgement of the message, written at once; empty for none. That of the first
    reaction counts, and none is written if its manner is to write nothing."""


@dataclass(slots=True)
class Peer:
    """Who is at the other end of a connection. `anomalies` are those of the message being handled."""

    host: str
    port: int
    connection: int
    """Connections of one receiver count from 1."""
    anomalies: tuple[Anomaly, ...] = ()


Handler = Callable[[bytes, Peer], Reaction | tuple[Reaction, ...]]
"""Takes a payload, gives the reaction; several of them for an accept and an application acknowledgement."""
