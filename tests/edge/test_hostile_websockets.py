"""Words over websockets that nobody should say: each is answered, none binds, none ends the socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.edge.test_websockets import TOKEN, changed, opened, over

WORDS = (
    "\0",
    "é\u202e",
    "bind",
    "bind ",
    "bind " + "x" * 100_000,
    "bind s1 s2",
    "bind ../s1",
    "bind \0",
    "bind-with-token",
    "bind-with-token " + "9" * 5000,
    "bind-with-token " + TOKEN[:-1],
    "bind-with-token " + TOKEN.upper(),
    "x" * 100_000,
    "[" * 10_000,
    '{"type":"bind","id":"s1"}',
)


@pytest.mark.parametrize("octets", [False, True], ids=["texts", "octets"])
def test_whatever_is_said_is_answered_and_binds_nothing(octets: bool) -> None:
    async def work() -> None:
        async with opened() as (site, socket):
            for word in WORDS:
                await (socket.send_bytes(word.encode()) if octets else socket.send_str(word))
                told: Any = await asyncio.wait_for(socket.receive_str(), 5)
                assert told.startswith("error: ")
                assert len(told) < 300
            assert await over(site, lambda: changed(site)) == [410, 410]

    asyncio.run(work())
