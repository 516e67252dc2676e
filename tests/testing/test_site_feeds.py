"""Feeds in tests: waiting for the receiver under test, and holding it against what it was told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from mockehr.core.errors import UnknownName, VerdictFailed
from mockehr.testing.world import TestSite

pytestmark = pytest.mark.mockehr(stepped=True)


class Peer:
    """A receiver as anybody writes it: takes each message, and (unless it is `mute`) acknowledges it."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.mute = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        for one in (self._listening, *self._connections):
            one.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for one in (self._listening, *self._connections):
            one.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        rest = b""
        while octets := connection.recv(65536):
            *messages, rest = (rest + octets).split(b"\x1c\r")
            for message in messages:
                kind, control_id = message.split(b"\r")[0].split(b"|")[8:10]
                self.taken.append((control_id.decode(), kind[:7].decode()))
                if not self.mute:
                    connection.sendall(b"\x0bMSH|^~\\&|||||1||ACK|1|P|2.5.1\rMSA|AA|" + control_id + b"\r\x1c\r")


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


def messages(taken: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"resourceType": "Message", "id": control_id, "kind": kind} for control_id, kind in taken]


def test_a_feed_is_waited_for_until_its_peer_has_everything(mockehr_site: TestSite, peer: Peer) -> None:
    mockehr_site.feed("lab", peer.port)
    mockehr_site.truth.watch("lab")
    mockehr_site.pathway("chest-pain")
    mockehr_site.advance("3d")
    assert mockehr_site.wait_for_feed("lab") == 0
    assert len(peer.taken) == mockehr_site.site.links.get("lab").acknowledged > 10
    mockehr_site.truth.assert_told("lab", messages(peer.taken), "Message")
    with pytest.raises(VerdictFailed, match="lost: 1"):
        mockehr_site.truth.assert_told("lab", messages(peer.taken[1:]), "Message")


def test_what_waits_for_the_clock_is_counted_and_not_waited_for(mockehr_site: TestSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = int(taken.getsockname()[1])
    mockehr_site.feed("lab", nobody)
    mockehr_site.pathway("chest-pain")
    assert mockehr_site.wait_for_feed("lab") == mockehr_site.site.links.get("lab").number > 0
    with pytest.raises(UnknownName, match="nearest: lab"):
        mockehr_site.wait_for_feed("labb")


def test_a_peer_that_says_nothing_is_named(mockehr_site: TestSite, peer: Peer) -> None:
    peer.mute = True
    mockehr_site.feed("lab", peer.port)
    mockehr_site.pathway("chest-pain")
    with pytest.raises(VerdictFailed, match="lab still waits for its peer: 1 under way"):
        mockehr_site.wait_for_feed("lab", timeout=0.3)


def test_patients_come_at_a_rate_until_it_is_none(mockehr_site: TestSite) -> None:
    mockehr_site.pathways("no-show-clinic", rate="6/h")
    mockehr_site.advance("10h")
    arrived = mockehr_site._control("pathway runs")["arrived"]
    assert arrived > 20
    mockehr_site.pathways(rate="0")
    mockehr_site.advance("10h")
    assert mockehr_site._control("pathway runs")["arrived"] == arrived
