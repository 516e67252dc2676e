"""MLLP release 2: every message is committed before its answer, every answer before the next one, on either side."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mockehr.edge.mllp import Handler, Manner, MllpSender, MllpServer, Peer, Reaction, Reception, Sending
from mockehr.hl7.ack import acknowledge
from mockehr.hl7.frame import Deframer, frame

HOST = "127.0.0.1"
ACK, NAK = b"\x0b\x06\x1c\r", b"\x0b\x15\x1c\r"


def message(number: int) -> bytes:
    return f"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||ADT^A01^ADT_A01|M{number}|P|2.5.1\rEVN|A01\r".encode()


def reply(number: int) -> bytes:
    return acknowledge(message(number), "AA", at=0, control_id=f"A{number}")


def answer(payload: bytes, peer: Peer) -> Reaction:
    return Reaction(acknowledge(payload, "AA", at=0, control_id="A" + payload.split(b"|")[9][1:].decode()))


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


@contextlib.asynccontextmanager
async def serving(handler: Handler = answer, *, release: int = 2, **options: object) -> AsyncIterator[MllpServer]:
    told = {name: options.pop(name) for name in ("on_uncommitted",) if name in options}
    server = MllpServer(HOST, 0, handler, Reception(release=release, **options), **told)  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        assert server.connections == 0


class Raw:
    """A peer made of bare octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def next(self) -> bytes:
        """The next block, as it came."""
        return await self.reader.readuntil(b"\x1c\r")

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def raw(server: MllpServer) -> AsyncIterator[Raw]:
    peer = Raw(*await asyncio.open_connection(HOST, server.port))
    try:
        yield peer
    finally:
        await peer.close()


@contextlib.asynccontextmanager
async def playing(part: Callable[[Raw], Awaitable[None]], **options: object) -> AsyncIterator[MllpSender]:
    """A sender of release 2 whose peer plays that part on every connection."""
    failures: list[BaseException] = []
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Raw(reader, writer)
        tasks.append(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await part(peer)
            await reader.read()
        except BaseException as error:
            failures.append(error)
        await peer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    settings = Sending(release=2, **options)  # type: ignore[arg-type]
    sender = MllpSender(HOST, server.sockets[0].getsockname()[1], settings)
    yield sender
    await sender.close()
    await asyncio.gather(*tasks)
    server.close()
    await server.wait_closed()
    assert not failures


def test_a_server_commits_each_message_before_it_answers_and_waits_for_the_answers_commit() -> None:
    async def work() -> None:
        async with serving() as server, raw(server) as peer:
            peer.writer.write(frame(message(1)) + frame(message(2)))
            assert await peer.next() == ACK
            blocks = sorted([await peer.next(), await peer.next()])
            assert blocks == sorted([frame(reply(1)), ACK])
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.next(), 0.05)
            peer.writer.write(ACK)
            assert await peer.next() == frame(reply(2))
            peer.writer.write(ACK)
            peer.writer.write_eof()
            assert await peer.reader.read() == b""

    run(work)


def test_a_message_that_was_cut_or_refused_gets_a_negative_commit() -> None:
    async def work() -> None:
        async with serving(lambda payload, peer: Reaction(None, commit="nak")) as server, raw(server) as peer:
            peer.writer.write(frame(message(1)))
            assert await peer.next() == NAK
            peer.writer.write(b"\x0b" + message(2)[:30] + frame(message(3)))
            assert await peer.next() == NAK
            assert await peer.next() == NAK
        async with serving(limit=100) as server, raw(server) as peer:
            peer.writer.write(frame(message(1) + b"x" * 100))
            assert await peer.next() == NAK

    run(work)


def test_a_failing_handler_is_told_as_a_negative_commit() -> None:
    async def work() -> None:
        def fail(payload: bytes, peer: Peer) -> Reaction:
            raise ValueError("planted")

        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with serving(fail) as server, raw(server) as peer:
            peer.writer.write(frame(message(1)))
            assert await peer.reader.read() == NAK

    run(work)


def test_a_commit_can_be_withheld_and_nothing_is_committed_where_nothing_is_written() -> None:
    async def work() -> None:
        reactions = [
            Reaction(reply(1), commit=""),
            Reaction(b"x", manner=Manner(lost=True)),
        ]
        async with serving(lambda payload, peer: reactions.pop(0)) as server, raw(server) as peer:
            peer.writer.write(frame(message(1)))
            assert await peer.next() == frame(reply(1))
            peer.writer.write(ACK + frame(message(2)))
            assert await peer.reader.read() == b""

    run(work)


def test_a_refused_answer_is_written_again_and_then_reported() -> None:
    async def work() -> None:
        told: list[tuple[bytes, str]] = []
        note = lambda payload, peer, why: told.append((payload, why))  # noqa: E731
        async with serving(on_uncommitted=note, commit_retries=1) as server, raw(server) as peer:
            peer.writer.write(frame(message(1)))
            assert [await peer.next() for _ in range(2)] == [ACK, frame(reply(1))]
            peer.writer.write(NAK)
            assert await peer.next() == frame(reply(1))
            assert not told
            peer.writer.write(NAK + frame(message(2)))
            assert [await peer.next() for _ in range(2)] == [ACK, frame(reply(2))]
            assert told == [(reply(1), "nak")]

    run(work)


def test_an_answer_that_nobody_commits_ends_the_connection() -> None:
    async def work() -> None:
        told: list[str] = []
        note = lambda payload, peer, why: told.append(why)  # noqa: E731
        async with serving(on_uncommitted=note, commit_timeout=0.03) as server, raw(server) as peer:
            peer.writer.write(frame(message(1)))
            assert await peer.reader.read() == ACK + frame(reply(1))
            assert told == ["timeout"]

    run(work)


