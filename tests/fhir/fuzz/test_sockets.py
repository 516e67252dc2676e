"""Spoiled octets over real sockets: the server answers or closes, never says 5xx, and goes on serving."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

import pytest

from mockehr.core.chance import Stream
from mockehr.testing.world import World

CONNECTIONS: Final = 500
PATIENCE: Final = 10.0
BODY: Final = b'{"resourceType":"Patient"}'
FRAMES: Final = (
    b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY),
    b"content-length: 5\r\ncontent-length: 7\r\n\r\nhello",
    b"content-length: -1\r\n\r\n",
    b"content-length: 99999999999999999999\r\n\r\nx",
    b"content-length: 34000000\r\n\r\nx",
    b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n1a\r\n%s\r\n0\r\n\r\n" % BODY,
    b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"transfer-encoding: gzip\r\n\r\n",
    b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
    b"expect: 100-continue\r\ncontent-length: 26\r\n\r\n%s" % BODY,
    b"expect: something\r\n\r\n",
    b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    b"x" * 3000 + b": y\r\n\r\n",
    b"x: \xff\xfe\x01\r\n\r\n",
    b" folded: x\r\n\r\n",
    b"no colon\r\n\r\n",
    b": nothing\r\n\r\n",
    b"\r\n",
    b"\n\n",
    b"",
)
TARGETS: Final = (
    b"/Patient",
    b"/Patient/%00",
    b"/Patient/%ff",
    b"/%2e%2e/x",
    b"/Patient?a=%",
    b"/Patient#x",
    b"//Patient//1",
    b"",
    b"*",
    b"/" + b"a" * 5000,
)
METHODS: Final = (
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"OPTIONS",
    b"DELETE",
    b"BREW",
    b"CONNECT",
    b"get",
    b"",
    b"\xff",
    b"PRI",
)
VERSIONS: Final = (b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"", b"http/1.1")


def octets(stream: Stream, path: bytes, host: bytes) -> bytes:
    """One request, spoiled or not; sometimes two in a row, sometimes cut."""
    line = b"%s %s%s %s\r\n" % (stream.choice(METHODS), path, stream.choice(TARGETS), stream.choice(VERSIONS))
    made = line + b"host: " + host + b"\r\ncontent-type: application/fhir+json\r\n" + stream.choice(FRAMES)
    if stream.chance(0.2):
        place = stream.below(len(made))
        made = made[:place] + stream.token(stream.between(1, 8)) + made[place + stream.below(4) :]
    return made * 2 if stream.chance(0.1) else made[: stream.below(len(made))] if stream.chance(0.1) else made


def answered(address: tuple[str, int], sent: bytes) -> bytes:
    """What comes back until the server closes, or has nothing more to say to a client that has ended."""
    got = b""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                got += part
        except (ConnectionResetError, BrokenPipeError):
            pass  # closed before all was sent: a refusal as well
    return got


@pytest.mark.mockehr(vendor="generic", patients=2, open_access=True)
def test_no_octets_break_a_server(mockehr: World, grammar: Callable[..., Any]) -> None:
    site = mockehr.site()
    host, _, path = site.fhir_url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    statuses = []
    for number in range(CONNECTIONS):
        sent = octets(grammar("sockets", number).pick, f"/{path}".encode(), host.encode())
        got = answered((name, int(port)), sent)
        if got:
            assert got.startswith(b"HTTP/1.1 "), (number, sent, got[:300])
            assert got[9:10] in b"1234", (number, sent, got[:300])
            statuses.append(got[9:12])
    assert len(statuses) > CONNECTIONS // 2
    assert len(set(statuses)) > 3
    plain = b"GET /%s/metadata HTTP/1.1\r\nhost: x\r\n\r\n" % path.encode()
    assert answered((name, int(port)), plain).startswith(b"HTTP/1.1 200 ")
