"""Links and listeners over real sockets, site to site and against peers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.config.settings import SiteConfig
from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import Exchange
from mockehr.edge.mllp import MllpSender, MllpServer, Peer, Reaction, Reception, Sending
from mockehr.edge.mllp_manner import Manner
from mockehr.edge.server import Server
from mockehr.hl7.ack import acknowledge
from mockehr.hl7.frame import frame
from mockehr.hl7.header import read_header
from mockehr.sites.build import build_site
from mockehr.sites.configured import build_configured
from mockehr.sites.directory import Directory
from mockehr.sites.feeds import Connection, Link, Policy, Tls
from mockehr.sites.links import Links
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

HOST = "127.0.0.1"
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "9"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
}


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(20):
            await work()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left

    asyncio.run(whole())


def made(text: str = "", name: str = "a") -> Site:
    source = f"name: {name}\npatients: 0\nclock: stepped\n{text}"
    return build_configured(validate(SiteConfig, load_text(source, source="s.yaml")), seed=7)


def write(site: Site, count: int = 1) -> None:
    for _ in range(count):
        kind: Any = "update" if site.store.read("Patient", "a") else "create"
        year = 1980 + len(site.log.changes)  # each tells something new
        site.store.commit({**PATIENT, "birthDate": f"{year}-03-04"}, kind=kind, source="control")


def settled(links: Links, count: int) -> Awaitable[list[Exchange]]:
    """The next messages of that number that are answered, or not."""
    done: asyncio.Future[list[Exchange]] = asyncio.get_running_loop().create_future()
    heard: list[Exchange] = []

    def hear(_: Link, exchange: Exchange) -> None:
        heard.append(exchange)
        if len(heard) == count and not done.done():
            done.set_result(heard)

    links.settled = hear
    return done


async def until(so: Callable[[], bool]) -> None:
    """Let the loop turn until it is so."""
    turn = asyncio.Event()
    while not so():
        turn.clear()
        asyncio.get_running_loop().call_soon(turn.set)
        await turn.wait()


def serving(*sites: Site) -> Server:
    directory = Directory()
    for site in sites:
        directory.add(site)
    return Server(directory)


class Recorder:
    """A peer that answers as it is told, message by message, and then AA."""

    def __init__(self, *codes: Any) -> None:
        self.codes = list(codes)
        self.bodies: list[bytes] = []

    def __call__(self, payload: bytes, peer: Peer) -> Reaction | tuple[Reaction, ...]:
        self.bodies.append(payload)
        code = self.codes.pop(0) if self.codes else "AA"
        if callable(code):
            return code(payload)  # type: ignore[no-any-return]
        return Reaction(acknowledge(payload, code, at=0, control_id="X") if code else None)


async def peer(handler: Any, **more: Any) -> MllpServer:
    server = MllpServer(HOST, 0, handler, Reception(**more))
    await server.start()
    return server


@pytest.mark.parametrize("release", [1, 2])
@pytest.mark.parametrize("tls", ["null", "test"])
def test_one_site_feeds_another(release: int, tls: str) -> None:
    async def work() -> None:
        receiving = made(f"hl7: {{listen: [{{name: adt, release: {release}, tls: {tls}}}]}}", "b")
        site = made()
        async with serving(site, receiving) as server:
            (listener,) = await server.listen_all(receiving)
            security = Tls(test=True) if tls == "test" else None
            connection = Connection(release=release, tls=security)  # type: ignore[arg-type]
            site.links.add(Link("lab", HOST, listener.port, connection=connection))
            answered = settled(site.links, 3)
            write(site, 3)
            assert [one.notes["ack"] for one in await answered] == ["AA"] * 3
        assert [one.path for one in receiving.journal] == ["/adt"] * 3
        assert len(receiving.log.changes) == 3

    run(work)


def test_a_site_can_be_dialled_by_whoever_takes_its_messages() -> None:
    async def work() -> None:
        site = made("hl7: {links: [{name: lab, role: wait, port: 0}]}")
        async with serving(site) as server:
            link = site.links.get("lab")
            site.links.wake()
            await until(lambda: bool(link.bound))
            receiving = made(f"hl7: {{listen: [{{name: in, dial: '{HOST}:{link.bound}'}}]}}", "b")
            server.admit(receiving)
            await server.listen_all(receiving)
            answered = settled(site.links, 2)
            write(site, 2)
            assert [one.notes["ack"] for one in await answered] == ["AA"] * 2
        assert len(receiving.log.changes) == 2

    run(work)


def test_a_refused_message_and_a_lost_one_are_tried_again_in_order_with_the_same_octets() -> None:
    async def work() -> None:
        recorder = Recorder("AE", lambda _: Reaction(None, manner=Manner(lost=True)))
        far = await peer(recorder)
        site = made(f"hl7: {{links: [{{name: lab, port: {far.port}, on: {{AE: retry}}}}]}}")
        async with serving(site):
            for _ in range(2):
                answered = settled(site.links, 1)
                write(site) if not recorder.bodies else site.clock.advance(5)
                await answered
            write(site)
            answered = settled(site.links, 2)
            site.clock.advance(5)
            site.links.wake()
            assert [one.notes.get("attempt", 1) for one in await answered] == [3, 1]
        await far.stop()
        assert recorder.bodies[0] == recorder.bodies[1] == recorder.bodies[2]
        assert [read_header(body).control_id for body in recorder.bodies] == ["1", "1", "1", "2"]
        link = site.links.get("lab")
        assert (link.acknowledged, link.retried, link.failed) == (2, 2, 0)

    run(work)


def test_nobody_there_is_told_as_lost_and_silence_as_a_time_out() -> None:
    async def work() -> None:
        far = await peer(Recorder(""))
        site = made()
        policy = Policy(deeds={"timeout": "skip", "lost": "park"})
        async with serving(site):
            site.links.add(Link("silent", HOST, far.port, policy=policy, connection=Connection(timeout=0.05)))
            answered = settled(site.links, 1)
            write(site)
            (first,) = await answered
            assert (first.notes["then"], "no acknowledgement" in first.notes["failure"]) == ("skip", True)
            await far.stop()
            answered = settled(site.links, 1)
            write(site)
            (second,) = await answered
            assert (second.notes["then"], len(site.links.parking)) == ("park", 1)

    run(work)


def test_an_accept_acknowledgement_is_not_the_answer_where_the_application_s_is_wanted() -> None:
    async def work() -> None:
        def both(payload: bytes) -> tuple[Reaction, ...]:
            return tuple(Reaction(acknowledge(payload, code, at=0, control_id=code)) for code in ("CA", "AE"))  # type: ignore[arg-type]

        far = await peer(Recorder(both, both))
        text = "hl7: {{links: [{{name: lab, port: {0}, on: {{AE: skip}}, settings: {1}}}]}}"
        for settings, expected in (
            ("{accept_condition: AL, application_condition: AL}", "AE"),
            ("{accept_condition: AL, application_condition: NE}", "CA"),
        ):
            site = made(text.format(far.port, settings))
            async with serving(site):
                answered = settled(site.links, 1)
                write(site)
                (message,) = await answered
            assert message.notes["ack"] == expected
            assert b"|AL|" in message.body.split(b"\r")[0]
        await far.stop()

    run(work)


def test_acknowledgements_may_come_over_a_second_connection() -> None:
    async def work() -> None:
        writers: list[asyncio.StreamWriter] = []

        def elsewhere(payload: bytes) -> Reaction:
            writers[0].write(frame(acknowledge(payload, "AA", at=0, control_id="X")))
            return Reaction(None)

        far = await peer(Recorder(elsewhere, elsewhere))
        site = made(f"hl7: {{links: [{{name: lab, port: {far.port}, ack_port: 0, timeout: 5s}}]}}")
        async with serving(site):
            link = site.links.get("lab")
            site.links.stop(link)
            write(site, 2)
            link.stopped = ""
            answered = settled(site.links, 2)
            link.pause = lambda: None  # until the peer is there
            site.links.wake()
            await until(lambda: bool(link.ack_bound))
            _, writer = await asyncio.open_connection(HOST, link.ack_bound)
            writers.append(writer)
            site.links.flush(link)
            assert [one.notes["ack"] for one in await answered] == ["AA", "AA"]
            writer.close()
        await far.stop()

    run(work)


def test_what_wants_no_answer_is_not_waited_for() -> None:
    async def work() -> None:
        far = await peer(Recorder("", ""))
        settings = "{accept_condition: NE, application_condition: NE}"
        site = made(f"hl7: {{links: [{{name: lab, port: {far.port}, settings: {settings}}}]}}")
        async with serving(site):
            answered = settled(site.links, 2)
            write(site, 2)
            await answered
        await far.stop()
        assert site.links.get("lab").acknowledged == 2

    run(work)


def test_several_may_be_under_way_at_a_time_and_packed_ones_leave_together() -> None:
    async def work() -> None:
        recorder = Recorder()
        far = await peer(recorder)
        site = made()
        async with serving(site):
            link = site.links.add(Link("lab", HOST, far.port, connection=Connection(window=4)))
            answered = settled(site.links, 12)
            write(site, 12)
            link.ready[0].effect().packed = True
            await answered
        await far.stop()
        assert [read_header(body).control_id for body in recorder.bodies] == [str(n) for n in range(1, 13)]
        assert (link.acknowledged, link.in_flight) == (12, 0)

    run(work)


def test_a_site_that_is_built_anew_sends_what_was_never_answered(tmp_path: Path) -> None:
    def on_disk() -> Site:
        return build_site(SiteOptions("a", stepped=True, open_access=True, store=f"sqlite:{tmp_path}"))

    async def work() -> None:
        recorder = Recorder("AA", "")
        far = await peer(recorder)
        site = on_disk()
        async with serving(site):
            site.links.add(Link("lab", HOST, far.port, connection=Connection(timeout=0.05)))
            answered = settled(site.links, 2)
            write(site, 4)
            await answered
        site.close()
        later = on_disk()
        async with serving(later):
            answered = settled(later.links, 3)
            later.links.add(Link("lab", HOST, far.port))
            await answered
        later.close()
        await far.stop()
        assert [read_header(body).control_id for body in recorder.bodies] == ["1", "2", "2", "3", "4"]

    run(work)


def test_several_ports_of_one_site_take_what_each_is_for() -> None:
    async def work() -> None:
        site = made("hl7: {listen: [{name: adt, messages: ADT^*, max_connections: 1}, {name: oru, messages: ORU^*}]}")
        body = (
            b"MSH|^~\\&|A|B|C|D|20260105||ADT^A28|M1|P|2.5.1\rEVN|A28|20260105\r"
            b"PID|1||90001^^^WARD^MR||Muster^Erika\r"
        )
        async with serving(site) as server:
            receivers = await server.listen_all(site)
            codes = []
            for receiver in receivers:
                sender = MllpSender(HOST, receiver.port, Sending(timeout=5))
                codes.append((await sender.send(body)).code)
                assert site.listeners.drop_connections("adt") == (1 if receiver is receivers[0] else 0)
                await sender.close()
            told = site.listeners.status()
            assert [(one["listener"], one["port"]) for one in told] == [
                ("adt", receivers[0].port), ("oru", receivers[1].port),
            ]  # fmt: skip
        assert codes == ["AA", "AR"]
        assert site.listeners.open == []

    run(work)


def test_a_site_that_leaves_closes_its_connections() -> None:
    async def work() -> None:
        far = await peer(Recorder())
        site = made(f"hl7: {{links: [{{name: lab, port: {far.port}}}]}}")
        async with serving(site) as server:
            answered = settled(site.links, 1)
            write(site)
            await answered
            assert far.connections == 1
            server.directory.remove("a")
            await until(lambda: far.connections == 0)
        await far.stop()

    run(work)


def test_a_port_that_is_taken_stops_the_link_that_waits_there_and_says_so() -> None:
    async def work() -> None:
        far = await peer(Recorder())
        site = made(f"hl7: {{links: [{{name: lab, role: wait, port: {far.port}}}]}}")
        async with serving(site):
            write(site)
            await until(lambda: bool(site.links.get("lab").stopped))
        await far.stop()
        assert "Cannot listen" in site.links.get("lab").stopped

    run(work)


def test_certificates_that_are_none_are_refused_when_the_port_is_opened(tmp_path: Path) -> None:
    async def work() -> None:
        (tmp_path / "x.pem").write_text("nothing")
        tls = f"{{certificate: {tmp_path}/x.pem, key: {tmp_path}/x.pem}}"
        site = made(f"hl7: {{listen: [{{name: adt, tls: {tls}}}]}}")
        async with serving(site) as server:
            with pytest.raises(EnvironmentProblem):
                await server.listen_all(site)

    run(work)