def test_commits_do_not_fall_between_the_pieces_of_an_answer() -> None:
    async def work() -> None:
        slow = Manner(drip=(20, 0.005))
        async with serving(lambda payload, peer: Reaction(reply(1), manner=slow)) as server, raw(server) as peer:
            peer.writer.write(frame(message(1)))
            assert await peer.next() == ACK
            assert await peer.reader.readexactly(20) == frame(reply(1))[:20]
            peer.writer.write(frame(message(2)))
            assert await peer.next() == frame(reply(1))[20:]
            assert await peer.next() == ACK

    run(work)


def test_both_sides_of_release_2_exchange_many_messages() -> None:
    async def work() -> None:
        seen: list[bytes] = []
        told: list[object] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(payload)
            return answer(payload, peer)

        async with serving(handler, on_uncommitted=lambda *all: told.append(all)) as server:
            sender = MllpSender(HOST, server.port, Sending(release=2, window=4))
            outcomes = await asyncio.gather(*(sender.send(message(number)) for number in range(500)))
            assert [(outcome.code, outcome.commit, outcome.error) for outcome in outcomes] == [
                ("AA", "ack", "")
            ] * 500
            assert [outcome.ack for outcome in outcomes] == [reply(number) for number in range(500)]
            assert not any(outcome.strays for outcome in outcomes)
            await sender.close()
        assert seen == [message(number) for number in range(500)]
        assert not told

    run(work)


def test_a_sender_writes_nothing_before_the_commit_and_commits_what_it_gets() -> None:
    async def work() -> None:
        async def part(peer: Raw) -> None:
            assert await peer.next() == frame(message(1))
            with contextlib.suppress(TimeoutError):
                block = await asyncio.wait_for(peer.next(), 0.05)
                raise AssertionError(f"{block!r} came before the commit")
            peer.writer.write(ACK)
            assert await peer.next() == frame(message(2))
            peer.writer.write(ACK + frame(reply(2)))
            assert await peer.next() == ACK
            peer.writer.write(frame(reply(1)))
            assert await peer.next() == ACK

        async with playing(part, window=2) as sender:
            one, other = await asyncio.gather(sender.send(message(1)), sender.send(message(2)))
            assert (one.ack, one.commit, other.ack, other.commit) == (reply(1), "ack", reply(2), "ack")

    run(work)


def test_a_refused_message_is_reported_or_sent_again_as_settings_say() -> None:
    async def work() -> None:
        async def part(peer: Raw) -> None:
            assert await peer.next() == frame(message(1))
            peer.writer.write(NAK)
            if tries:
                assert await peer.next() == frame(message(1))
                peer.writer.write(ACK + frame(reply(1)))
                assert await peer.next() == ACK

        for tries in (0, 1):
            async with playing(part, commit_retries=tries) as sender:
                outcome = await sender.send(message(1))
                assert (outcome.code, outcome.commit) == (("AA", "ack") if tries else ("", "nak"))
                assert ("negative commit" in outcome.error) == (not tries)
                assert sender.connects == 1

    run(work)


def test_a_message_that_is_not_committed_in_time_is_sent_again_over_a_new_connection() -> None:
    async def work() -> None:
        connections: list[Raw] = []

        async def part(peer: Raw) -> None:
            connections.append(peer)
            assert await peer.next() == frame(message(1))
            if len(connections) == 2:
                peer.writer.write(ACK + frame(reply(1)))
                assert await peer.next() == ACK

        async with playing(part, commit_timeout=0.03, commit_retries=1) as sender:
            outcome = await sender.send(message(1))
            assert (outcome.code, outcome.commit, sender.connects) == ("AA", "ack", 2)
        connections.clear()
        async with playing(part, commit_timeout=0.03) as sender:
            outcome = await sender.send(message(1))
            assert (outcome.code, outcome.commit) == ("", "")
            assert outcome.error == "no commit acknowledgement within 0.03 s"
            assert not sender.connected

    run(work)


def test_a_sender_of_release_1_takes_commits_for_no_answers_and_a_server_for_no_messages() -> None:
    async def work() -> None:
        async with serving() as server:
            sender = MllpSender(HOST, server.port, Sending(timeout=1))
            outcome = await sender.send(message(1))
            assert (outcome.code, outcome.strays, outcome.commit) == ("AA", (), "")
            await sender.close()
        seen: list[bytes] = []

        def handler(payload: bytes, peer: Peer) -> Reaction:
            seen.append(payload)
            return answer(payload, peer)

        async with serving(handler, release=1) as server, raw(server) as peer:
            peer.writer.write(ACK + frame(message(1)) + NAK + ACK)
            peer.writer.write_eof()
            assert await peer.reader.read() == frame(reply(1))
        assert seen == [message(1)]

    run(work)


def test_a_sender_of_release_2_reports_an_answer_that_came_without_a_commit() -> None:
    async def work() -> None:
        async with serving(release=1) as server:
            sender = MllpSender(HOST, server.port, Sending(release=2, commit_timeout=0.05))
            outcome = await sender.send(message(1))
            assert (outcome.code, outcome.matched, outcome.commit) == ("AA", True, "")
            assert outcome.error.startswith("no commit acknowledgement")
            await sender.close()

    run(work)


@pytest.mark.parametrize(("octet", "kind"), [(b"\x06", "ack"), (b"\x15", "nak"), (b"\x07", None), (b"\x06\r", None)])
def test_a_deframer_tells_commits_from_messages(octet: bytes, kind: str | None) -> None:
    (received,) = Deframer().feed(frame(octet))
    assert received.commit == kind
