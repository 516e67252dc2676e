"""MLLP over real sockets: python-hl7 as an independent peer on either side, and every way to react."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import hl7
import pytest
from hl7.client import MLLPClient
from hl7.mllp import start_hl7_server

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.mllp import (
    Handler,
    Manner,
    MllpSender,
    MllpServer,
    Outcome,
    Peer,
    Reaction,
    Reception,
    Sending,
)
from mockehr.hl7.ack import acknowledge
from mockehr.hl7.frame import Deframer, Frame, frame

AT = 1_767_614_400.0
HOST = "127.0.0.1"


def message(number: int) -> bytes:
    head = f"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||ADT^A01^ADT_A01|M{number}|P|2.5.1||||||UNICODE UTF-8"
    return f"{head}\rEVN|A01|20260105\rPID|1||{number}^^^H^MR||Müller^Zoë\rPV1|1|I\r".encode()


def answer(payload: bytes, peer: Peer) -> Reaction:
    return Reaction(acknowledge(payload, "AA", at=AT, control_id=f"A{peer.connection}"))


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run to the end, and see that nothing was left behind on the loop."""

    async def whole() -> None:
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(20):
            await work()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left
        assert not complaints

    asyncio.run(whole())


@contextlib.asynccontextmanager
async def serving(handler: Handler, **options: object) -> AsyncIterator[MllpServer]:
    told = {name: options.pop(name) for name in ("on_broken", "on_uncommitted", "ssl") if name in options}
    server = MllpServer(HOST, 0, handler, Reception(**options), **told)  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        assert server.connections == 0


@contextlib.asynccontextmanager
async def sending(server: MllpServer, **options: object) -> AsyncIterator[MllpSender]:
    sender = MllpSender(HOST, server.port, Sending(**options))  # type: ignore[arg-type]
    try:
        yield sender
    finally:
        await sender.close()


async def converse(server: MllpServer, wire: bytes, *, half_close: bool = False) -> bytes:
    """Write raw octets and read until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(wire)
    if half_close:
        writer.write_eof()
    received = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return received


def ids(wire: bytes) -> list[str]:
    """MSA-2 of every frame."""
    payloads = [received.payload for received in Deframer().feed(wire)]
    return [payload.split(b"\rMSA|")[1].split(b"|")[1].strip().decode() for payload in payloads]


@pytest.fixture
def background() -> Iterator[Callable[[Handler], MllpServer]]:
    """Starts servers on an event loop in a thread of its own, for clients that block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers: list[MllpServer] = []

    def start(handler: Handler) -> MllpServer:
        server = MllpServer(HOST, 0, handler)
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        servers.append(server)
        return server

    yield start
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    assert not thread.is_alive()
    loop.close()


def test_python_hl7s_client_gets_acknowledgements_that_it_understands(
    background: Callable[[Handler], MllpServer],
) -> None:
    seen: list[bytes] = []

    def handler(payload: bytes, peer: Peer) -> Reaction:
        seen.append(payload)
        return answer(payload, peer)

    server = background(handler)
    with MLLPClient(HOST, server.port) as client:
        for number in range(20):
            reply = client.send_message(message(number))
            assert reply[:1] == b"\x0b"
            assert reply[-2:] == b"\x1c\r"
            ack = hl7.parse(reply[1:-2].decode())
            assert str(ack.segment("MSA")[1]) == "AA"
            assert str(ack.segment("MSA")[2]) == f"M{number}"
            assert str(ack.segment("MSH")[3]) == "EHR"
            assert str(ack.segment("MSH")[9]) == "ACK^A01^ACK"
    assert seen == [message(number) for number in range(20)]


def test_our_sender_is_answered_by_python_hl7s_server() -> None:
    async def work() -> None:
        parsed: list[str] = []

        async def serve(reader: object, writer: object) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    received = await reader.readmessage()  # type: ignore[attr-defined]
                    parsed.append(str(received.segment("PID")[5]))
                    writer.writemessage(received.create_ack())  # type: ignore[attr-defined]
                    await writer.drain()  # type: ignore[attr-defined]
            writer.close()  # type: ignore[attr-defined]

        peer = await start_hl7_server(serve, host=HOST, port=0, encoding="utf-8")
        sender = MllpSender(HOST, peer.sockets[0].getsockname()[1], Sending(timeout=5))
        for number in range(5):
            outcome = await sender.send(message(number))
            assert outcome.code == "AA"
            assert outcome.matched
            assert outcome.error == ""
            assert f"|M{number}".encode() in outcome.ack
        assert sender.connects == 1
        await sender.close()
        peer.close()
        await peer.wait_closed()
        await until(lambda: len(asyncio.all_tasks()) == 1)
        assert parsed == ["Müller^Zoë"] * 5

    run(work)


