"""Every quirk of HL7 links and messages through real sockets: what the peer sees with it and not without it."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from mockehr.edge.mllp import MllpServer
from mockehr.edge.mllp_site import listen_for
from mockehr.quirks.rule import quirks
from mockehr.sites.links import Link
from mockehr.testing.world import TestSite, World

WAIT = 30
SUBJECT = {"reference": "Patient/a"}
ERIKA = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "00042"}, {"system": "urn:oid:1.2.4", "value": "E7"}],
    "name": [{"family": "Müller", "given": ["Zoë"]}],
    "birthDate": "1980-03-04",
    "gender": "female",
}
MAX = {"resourceType": "Patient", "id": "b", "identifier": [{"system": "urn:oid:1.2.3", "value": "43"}]}
SUGAR = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}]},
    "subject": SUBJECT,
    "valueQuantity": {"value": 5.1, "unit": "mg/dL"},
}
NOTE = {**SUGAR, "id": "n", "code": {"text": "Comment"}, "valueString": "Salt & pepper\n\nsecond"}
del NOTE["valueQuantity"]
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r",
    "status": "final",
    "code": {"text": "Panel"},
    "subject": SUBJECT,
    "effectiveDateTime": "2026-01-05T11:00:00Z",
    "result": [{"reference": "Observation/o"}, {"reference": "Observation/n"}],
}
LAST = {"resourceType": "Patient", "id": "z", "name": [{"family": "Last"}]}
HEAD = re.compile(rb"MSH(.)(.)[^\r\n]*?(?=[\r\n])")


class Peer:
    """Whoever receives the feed: keeps every octet, and acknowledges every header that it can find in them."""

    def __init__(self) -> None:
        self.raw = b""
        self.chunks: list[bytes] = []
        self.connections = 0
        self._news = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def wait(self, done: Callable[[Peer], bool]) -> bool:
        """Whether it came true in time."""
        with self._news:
            return self._news.wait_for(lambda: done(self), WAIT)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(WAIT)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        own, answered = b"", 0
        with connection:
            while True:
                try:
                    chunk = connection.recv(65536)
                except OSError:
                    chunk = b""
                if not chunk:
                    break
                own += chunk
                with self._news:
                    self.raw += chunk
                    self.chunks.append(chunk)
                    self._news.notify_all()
                heads = [found[0].split(found[1]) for found in HEAD.finditer(own)]
                for fields in heads[answered:]:
                    bar = fields[0].join((b"",)) or b"|"
                    name = fields[9] if len(fields) > 9 else b""
                    reply = b"MSH|^~\\&|P|P|S|S|20260105||ACK|1|P|2.3\rMSA|AA|" + name + b"\r"
                    with suppress(OSError):  # the site may have hung up by now
                        connection.sendall(b"\x0b" + reply.replace(b"|", bar[:1] or b"|") + b"\x1c\r")
                answered = len(heads)
        with self._news:
            self._news.notify_all()


@dataclass
class Wire:
    site: TestSite
    hl7: MllpServer
    peer: Peer
    replies: bytes = b""
    reads: list[bytes] = field(default_factory=list)
    closed: bool = False

    def tell(self) -> None:
        """Four changes over the feed: two persons, a report, a merge, and one more person at the end."""

        def write(document: dict[str, Any], kind: Any = "create", event: str = "") -> None:
            self.site.site.store.commit(document, kind=kind, source="control", event=event)

        def all_of_it() -> None:
            for document in (ERIKA, MAX, SUGAR, NOTE, REPORT):
                write(document)
            back = {"other": {"reference": "Patient/a"}, "type": "replaced-by"}
            write({**MAX, "active": False, "link": [back]}, "update", "-")
            forth = {"other": {"reference": "Patient/b"}, "type": "replaces"}
            write({**ERIKA, "link": [forth]}, "update", "ADT^A40")
            write(LAST)

        self.site._call(all_of_it)

    def ask(self, done: Callable[[Wire], bool]) -> None:
        """Two admissions over one connection, read until it is enough, closed or silent."""
        with socket.create_connection(("127.0.0.1", self.hl7.port), timeout=WAIT) as connection:
            connection.sendall(admission("A1") + admission("A2"))
            while not done(self):
                try:
                    part = connection.recv(65536)
                except ConnectionResetError:
                    part = b""
                if not part:
                    self.closed = True
                    return
                self.replies += part
                self.reads.append(part)


def admission(id: str) -> bytes:
    text = (
        f"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A28|{id}|P|2.5.1\rEVN|A28|20260105120000\r"
        f"PID|1||9{id}^^^WARD^MR||Muster^Erika||19800304|F\r"
    )
    return b"\x0b" + text.encode() + b"\x1c\r"


@pytest.fixture
def wire(mockehr: World) -> Iterator[Wire]:
    site, peer = mockehr.site(patients=0), Peer()
    server = listen_for(site.site)
    mockehr._server.threaded.run(server.start())
    site._call(lambda: site.site.links.add(Link("lab", "127.0.0.1", peer.port)))
    yield Wire(site, server, peer)
    site._call(lambda: site.site.links.remove("lab"))
    mockehr._server.threaded.run(server.stop())
    peer.close()


Sign = Callable[[bytes], bool]


def has(octets: bytes, times: int = 1) -> Sign:
    return lambda raw: raw.count(octets) >= times


FED: dict[str, tuple[dict[str, Any], Callable[[Peer], bool]]] = {
    "segment-ends": ({}, lambda peer: b"\nPID|" in peer.raw),
    "wrong-charset": ({}, lambda peer: b"M\xfcller" in peer.raw),
    "odd-delimiters": ({}, lambda peer: b"MSH$*~\\@$" in peer.raw),
    "escape-variants": ({}, lambda peer: b"Salt & pepper" in peer.raw),
    "z-segments": ({}, lambda peer: b"\rZPD|" in peer.raw),
    "local-codes": ({}, lambda peer: b"|GLUCOS^Glucose^L|" in peer.raw),
    "wrong-types": ({}, lambda peer: b"|NM|2345-7^Glucose^LN||<5.1|" in peer.raw),
    "explicit-nulls": ({}, lambda peer: b'PID|1|""|' in peer.raw),
    "odd-header": ({}, lambda peer: b"|ADT^A28^ADT_A28|" in peer.raw),
    "reused-control-id": ({}, lambda peer: peer.raw.count(b"|11D0000000|") > 1),
    "odd-dates": ({}, lambda peer: b"|19800304000000-0500|" in peer.raw),
    "identifier-layout": ({}, lambda peer: b"|E7^^^&1.2.4&ISO^MR~00042^" in peer.raw),
    "name-forms": ({}, lambda peer: b"|^^^^^^L~M" in peer.raw),
    "result-status": ({"form": "withdrawn"}, lambda peer: b"|||||D" in peer.raw),
    "report-lines": ({"form": "repetitions"}, lambda peer: b"pepper~~second" in peer.raw),
    "long-document": ({"kilobytes": 300}, lambda peer: len(peer.raw) > 300_000),
    "missing-segments": ({"pseudo_visit": True}, lambda peer: b"\rPV1||N\r" in peer.raw),
    "odd-fields": ({}, lambda peer: b"PID| 1  |" in peer.raw),
    "sequence-gap": ({}, lambda peer: b"|P|2.5.1|10|" in peer.raw),
    "update-storm": ({"times": 3}, lambda peer: b"|1U3|" in peer.raw),
    "odd-merge": ({"form": "itself"}, lambda peer: b"\rMRG|00042^" in peer.raw),
    "duplicate-message": ({}, lambda peer: peer.raw.count(b"|ADT^A28^ADT_A05|1|") == 2),
    "reordered-message": ({}, lambda peer: 0 < peer.raw.find(b"|2|P|") < peer.raw.find(b"|1|P|")),
    "lost-message": ({}, lambda peer: b"|2|P|" in peer.raw and b"|1|P|" not in peer.raw),
}
"""With which settings, and what the receiver of a feed sees."""
ANSWERED: dict[str, tuple[dict[str, Any], Callable[[Wire], bool]]] = {
    "ack-late": ({"delay": "10ms"}, lambda wire: wire.replies.find(b"|A2\r") < wire.replies.find(b"|A1\r")),
    "ack-wrong-id": ({}, lambda wire: b"MSA|AA|UNKNOWN\r" in wire.replies),
    "ack-missing": ({}, lambda wire: b"|A2\r" in wire.replies and b"|A1\r" not in wire.replies),
    "ack-negative": ({"code": "AR", "error": 206}, lambda wire: b"MSA|AR|A1|" in wire.replies),
    "ack-duplicate": ({}, lambda wire: wire.replies.count(b"MSA|AA|A1\r") == 2),
    "ack-malformed": ({"form": "words"}, lambda wire: b"\x0bfail\x1c\r" in wire.replies),
    "ack-level": ({}, lambda wire: b"MSA|CA|A1\r" in wire.replies),
    "ack-reordered": ({}, lambda wire: 0 < wire.replies.find(b"|A2\r") < wire.replies.find(b"|A1\r")),
    "nak-octet": ({}, lambda wire: b"\x0b\x15\x1c\r" in wire.replies),
    "link-cut": ({}, lambda wire: wire.closed and not wire.replies),
    "broken-frame": ({"form": "double-start"}, lambda wire: b"\x0b\x0bMSH" in wire.replies),
    "slow-link": ({"octets": 40, "pause": "5ms"}, lambda wire: len(wire.reads) > 2),
}
"""With which settings, and what a sender sees of the answers to A1 and A2."""


def test_every_hl7_quirk_has_a_case_on_the_wire() -> None:
    ours = {name for name, quirk in quirks().items() if quirk.about.family in ("hl7", "message")}
    assert set(FED) | set(ANSWERED) | {"link-stalls", "odd-batch"} == ours  # files: tests/edge/test_drop_folder.py


@pytest.mark.parametrize("armed", [True, False], ids=["armed", "calm"])
@pytest.mark.parametrize("name", list(FED))
def test_a_receiver_sees_what_the_quirk_promises_and_nothing_without_it(name: str, armed: bool, wire: Wire) -> None:
    settings, sign = FED[name]
    if armed:
        when = {"first": 1} if name in ("reordered-message", "lost-message") else {}
        wire.site.quirk(name, where={"channel": "mllp-out"}, when=when, **settings)
    wire.tell()
    if armed:
        assert wire.peer.wait(sign), wire.peer.raw[-2000:]
        assert any(d.outcome == "fired" for e in wire.site.journal(quirk=name) for d in e.decisions)
    else:
        assert wire.peer.wait(lambda peer: b"|Last" in peer.raw)
        assert not sign(wire.peer)


@pytest.mark.parametrize("armed", [True, False], ids=["armed", "calm"])
@pytest.mark.parametrize("name", list(ANSWERED))
def test_a_sender_sees_what_the_quirk_promises_and_nothing_without_it(name: str, armed: bool, wire: Wire) -> None:
    settings, sign = ANSWERED[name]
    if armed:
        when = {} if name == "ack-reordered" else {"first": 1}
        wire.site.quirk(name, where={"channel": "mllp-in"}, when=when, **settings)
    both = [b"|A1\r", b"|A2\r"]
    wire.ask(lambda wire: sign(wire) if armed else all(one in wire.replies for one in both))
    assert sign(wire) is armed
    assert bool(wire.site.journal(quirk=name)) is armed


def test_a_stalled_link_takes_nothing_more_and_stays_open(wire: Wire) -> None:
    wire.site.quirk("link-stalls", when={"first": 1})
    with socket.create_connection(("127.0.0.1", wire.hl7.port), timeout=0.3) as connection:
        connection.sendall(admission("A1"))
        with pytest.raises(TimeoutError):
            connection.recv(100)
        connection.sendall(admission("A2"))
        with pytest.raises(TimeoutError):
            connection.recv(100)
    wire.ask(lambda wire: b"|A2\r" in wire.replies)
    assert b"MSA|AA|A1\r" in wire.replies
