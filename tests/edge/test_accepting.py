"""Two processes' ways of taking connections, side by side on one listening socket in one loop."""

from __future__ import annotations

import asyncio
import socket

from mockehr.edge.accepting import Acceptor, Shared
from mockehr.edge.own_ports import listen


class Load:
    """How many each has, kept in one list; `none` is set while the one at that place has none."""

    def __init__(self, all_of_them: list[int], place: int) -> None:
        self.all_of_them, self.place, self.none = all_of_them, place, asyncio.Event()

    def tell(self, connections: int) -> None:
        self.all_of_them[self.place] = connections
        (self.none.clear if connections else self.none.set)()

    def least(self) -> int:
        return min(self.all_of_them)


class Greeter(asyncio.Protocol):
    def __init__(self, name: bytes, acceptor: Acceptor) -> None:
        self.name, self.acceptor = name, acceptor

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self.name)

    def connection_lost(self, error: Exception | None) -> None:
        self.acceptor.lost()


def acceptor_of(listening: socket.socket, load: Load) -> Acceptor:
    again = listening.dup()
    again.setblocking(False)
    return Acceptor(Shared({"": again}, load))


async def greeted(port: int) -> tuple[bytes, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return await reader.readexactly(1), writer


def test_connections_are_shared_out_evenly_and_the_one_with_fewer_takes_the_next() -> None:
    async def run() -> None:
        counts = [0, 0]
        with listen("127.0.0.1", 0) as listening:
            port = listening.getsockname()[1]
            loads = [Load(counts, place) for place in range(2)]
            acceptors = [acceptor_of(listening, load) for load in loads]
            for name, acceptor in zip((b"a", b"b"), acceptors, strict=True):
                acceptor.start(lambda name=name, acceptor=acceptor: Greeter(name, acceptor))
            held = [await greeted(port) for _ in range(8)]
            assert counts == [4, 4]
            for name, writer in held:
                if name == b"b":
                    writer.close()
                    await writer.wait_closed()
            await loads[1].none.wait()
            held.append(await greeted(port))
            assert (held[-1][0], counts) == (b"b", [4, 1])
            for acceptor in acceptors:
                acceptor.close()
            for _, writer in held:
                writer.close()
                await writer.wait_closed()

    asyncio.run(run())


def test_one_that_has_more_takes_a_connection_all_the_same_when_the_other_does_not() -> None:
    async def run() -> None:
        counts = [0, 0]  # the second is there and takes nothing
        with listen("127.0.0.1", 0) as listening:
            acceptor = acceptor_of(listening, Load(counts, 0))
            acceptor.start(lambda: Greeter(b"a", acceptor))
            held = [await greeted(listening.getsockname()[1]) for _ in range(3)]
            assert ([name for name, _ in held], counts) == ([b"a"] * 3, [3, 0])
            acceptor.close()
            for _, writer in held:
                writer.close()
                await writer.wait_closed()

    asyncio.run(run())