async def until(true: Callable[[], bool]) -> None:
    """Let the loop turn until something holds (bounded by the timeout of `run`)."""
    while not true():
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.002, done.set_result, None)
        await done


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_in_any_pieces_and_several_at_once_are_all_answered(size: int) -> None:
    async def work() -> None:
        async with serving(answer) as server:
            wire = b"\r\n" + b"\n".join(frame(message(number)) for number in range(5))
            reader, writer = await asyncio.open_connection(HOST, server.port)
            for start in range(0, len(wire), size):
                writer.write(wire[start : start + size])
                await writer.drain()
            writer.write_eof()
            assert ids(await reader.read()) == [f"M{number}" for number in range(5)]
            writer.close()
            await writer.wait_closed()

    run(work)


def test_the_handler_learns_who_sent_and_what_was_irregular() -> None:
    async def work() -> None:
        seen: list[tuple[str, int, list[str]]] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append((peer.host, peer.connection, [anomaly.kind for anomaly in peer.anomalies]))
            return Reaction(None, manner=Manner(close=len(seen) == 2))

        async with serving(handler) as server:
            assert await converse(server, frame(message(1)) + b"\n" + frame(message(2))) == b""
        assert seen == [(HOST, 1, []), (HOST, 1, ["line-ends"])]

    run(work)


def test_a_broken_frame_is_no_message_but_is_told_of() -> None:
    async def work() -> None:
        broken: list[Frame] = []
        async with serving(answer, on_broken=lambda received, peer: broken.append(received)) as server:
            wire = b"\x0b" + message(1)[:40] + frame(message(2)) + b"\x0b" + message(3)
            assert ids(await converse(server, wire, half_close=True)) == ["M2"]
        assert [received.payload for received in broken] == [message(1)[:40], message(3)]

    run(work)


def test_a_missing_final_cr_is_waited_for_only_so_long() -> None:
    async def work() -> None:
        async with serving(answer, cr_grace=0.02) as server:
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(b"\x0b" + message(1) + b"\x1c")
            assert ids(await reader.readuntil(b"\x1c\r")) == ["M1"]
            writer.close()
            await writer.wait_closed()

    run(work)


def script(*reactions: Reaction) -> Handler:
    """A handler that reacts with the given reactions in turn; a payload of `?` becomes the acknowledgement."""
    rest = list(reactions)

    def handler(payload: bytes, peer: Peer) -> Reaction:
        reaction = rest.pop(0)
        if reaction.payload == b"?":
            reaction.payload = answer(payload, peer).payload
        return reaction

    return handler


def test_replies_keep_the_order_of_their_messages_when_one_is_late() -> None:
    async def work() -> None:
        async with serving(
            script(Reaction(b"?", delay=0.05), Reaction(b"?"), Reaction(b"?", manner=Manner(close=True)))
        ) as server:
            loop = asyncio.get_running_loop()
            begin = loop.time()
            wire = b"".join(frame(message(number)) for number in range(3))
            assert ids(await converse(server, wire)) == ["M0", "M1", "M2"]
            assert loop.time() - begin >= 0.05

    run(work)


def test_replies_overtake_a_late_one_when_order_is_not_asked_for() -> None:
    async def work() -> None:
        handler = script(
            Reaction(b"?", delay=0.06, manner=Manner(close=True)), Reaction(b"?"), Reaction(b"?", delay=0.02)
        )
        async with serving(handler, ordered=False) as server:
            wire = b"".join(frame(message(number)) for number in range(3))
            assert ids(await converse(server, wire)) == ["M1", "M2", "M0"]

    run(work)


@pytest.mark.parametrize(("read_ahead", "handled"), [(True, 3), (False, 1)])
def test_a_late_reply_holds_up_reading_only_if_asked_to(read_ahead: bool, handled: int) -> None:
    async def work() -> None:
        seen: list[bytes] = []
        counts: list[int] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(payload)
            if len(seen) == 1:
                asyncio.get_running_loop().call_later(0.03, lambda: counts.append(len(seen)))
            manner = Manner(close=len(seen) == 3)
            return Reaction(answer(payload, peer).payload, delay=0.06 if len(seen) == 1 else 0, manner=manner)

        async with serving(handler, read_ahead=read_ahead) as server:
            wire = b"".join(frame(message(number)) for number in range(3))
            assert ids(await converse(server, wire)) == ["M0", "M1", "M2"]
        assert counts == [handled]

    run(work)


def test_a_reply_can_be_cut_in_pieces_and_follow_garbage() -> None:
    async def work() -> None:
        async with serving(
            script(
                Reaction(b"?", manner=Manner(split=7, prefix=b"\r\nxx")), Reaction(b"?", manner=Manner(close=True))
            )
        ) as server:
            pieces: list[bytes] = []
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(frame(message(1)) + frame(message(2)))
            while piece := await reader.read(65536):
                pieces.append(piece)
            writer.close()
            await writer.wait_closed()
            wire = b"".join(pieces)
            assert wire.startswith(b"\r\nxx\x0bMSH")
            assert ids(wire) == ["M1", "M2"]
            assert len(pieces) > 3

    run(work)


