"""HL7 out: one sender for each link that has something to say, fed in order by its site's links."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import Exchange
from mockehr.edge.mllp_manner import Manner
from mockehr.edge.mllp_sender import MllpSender, Outcome, Sending
from mockehr.edge.mllp_socket import KeepAlive, pause
from mockehr.edge.mllp_tls import Contexts
from mockehr.hl7.header import NotHL7, read_header
from mockehr.sites.feeds import Link, Mishap, awaited
from mockehr.sites.site import Site

Key = tuple[str, str]
UNMATCHABLE: Final = "it has no MSH that an answer could be matched with"


class Feeds:
    """The senders of one server, by site and link. All of it runs in the server's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.contexts = Contexts()
        self._senders: dict[Key, tuple[Link, MllpSender]] = {}
        self._draining: dict[Key, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def attach(self, site: Site) -> None:
        """Look after the links of a site from now on."""
        site.links.hang_up = lambda link: self.hang_up(site, link)

    def detach(self, site: Site) -> None:
        """A site has left: close its connections."""
        for link in site.links.links.values():
            self.hang_up(site, link)

    def tend(self, site: Site) -> None:
        """Begin to send wherever something waits; call as often as something may have changed."""
        for link in site.links.links.values():
            if link.inner:
                continue
            key = (site.name, link.name)
            waits = link.connection.role == "wait" and key not in self._senders
            may = link.ready and not link.stopped and not link.resting
            if (may or waits) and key not in self._draining and not (link.batch and link.batch.folder):
                task = self._draining[key] = self._loop.create_task(self._drain(site, link))
                task.add_done_callback(lambda _, key=key: self._draining.pop(key, None))  # type: ignore[misc]

    def hang_up(self, site: Site, link: Link) -> None:
        """Close the connection of a link; the next message makes it anew."""
        found = self._senders.pop((site.name, link.name), None)
        if found is not None:
            task = self._loop.create_task(found[1].close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def stop(self, patience: float) -> None:
        """Wait a little for messages under way, then close all connections."""
        tasks = list(self._draining.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.gather(*self._closing, *(sender.close() for _, sender in self._senders.values()))
        self._senders.clear()
        self.contexts.close()

    async def _drain(self, site: Site, link: Link) -> None:
        """Send what may go, `window` at a time, until nothing is left or the link has to wait."""
        flying: set[asyncio.Task[None]] = set()
        try:
            sender = await self._sender(site, link)
            while True:
                while len(flying) < link.connection.window and (taken := site.links.take(link)):
                    flying.add(self._loop.create_task(self._send(site, link, sender, taken)))
                if not flying:
                    return
                done, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        except EnvironmentProblem as problem:
            site.links.stop(link, problem.what)
        finally:
            for task in flying:
                task.cancel()

    async def _sender(self, site: Site, link: Link) -> MllpSender:
        key = (site.name, link.name)
        found = self._senders.get(key)
        if found is not None and found[0] is link:
            return found[1]
        tls = link.connection.tls
        waits = link.connection.role == "wait"
        context = self.contexts.server(tls) if waits else self.contexts.client(tls)
        acks = self.contexts.server(tls) if link.connection.ack_port is not None else None
        name = (tls.server_name or None) if tls is not None and not waits else None
        sender = MllpSender(link.host, link.port, sending(site, link), ssl=context, server_name=name, ack_ssl=acks)
        await sender.start()
        self._senders[key] = (link, sender)
        link.bound, link.ack_bound = sender.port, sender.ack_port or 0
        return sender

    async def _send(self, site: Site, link: Link, sender: MllpSender, taken: Sequence[Exchange]) -> None:
        delay = sum(one.effects.arrival_delay for one in taken if one.effects is not None)
        if delay:
            await pause(site.clock.wait_for(site.clock.now() + delay) or 0.0)
        messages = [(one.body, Manner.of(one.effects)) for one in taken]
        reason = ""
        try:
            expect = any(awaited(read_header(body)) != "nothing" for body, _ in messages)
            outcomes = await sender.send_together(messages, expect_ack=expect)
        except NotHL7:
            reason = UNMATCHABLE
            outcomes = await sender.send_together(messages, expect_ack=False)
        for exchange, outcome in zip(taken, outcomes, strict=True):
            mishap: Mishap | None = "AE" if reason and not outcome.error else _mishap(outcome)
            site.links.settle(
                link, exchange, code=outcome.code, matched=outcome.matched, ack=outcome.ack,
                error=outcome.error or reason, mishap=mishap,
            )  # fmt: skip


def sending(site: Site, link: Link) -> Sending:
    """How a link's messages are sent, where it says nothing as its dialect has it."""
    dialect, told = link.dialect or site.dialect, link.connection
    both = dialect.accept_condition in ("AL", "SU", "ER") and dialect.application_condition in ("AL", "SU")
    return Sending(
        timeout=dialect.sending.timeout if told.timeout is None else told.timeout,
        connect_timeout=told.connect_timeout,
        window=told.window,
        await_application=both if told.await_application is None else told.await_application,
        role=told.role,
        persistent=dialect.sending.keep_open if told.persistent is None else told.persistent,
        release=told.release,
        ack_port=told.ack_port,
        keep_alive=KeepAlive.after(told.keep_alive),
    )


def _mishap(outcome: Outcome) -> Mishap | None:
    """How there was no answer; None if there was one."""
    if not outcome.error or outcome.code:
        return None
    return "timeout" if outcome.error.startswith("no acknowledgement") else "lost"
