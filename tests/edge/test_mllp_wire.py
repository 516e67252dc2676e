"""What can be done to octets and connections of MLLP, who dials whom, and how much is held in memory."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import Effects
from mockehr.edge.mllp import (
    REGULAR,
    Backoff,
    Handler,
    KeepAlive,
    Manner,
    MllpCaller,
    MllpSender,
    MllpServer,
    Peer,
    Reaction,
    Reception,
    Sending,
)
from mockehr.hl7.ack import acknowledge
from mockehr.hl7.frame import Deframer, frame

HOST = "127.0.0.1"


def message(number: int) -> bytes:
    return f"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||ADT^A01^ADT_A01|M{number}|P|2.5.1\rEVN|A01\r".encode()


def reply(number: int) -> bytes:
    return acknowledge(message(number), "AA", at=0, control_id=f"A{number}")


def answer(payload: bytes, peer: Peer) -> Reaction:
    return Reaction(acknowledge(payload, "AA", at=0, control_id="A" + payload.split(b"|")[9][1:].decode()))


def mannered(manner: Manner) -> Handler:
    return lambda payload, peer: Reaction(answer(payload, peer).payload, manner=manner)


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run to the end, and see that nothing was left behind on the loop."""

    async def whole() -> None:
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(20):
            await work()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not complaints

    asyncio.run(whole())


async def until(true: Callable[[], bool]) -> None:
    """Let the loop turn until something holds (bounded by the timeout of `run`)."""
    while not true():
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.002, done.set_result, None)
        await done


@contextlib.asynccontextmanager
async def serving(handler: Handler = answer, **options: object) -> AsyncIterator[MllpServer]:
    server = MllpServer(HOST, 0, handler, Reception(**options))  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        assert server.connections == 0


@contextlib.asynccontextmanager
async def sending(port: int, **options: object) -> AsyncIterator[MllpSender]:
    sender = MllpSender(HOST, port, Sending(**options))  # type: ignore[arg-type]
    try:
        yield sender
    finally:
        await sender.close()


