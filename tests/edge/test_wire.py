"""Messages between processes, here between the two ends of one socket."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from mockehr.edge.wire import Line, packed, receive


def test_what_is_sent_is_received_however_large() -> None:
    ours, theirs = map(Line, socket.socketpair())
    large = {"octets": b"x" * 3_000_000, "number": 1}
    sending = threading.Thread(target=ours.send, args=(large,))
    sending.start()
    assert theirs.receive() == large
    sending.join()
    theirs.send(("back", None))
    assert ours.receive() == ("back", None)
    ours.close()
    with pytest.raises(EOFError):
        theirs.receive()
    theirs.close()


def test_half_a_message_is_the_end_and_no_message() -> None:
    ours, theirs = socket.socketpair()
    line = Line(theirs)
    ours.sendall(packed("a message")[:-1])
    ours.close()
    with pytest.raises(EOFError):
        line.receive()
    line.close()


def test_a_loop_receives_what_a_line_sends() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        line = Line(theirs)
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours)
        line.send([1, 2])
        assert await receive(reader) == [1, 2]
        line.close()
        with pytest.raises(asyncio.IncompleteReadError):
            await receive(reader)
        writer.close()
        await writer.wait_closed()

    asyncio.run(run())