def test_a_server_can_say_nothing_and_close() -> None:
    async def work() -> None:
        handler = script(Reaction(None), Reaction(b"?"), Reaction(None, manner=Manner(prefix=b"zz", close=True)))
        async with serving(handler) as server:
            received = await converse(server, b"".join(frame(message(number)) for number in range(4)))
            assert ids(received) == ["M1"]
            assert received.endswith(b"zz")

    run(work)


def test_a_reset_reaches_the_peer_as_one() -> None:
    async def work() -> None:
        async with serving(script(Reaction(b"?", manner=Manner(reset="before")))) as server:
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(frame(message(1)))
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    run(work)


def test_one_message_can_have_two_answers() -> None:
    def handler(payload: bytes, peer: Peer) -> tuple[Reaction, ...]:
        return (
            Reaction(acknowledge(payload, "CA", at=AT, control_id="1")),
            Reaction(acknowledge(payload, "AE", at=AT, control_id="2"), delay=0.02),
        )

    async def work() -> None:
        async with serving(handler) as server:
            async with sending(server) as quick:
                assert (await quick.send(message(1))).code == "CA"
            async with sending(server, await_application=True) as slow:
                assert (await slow.send(message(2))).code == "AE"

    run(work)


def test_a_failing_handler_costs_its_connection_and_nothing_else() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        complaints: list[BaseException] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))

        def handler(payload: bytes, peer: Peer) -> Reaction:
            if b"|M1|" in payload:
                raise ValueError("planted")
            return answer(payload, peer)

        async with serving(handler) as server, sending(server) as sender:
            assert ids(await converse(server, frame(message(0)) + frame(message(1)) + frame(message(2)))) == ["M0"]
            assert (await sender.send(message(3))).code == "AA"
        assert [str(complaint) for complaint in complaints] == ["planted"]

    run(work)


def test_thousands_of_cut_replies_in_one_segment_need_no_deep_stack() -> None:
    async def work() -> None:
        def handler(payload: bytes, peer: Peer) -> Reaction:
            return Reaction(answer(payload, peer).payload, manner=Manner(split=10_000))

        async with serving(handler) as server:
            received = await converse(server, b"".join(map(frame, map(message, range(3000)))), half_close=True)
            assert ids(received) == [f"M{number}" for number in range(3000)]

    run(work)


def test_a_late_acknowledgement_is_not_taken_for_that_of_the_next_message() -> None:
    async def work() -> None:
        async with serving(script(Reaction(b"?", delay=0.1), Reaction(b"?"))) as server, sending(server) as sender:
            first = await sender.send(message(1), within=0.02)
            assert first.code == ""
            assert first.error == "no acknowledgement of M1 within 0.02 s"
            second = await sender.send(message(2))
            assert second.code == "AA"
            assert second.matched
            assert ids(frame(second.ack)) == ["M2"]
            assert [ids(frame(stray)) for stray in second.strays] == [["M1"]]

    run(work)


def test_an_acknowledgement_of_something_else_is_reported_as_unmatched() -> None:
    async def work() -> None:
        wrong = acknowledge(message(99), "AA", at=AT, control_id="1")
        async with serving(script(Reaction(wrong))) as server, sending(server, timeout=0.05) as sender:
            outcome = await sender.send(message(1))
            assert outcome == Outcome("AA", wrong, False, outcome.error, (wrong,))
            assert "only of something else" in outcome.error

    run(work)


def test_garbage_in_place_of_an_acknowledgement_is_no_answer() -> None:
    async def work() -> None:
        async with serving(script(Reaction(b"\x07"), Reaction(b"fail"))) as server, sending(server) as sender:
            for text in (b"\x07", b"fail"):
                outcome = await sender.send(message(1), within=0.05)
                assert outcome.code == ""
                assert not outcome.matched
                assert outcome.strays == (text,)

    run(work)


def test_a_lost_connection_is_an_outcome_and_the_next_message_connects_anew() -> None:
    async def work() -> None:
        handler = script(
            Reaction(b"?", manner=Manner(reset="before")), Reaction(b"?", manner=Manner(close=True)), Reaction(b"?")
        )
        async with serving(handler) as server, sending(server) as sender:
            outcome = await sender.send(message(1))
            assert outcome.code == ""
            assert outcome.error.startswith("the connection was lost before an acknowledgement")
            assert (await sender.send(message(2))).code == "AA"
            await until(lambda: not sender.connected)
            assert (await sender.send(message(3))).code == "AA"
            assert sender.connects == 3

    run(work)


