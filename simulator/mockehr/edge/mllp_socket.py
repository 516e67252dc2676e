"""What is asked of the sockets under MLLP: to notice a dead peer, to be cut, to be dialled again."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Final

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
_IDLE: Final = ("TCP_KEEPIDLE", "TCP_KEEPALIVE")
"""The same option on Linux and on macOS."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """TCP keep-alive: the first probe after `idle` seconds of silence, the next ones every `interval` seconds, and
    the connection is given up after `count` of them."""

    idle: int = 60
    interval: int = 10
    count: int = 5

    @classmethod
    def after(cls, seconds: float | None) -> KeepAlive | None:
        """With the first probe after that many seconds; None for never."""
        return None if seconds is None else cls(idle=max(1, round(seconds)))

    def apply(self, transport: asyncio.BaseTransport) -> None:
        """Set it on a connection; options that the platform does not have keep its own values."""
        endpoint = transport.get_extra_info("socket")
        if endpoint is None:
            return
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        idle = next((name for name in _IDLE if hasattr(socket, name)), "")
        for name, value in ((idle, self.idle), ("TCP_KEEPINTVL", self.interval), ("TCP_KEEPCNT", self.count)):
            if hasattr(socket, name):
                endpoint.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often and how fast a connection is tried again: pauses of `first` wall seconds, then `factor` times the
    one before, at most `most`. `attempts` bounds the tries for one message."""

    attempts: int = 1
    first: float = 0.1
    factor: float = 2.0
    most: float = 30.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (1 or more)."""
        # Beyond 64 doublings the bound has long been reached, and a float would overflow.
        return float(min(self.most, self.first * self.factor ** min(failures - 1, 64)))


ONCE: Final = Backoff()


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that the peer sees a reset (TCP RST), not an end."""
    endpoint = transport.get_extra_info("socket")
    if endpoint is not None:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


async def pause(seconds: float) -> None:
    """Wait on the loop's own timer."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(seconds, lambda: None if done.done() else done.set_result(None))
    try:
        await done
    finally:
        timer.cancel()