async def converse(port: int, wire: bytes) -> list[bytes]:
    """Write raw octets, end, and collect what each read gives until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(wire)
    pieces: list[bytes] = []
    with contextlib.suppress(OSError):  # the server may have closed or cut the connection already
        writer.write_eof()
        while piece := await reader.read(1 << 20):
            pieces.append(piece)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return pieces


BLOCK = frame(reply(1))


@pytest.mark.parametrize(
    ("manner", "octets"),
    [
        (REGULAR, BLOCK),
        (Manner(start=b""), BLOCK[1:]),
        (Manner(end=b""), BLOCK[:-2]),
        (Manner(start=b"", end=b""), reply(1)),
        (Manner(end=b"\x1c"), BLOCK[:-1]),
        (Manner(start=b"\x0b\x0b", end=b"\x1c\r\x1c\r"), b"\x0b" + BLOCK + b"\x1c\r"),
        (Manner(start=b"\x00\x0b"), b"\x00" + BLOCK),
        (Manner(prefix=b"\r\n", suffix=b"\n"), b"\r\n" + BLOCK + b"\n"),
        (Manner(copies=2, suffix=b"."), BLOCK * 3 + b"."),
        (Manner(lost=True), b""),
        (Manner(reset="before"), b""),
        (Manner(reset="midway"), BLOCK[: len(BLOCK) // 2]),
        (Manner(close=True), BLOCK),
    ],
)
def test_each_manner_puts_its_octets_on_the_wire_in_both_directions(manner: Manner, octets: bytes) -> None:
    async def work() -> None:
        async with serving(mannered(manner)) as server:
            assert b"".join(await converse(server.port, frame(message(1)))) == octets
        got: list[bytes] = []
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(1 << 20):
                    got.append(piece)
            writer.close()
            ended.set_result(None)

        server = await asyncio.start_server(listen, HOST, 0)
        async with sending(server.sockets[0].getsockname()[1]) as sender:
            outcome = await sender.send(reply(1), manner=manner, expect_ack=False)
            assert outcome.error == ""
        await ended
        server.close()
        await server.wait_closed()
        assert b"".join(got) == octets

    run(work)


def test_effects_ask_for_a_manner_word_by_word() -> None:
    effects = Effects(reset="midway", close=True, lost=True, split=3, prefix=b"p", drip=(1, 0.5))
    effects.suffix, effects.start, effects.end, effects.copies, effects.stall = b"s", b"", b"e", 2, True
    assert Manner.of(effects) == Manner(
        reset="midway",
        close=True,
        lost=True,
        split=3,
        prefix=b"p",
        drip=(1, 0.5),
        suffix=b"s",
        start=b"",
        end=b"e",
        copies=2,
        stall=True,
    )
    assert Manner.of(effects, lambda seconds: seconds / 10).drip == (1, 0.05)
    assert Manner.of(None) is REGULAR


@pytest.mark.parametrize(
    ("manner", "sizes", "pause"),
    [
        (Manner(), [len(BLOCK)], 0.0),
        (Manner(split=50), [50] * (len(BLOCK) // 50) + [len(BLOCK) % 50], 0.001),
        (Manner(split=-1), [len(BLOCK) - 1, 1], 0.001),
        (Manner(split=-2, suffix=b"..."), [len(BLOCK) - 2, 5], 0.001),
        (Manner(split=-1, copies=1), [2 * len(BLOCK) - 1, 1], 0.001),
        (Manner(split=-1000), [len(BLOCK)], 0.0),
        (Manner(drip=(60, 0.25)), [60] * (len(BLOCK) // 60) + [len(BLOCK) % 60], 0.25),
    ],
)
def test_blocks_are_cut_where_the_manner_says(manner: Manner, sizes: list[int], pause: float) -> None:
    pieces = list(manner.pieces(reply(1)))
    assert [len(octets) for _, octets in pieces] == sizes
    assert [wait for wait, _ in pieces] == [0.0] + [pause] * (len(sizes) - 1)
    assert b"".join(octets for _, octets in pieces) == manner.octets(reply(1))


def test_a_drip_takes_its_time_and_the_pieces_arrive_one_by_one() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        async with serving(mannered(Manner(drip=(40, 0.01)))) as server:
            begin = loop.time()
            pieces = await converse(server.port, frame(message(1)))
            assert loop.time() - begin >= 0.01 * (len(pieces) - 1) > 0
            assert b"".join(pieces) == BLOCK
            assert len(pieces) == -(-len(BLOCK) // 40)

    run(work)


def test_two_messages_leave_in_one_write_and_find_their_answers() -> None:
    async def work() -> None:
        chunks: list[bytes] = []

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            chunks.append(await reader.read(1 << 20))
            writer.write(frame(reply(2)) + frame(reply(1)))
            await reader.read()
            writer.close()

        server = await asyncio.start_server(listen, HOST, 0)
        async with sending(server.sockets[0].getsockname()[1]) as sender:
            pair = [(message(1), REGULAR), (message(2), Manner(prefix=b"\n"))]
            outcomes = await sender.send_together(pair)
            assert [outcome.ack for outcome in outcomes] == [reply(1), reply(2)]
        await until(lambda: len(asyncio.all_tasks()) == 1)
        server.close()
        await server.wait_closed()
        assert chunks == [frame(message(1)) + b"\n" + frame(message(2))]

    run(work)


def test_a_server_that_stalls_reads_nothing_more_until_it_is_resumed() -> None:
    async def work() -> None:
        seen: list[bytes] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(payload)
            return Reaction(answer(payload, peer).payload, manner=Manner(stall=len(seen) == 1))

        async with serving(handler) as server, sending(server.port) as sender:
            assert (await sender.send(message(1))).code == "AA"
            outcome = await sender.send(message(2), within=0.05)
            assert outcome.error == "no acknowledgement of M2 within 0.05 s"
            assert sender.connected
            assert seen == [message(1)]
            assert server.resume() == 1
            assert (await sender.send(message(3))).code == "AA"
            assert seen == [message(1), message(2), message(3)]
            assert server.resume() == 0

    run(work)


def test_a_stall_leaves_alone_what_arrived_with_the_message() -> None:
    async def work() -> None:
        seen: list[bytes] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(payload)
            return Reaction(answer(payload, peer).payload, manner=Manner(stall=len(seen) == 1))

        async with serving(handler) as server, sending(server.port) as sender:
            both = asyncio.ensure_future(sender.send_together([(message(1), REGULAR), (message(2), REGULAR)]))
            await until(lambda: bool(seen))
            await asyncio.sleep(0.02)
            assert seen == [message(1)]
            server.resume()
            assert [outcome.ack for outcome in await both] == [reply(1), reply(2)]

    run(work)


def test_a_stall_that_is_lost_keeps_the_connection_and_says_nothing() -> None:
    async def work() -> None:
        async with serving(mannered(Manner(stall=True, lost=True))) as server, sending(server.port) as sender:
            assert (await sender.send(message(1), within=0.05)).code == ""
            assert sender.connected

    run(work)


def test_a_sender_that_stalls_hears_no_answer_until_it_is_resumed() -> None:
    async def work() -> None:
        async with serving() as server, sending(server.port) as sender:
            assert (await sender.send(message(1), manner=Manner(stall=True), within=0.05)).code == ""
            sender.resume()
            outcome = await sender.send(message(2))
            assert (outcome.code, outcome.strays) == ("AA", (reply(1),))
            assert sender.connects == 1

    run(work)


def test_pieces_of_messages_in_flight_do_not_mix() -> None:
    async def work() -> None:
        async with serving() as server, sending(server.port, window=5) as sender:
            slow = Manner(drip=(30, 0.002))
            outcomes = await asyncio.gather(*(sender.send(message(number), manner=slow) for number in range(5)))
            assert [outcome.ack for outcome in outcomes] == [reply(number) for number in range(5)]

    run(work)


def test_giving_up_in_the_middle_of_a_message_cuts_the_connection() -> None:
    async def work() -> None:
        seen: list[bytes] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(payload)
            return answer(payload, peer)

        async with serving(handler) as server, sending(server.port) as sender:
            outcome = await sender.send(message(1), manner=Manner(drip=(10, 0.05)), within=0.1)
            assert outcome.code == ""
            await until(lambda: not sender.connected)
            assert (await sender.send(message(2))).code == "AA"
        assert seen == [message(2)]

    run(work)


def test_a_refusing_server_listens_and_closes_at_once() -> None:
    async def work() -> None:
        async with serving() as server:
            server.refusing = True
            assert await converse(server.port, frame(message(1))) == []
            server.refusing = False
            assert await converse(server.port, frame(message(1))) == [BLOCK]
            assert server.accepted == 2

    run(work)


def test_a_server_closes_after_as_many_messages_as_it_takes_per_connection() -> None:
    async def work() -> None:
        async with serving(messages_per_connection=2) as server:
            wire = b"".join(frame(message(number)) for number in range(4))
            assert b"".join(await converse(server.port, wire)) == frame(reply(0)) + frame(reply(1))
            async with sending(server.port) as sender:
                for number in range(6):
                    assert (await sender.send(message(number))).code == "AA"
                    if number % 2:
                        await until(lambda: not sender.connected)
                assert sender.connects == 3

    run(work)


def test_a_late_answer_is_written_before_the_last_message_of_a_connection_ends_it() -> None:
    async def work() -> None:
        late = lambda payload, peer: Reaction(reply(1), delay=0.03)  # noqa: E731
        async with serving(late, messages_per_connection=1, ordered=False) as server, sending(server.port) as sender:
            assert (await sender.send(message(1))).code == "AA"
            await until(lambda: not sender.connected)

    run(work)


def test_an_idle_connection_is_cut_and_a_busy_one_is_not() -> None:
    async def work() -> None:
        async with serving(idle=0.1) as server, sending(server.port) as sender:
            for number in range(6):
                assert (await sender.send(message(number))).code == "AA"
                assert sender.connected
                await asyncio.sleep(0.03)
            assert sender.connects == 1
            await until(lambda: not sender.connected)
            assert (await sender.send(message(9))).code == "AA"
            assert sender.connects == 2

    run(work)


def test_each_message_can_have_a_connection_of_its_own() -> None:
    async def work() -> None:
        peers: list[int] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            peers.append(peer.connection)
            return answer(payload, peer)

        async with serving(handler) as server, sending(server.port, persistent=False, window=3) as sender:
            outcomes = await asyncio.gather(*(sender.send(message(number)) for number in range(12)))
            assert all(outcome.matched for outcome in outcomes)
            assert sorted(peers) == list(range(1, 13))
            assert sender.connects == 12
            await until(lambda: server.connections == 0)

    run(work)


def test_a_sender_tries_to_connect_as_often_as_told_and_waits_longer_each_time() -> None:
    async def work() -> None:
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            port = taken.getsockname()[1]
            loop = asyncio.get_running_loop()
            async with sending(port, backoff=Backoff(attempts=3, first=0.02, factor=3)) as sender:
                begin = loop.time()
                assert "cannot connect" in (await sender.send(message(1))).error
                assert loop.time() - begin >= 0.02 + 0.06
        async with sending(port, backoff=Backoff(attempts=50, first=0.01, most=0.02)) as sender:
            sent = asyncio.ensure_future(sender.send(message(1)))
            await asyncio.sleep(0.05)
            server = MllpServer(HOST, port, answer)
            await server.start()
            assert (await sent).code == "AA"
            await server.stop()

    run(work)


def test_pauses_grow_up_to_a_bound() -> None:
    backoff = Backoff(first=0.5, factor=2, most=5)
    assert [backoff.pause(failures) for failures in (1, 2, 3, 4, 5, 1000)] == [0.5, 1, 2, 4, 5, 5]


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="reads options that this platform does not have")
def test_keep_alive_is_set_on_sockets_of_both_sides() -> None:
    async def work() -> None:
        found: list[tuple[int, ...]] = []
        apply = KeepAlive.apply

        class Watched(KeepAlive):
            def apply(self, transport: asyncio.BaseTransport) -> None:
                apply(self, transport)
                tcp = socket.IPPROTO_TCP
                endpoint = transport.get_extra_info("socket")
                found.append((
                    endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    endpoint.getsockopt(tcp, socket.TCP_KEEPIDLE),
                    endpoint.getsockopt(tcp, socket.TCP_KEEPINTVL),
                    endpoint.getsockopt(tcp, socket.TCP_KEEPCNT),
                ))  # fmt: skip

        async with (
            serving(keep_alive=Watched(31, 7, 4)) as server,
            sending(server.port, keep_alive=Watched(20, 5, 3)) as sender,
        ):
            assert (await sender.send(message(1))).code == "AA"
        assert sorted(found) == [(1, 20, 5, 3), (1, 31, 7, 4)]

    run(work)


def test_a_feed_can_wait_for_the_peer_to_dial_and_send_down_that_connection() -> None:
    async def work() -> None:
        async with sending(0, role="wait") as sender:
            await sender.start()
            caller = MllpCaller(HOST, sender.port, answer, backoff=Backoff(first=0.01))
            await caller.start()
            for number in range(5):
                assert (await sender.send(message(number))).ack == reply(number)
            assert (sender.connects, caller.accepted) == (1, 1)
            assert caller.drop_connections() == 1
            await until(lambda: not sender.connected)
            assert (await sender.send(message(9))).ack == reply(9)
            assert (sender.connects, caller.accepted) == (2, 2)
            await caller.stop()
            assert caller.connections == 0

    run(work)


def test_a_feed_that_waits_in_vain_says_so() -> None:
    async def work() -> None:
        async with sending(0, role="wait", connect_timeout=0.03) as sender:
            assert (await sender.send(message(1))).error.startswith(f"nobody connected to {HOST}:{sender.port}")
            async with sending(sender.port, role="wait") as other:
                assert "Cannot listen" in (await other.send(message(1))).error
                with pytest.raises(EnvironmentProblem, match=str(sender.port)):
                    await other.start()

    run(work)


def test_of_several_peers_that_dial_the_newest_is_sent_to() -> None:
    async def work() -> None:
        async with sending(0, role="wait") as sender:
            await sender.start()
            old, writer = await asyncio.open_connection(HOST, sender.port)
            new = MllpCaller(HOST, sender.port, answer)
            await new.start()
            with contextlib.suppress(ConnectionError):
                assert await old.read() == b""
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            assert (await sender.send(message(1))).code == "AA"
            await new.stop()

    run(work)


def test_a_peer_that_dialled_and_hung_up_is_not_sent_to() -> None:
    async def work() -> None:
        async with sending(0, role="wait") as sender:
            await sender.start()
            _, writer = await asyncio.open_connection(HOST, sender.port)
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.02)
            sent = asyncio.ensure_future(sender.send(message(1)))
            await asyncio.sleep(0.02)
            caller = MllpCaller(HOST, sender.port, answer)
            await caller.start()
            assert (await sent).code == "AA"
            await caller.stop()

    run(work)


def test_a_receiver_that_dials_tries_again_until_the_peer_is_there() -> None:
    async def work() -> None:
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            port = taken.getsockname()[1]
            caller = MllpCaller(HOST, port, answer, backoff=Backoff(first=0.01, most=0.02))
            await caller.start()
            await until(lambda: caller.failures > 2)
            assert caller.problem
        async with sending(port, role="wait") as sender:
            assert (await sender.send(message(1))).code == "AA"
            assert caller.failures == 0
        await caller.stop()

    run(work)


@pytest.mark.parametrize("persistent", [True, False])
def test_acknowledgements_can_come_over_a_connection_that_the_peer_makes(persistent: bool) -> None:
    async def work() -> None:
        sender = MllpSender(HOST, 0, Sending())
        acks: list[asyncio.Task[None]] = []

        async def bring(payload: bytes) -> None:
            assert sender.ack_port is not None
            _, writer = await asyncio.open_connection(HOST, sender.ack_port)
            writer.write(frame(payload))
            writer.close()
            await writer.wait_closed()

        def handler(payload: bytes, peer: Peer) -> Reaction:
            acks.append(asyncio.ensure_future(bring(answer(payload, peer).payload or b"")))
            return Reaction(None, manner=Manner(close=not persistent))

        async with serving(handler) as server:
            sender = MllpSender(HOST, server.port, Sending(ack_port=0, persistent=persistent, window=3, timeout=5))
            outcomes = await asyncio.gather(*(sender.send(message(number)) for number in range(9)))
            assert [outcome.ack for outcome in outcomes] == [reply(number) for number in range(9)]
            assert sender.connects == (1 if persistent else 9)
            await asyncio.gather(*acks)
            await sender.close()

    run(work)


def test_acknowledgements_can_come_over_a_second_connection_that_we_make() -> None:
    async def work() -> None:
        second: list[asyncio.StreamWriter] = []

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            second.append(writer)
            await reader.read()
            writer.close()

        def handler(payload: bytes, peer: Peer) -> Reaction:
            second[0].write(frame(answer(payload, peer).payload or b""))
            return Reaction(None)

        acks = await asyncio.start_server(accept, HOST, 0)
        port = acks.sockets[0].getsockname()[1]
        async with serving(handler) as server, sending(server.port, ack_port=port, ack_role="dial") as sender:
            await sender.start()
            for number in range(3):
                assert (await sender.send(message(number), within=5)).ack == reply(number)
        await until(lambda: len(asyncio.all_tasks()) == 1)
        acks.close()
        await acks.wait_closed()
        assert len(second) == 1

    run(work)


def test_replies_that_wait_for_their_time_bound_what_is_read() -> None:
    async def work() -> None:
        handled = 0

        def handler(payload: bytes, peer: Peer) -> Reaction:
            nonlocal handled
            handled += 1
            return Reaction(b"x" * 1000, delay=0.05 if handled <= 20 else 0)

        async with serving(handler, owed=10_000, ordered=False) as server:
            wire = frame(message(1)) * 40
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(wire)
            await until(lambda: handled > 0)
            await asyncio.sleep(0.01)
            assert handled == 10  # of 1003 octets each
            received = 0
            while received < 40:
                received += (await reader.read(1 << 20)).count(b"\x1c")
            assert handled == 40
            writer.close()
            await writer.wait_closed()

    run(work)


def test_a_peer_that_does_not_read_bounds_what_a_sender_buffers() -> None:
    async def work() -> None:
        gates: list[asyncio.StreamReader] = []

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            gates.append(reader)
            writer.transport.pause_reading()  # type: ignore[attr-defined]

        server = await asyncio.start_server(listen, HOST, 0, limit=1)
        big = message(1) + b"x" * 4_000_000
        async with sending(server.sockets[0].getsockname()[1]) as sender:
            outcomes = [await sender.send(big, within=0.03) for _ in range(8)]
            assert all(outcome.error for outcome in outcomes)
            link = sender._link
            assert link is not None
            assert link._transport is not None
            assert link._transport.get_write_buffer_size() < 2 * len(big)
            link.abort()
        await until(lambda: len(asyncio.all_tasks()) == 1)
        server.close()
        for reader in gates:
            reader._transport.abort()  # type: ignore[attr-defined]
        await server.wait_closed()

    run(work)


def test_a_report_of_a_megabyte_goes_both_ways_in_pieces() -> None:
    async def work() -> None:
        big = message(1) + b"OBX|1|ED|x||^application^pdf^Base64^" + b"QUJD" * 250_000 + b"||||||F\r"
        async with serving(lambda payload, peer: Reaction(payload)) as server:
            received = b"".join(await converse(server.port, frame(big)))
            assert [one.payload for one in Deframer().feed(received)] == [big]

    run(work)


def test_pieces_of_one_block_are_in_order() -> None:
    pieces = [octets for _, octets in Manner(split=7).pieces(reply(1))]
    places = [BLOCK.find(piece) for piece in pieces[:3]]
    assert all(one < other for one, other in pairwise(places))
