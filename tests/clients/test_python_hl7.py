"""python-hl7's MLLP clients (PyPI `hl7`) against the simulator: thousands of patients, none lost, none twice."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hl7.client import MLLPClient
from hl7.mllp import open_hl7_connection

from mockehr.testing.world import TestSite, World

MANY = 10_000
SOME = 1_000
CONNECTIONS = 8
PATIENCE = 0.05


def admission(number: int) -> str:
    return (
        f"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A01^ADT_A01|C{number}|P|2.5.1||||||UNICODE UTF-8\r"
        f"EVN|A01|20260105120000\rPID|1||{number}^^^WARD^MR||Müller{number}^Zoë||19800304|F\r"
        f"PV1|1|I|3W^301^1||||||||||||||||V{number}\r"
    )


def values(resource: dict[str, Any]) -> list[str]:
    return [identifier["value"] for identifier in resource["identifier"]]


def applied(site: TestSite) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How often each control id stands in the journal, each record number and each visit number in the store."""
    controls = Counter(str(entry.notes["control_id"]) for entry in site.journal(channel="mllp-in"))
    patients, visits = (
        Counter(value for record in site._call(site.site.store.overlay, kind) for value in values(record.document))
        for kind in ("Patient", "Encounter")
    )
    return controls, patients, visits


def once(prefix: str, count: int) -> dict[str, int]:
    return {f"{prefix}{number}": 1 for number in range(count)}


def spread(count: int, send: Callable[[int, Any, Any], Any], port: int) -> None:
    """`send(number, reader, writer)` for all numbers, over several connections at a time."""

    async def share(first: int) -> None:
        reader, writer = await open_hl7_connection("127.0.0.1", port, encoding="utf-8")
        for number in range(first, count, CONNECTIONS):
            await send(number, reader, writer)
        writer.close()
        await writer.wait_closed()

    async def all_of_them() -> None:
        async with asyncio.timeout(60):
            await asyncio.gather(*(share(first) for first in range(CONNECTIONS)))

    asyncio.run(all_of_them())


@pytest.mark.slow
def test_ten_thousand_messages_of_the_asyncio_client_arrive_once_each(mockehr: World, mockehr_mllp: Any) -> None:
    site = mockehr.site(open_access=True)

    async def send(number: int, reader: Any, writer: Any) -> None:
        writer.writeblock(admission(number).encode())
        await writer.drain()
        block = await reader.readblock()
        assert f"\rMSA|AA|C{number}\r".encode() in block

    spread(MANY, send, mockehr_mllp(site)[1])
    assert applied(site) == (once("C", MANY), once("", MANY), once("V", MANY))


@pytest.mark.slow
def test_ten_thousand_messages_of_the_blocking_client_arrive_once_each(mockehr: World, mockehr_mllp: Any) -> None:
    site = mockehr.site(open_access=True)
    with MLLPClient(*mockehr_mllp(site)) as client:
        for number in range(MANY):
            answer = client.send_message(admission(number))
            assert f"\rMSA|AA|C{number}\r".encode() in answer
    assert applied(site) == (once("C", MANY), once("", MANY), once("V", MANY))


def test_the_asyncio_client_reads_our_acknowledgements_as_messages(mockehr: World, mockehr_mllp: Any) -> None:
    site = mockehr.site(open_access=True)

    async def send(number: int, reader: Any, writer: Any) -> None:
        import hl7

        writer.writemessage(hl7.parse(admission(number)))
        await writer.drain()
        ack = await reader.readmessage()
        assert (str(ack["MSA.F1"]), str(ack["MSA.F2"])) == ("AA", f"C{number}")

    spread(3 * CONNECTIONS, send, mockehr_mllp(site)[1])
    assert applied(site)[1] == once("", 3 * CONNECTIONS)


class Insistent:
    """A small loop around the blocking client that sends until the acknowledgement of that very message comes."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._client: MLLPClient | None = None
        self.lost = self.strays = self.tries = 0

    def send(self, number: int) -> None:
        for _ in range(20):
            self.tries += 1
            try:
                if self._client is None:
                    self._client = MLLPClient(*self._address)
                    self._client.socket.settimeout(PATIENCE)
                answer = self._client.send_message(admission(number))
                if f"\rMSA|AA|C{number}\r".encode() in answer:
                    return
                self.strays += 1
            except OSError:  # a time-out, or a reset
                self.lost += 1
            self.close()
        raise AssertionError(f"message {number} was not acknowledged in twenty tries")

    def close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.socket.shutdown(socket.SHUT_RDWR)
            self._client.close()
            self._client = None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quirk", "settings", "every"),
    [("ack-late", {"delay": "120ms"}, 40), ("reset", {"at": "before"}, 10), ("reset", {"at": "midway"}, 10)],
)
def test_who_sends_again_after_trouble_loses_nobody_and_doubles_nobody(
    mockehr: World, mockehr_mllp: Any, quirk: str, settings: dict[str, str], every: int
) -> None:
    site = mockehr.site(open_access=True)
    site.quirk(quirk, when={"every": every}, where={"channel": "mllp-in"}, **settings)
    client = Insistent(*mockehr_mllp(site))
    for number in range(SOME):
        client.send(number)
    client.close()
    controls, patients, visits = applied(site)
    # The client takes what it reads first for the whole answer, half of one included: that of a reset midway.
    troubled = client.strays if settings.get("at") == "midway" else client.lost
    assert troubled >= SOME // every
    assert set(controls) == set(once("C", SOME))
    assert controls.total() == client.tries == SOME + client.lost + client.strays
    assert patients == once("", SOME)
    assert visits == once("V", SOME)