def test_a_refused_connection_is_an_outcome() -> None:
    async def work() -> None:
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            sender = MllpSender(HOST, taken.getsockname()[1])
            outcome = await sender.send(message(1))
            assert outcome.error.startswith(f"cannot connect to {HOST}:")
            await sender.close()

    run(work)


def test_several_messages_can_be_in_flight_and_find_their_own_answers() -> None:
    async def work() -> None:
        held: list[bytes] = []

        def handler(payload: bytes, peer: Peer) -> tuple[Reaction, ...]:
            held.append(payload)
            if len(held) < 4:
                return (Reaction(None),)
            return tuple(answer(one, peer) for one in reversed(held))

        async with serving(handler) as server, sending(server, window=4) as sender:
            outcomes = await asyncio.gather(*(sender.send(message(number)) for number in range(4)))
            assert [ids(frame(outcome.ack)) for outcome in outcomes] == [[f"M{number}"] for number in range(4)]
            assert sender.connects == 1

    run(work)


def test_a_window_of_one_waits_for_each_answer() -> None:
    async def work() -> None:
        async with serving(answer) as server, sending(server) as sender:
            outcomes = await asyncio.gather(*(sender.send(message(number)) for number in range(10)))
            assert all(outcome.matched and not outcome.strays for outcome in outcomes)

    run(work)


def test_a_message_can_be_sent_in_pieces_or_as_other_octets_or_without_waiting() -> None:
    async def work() -> None:
        seen: list[bytes] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(payload)
            return answer(payload, peer) if payload.startswith(b"MSH") else Reaction(None)

        async with serving(handler) as server, sending(server) as sender:
            assert (await sender.send(message(1), manner=Manner(split=40))).code == "AA"
            assert (await sender.send(message(2), manner=Manner(prefix=b"junk\n", start=b""))).code == "AA"
            assert await sender.send(b"no HL7 at all", expect_ack=False) == Outcome()
            await until(lambda: len(seen) == 3)
        assert seen == [message(1), message(2), b"no HL7 at all"]

    run(work)


def test_connections_beyond_the_most_are_closed_at_once() -> None:
    async def work() -> None:
        async with serving(answer, max_connections=1) as server, sending(server) as first, sending(server) as second:
            assert (await first.send(message(1))).code == "AA"
            assert (await second.send(message(2))).error
            assert (await first.send(message(3))).code == "AA"

    run(work)


def test_an_idle_cut_is_survived_by_connecting_anew() -> None:
    async def work() -> None:
        async with serving(answer) as server, sending(server) as sender:
            assert (await sender.send(message(1))).code == "AA"
            assert server.drop_connections() == 1
            await until(lambda: not sender.connected)
            assert (await sender.send(message(2))).code == "AA"
            assert server.accepted == 2

    run(work)


def test_stopping_drops_what_is_due_and_frees_the_port() -> None:
    async def work() -> None:
        server = MllpServer(HOST, 0, script(Reaction(b"?", delay=3600)))
        await server.start()
        port = server.port
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(frame(message(1)))
        await until(lambda: server.connections == 1)
        await server.stop()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        again = MllpServer(HOST, port, answer)
        await again.start()
        await again.stop()

    run(work)


def test_a_busy_port_is_reported_in_words() -> None:
    async def work() -> None:
        async with serving(answer) as server:
            with pytest.raises(EnvironmentProblem, match=f"{HOST}:{server.port}"):
                await MllpServer(HOST, server.port, answer).start()

    run(work)


def test_a_peer_that_does_not_read_its_replies_is_not_read_from_either() -> None:
    async def work() -> None:
        handled = 0
        total = 10_000

        def handler(payload: bytes, peer: Peer) -> Reaction:
            nonlocal handled
            handled += 1
            return Reaction(payload + b"x" * 4000, manner=Manner(close=handled == total))

        async with serving(handler) as server:
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(frame(message(1)) * total)
            await until(lambda: handled > 0)
            before = -1
            while before != handled:
                before = handled
                for _ in range(20):
                    await asyncio.sleep(0)
            assert handled < total
            received = 0
            while piece := await reader.read(1 << 20):
                received += piece.count(b"\x1c")
            assert received == total
            writer.close()
            await writer.wait_closed()

    run(work)


def test_a_megabyte_is_a_message_like_any_other() -> None:
    async def work() -> None:
        big = message(1) + b"OBX|1|ED|x||^application^pdf^Base64^" + b"QUJD" * 300_000 + b"||||||F\r"
        seen: list[int] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(len(payload))
            return answer(payload, peer)

        async with serving(handler) as server, sending(server) as sender:
            assert (await sender.send(big)).code == "AA"
        assert seen == [len(big)]

    run(work)
