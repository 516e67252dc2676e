"""One of several processes that serve the same sites together. Started by `mockehr.cli.crew`, and ends with it."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import signal
import socket
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockehr.api.control import ControlApi
from mockehr.api.reach import reach_of, refusal, together, told
from mockehr.cli.loop import run_on_best_loop
from mockehr.cli.talk import (
    Answer,
    Ask,
    Brief,
    Built,
    Changed,
    Done,
    Hold,
    Ready,
    Refused,
    Release,
    Run,
    Show,
    Stand,
)  # fmt: skip
from mockehr.control.facade import Control
from mockehr.control.operation import Operation
from mockehr.core.errors import EnvironmentProblem, MockehrError
from mockehr.core.exchange import Exchange
from mockehr.edge.accepting import Shared
from mockehr.edge.server import Server
from mockehr.edge.wire import Line
from mockehr.journal import Journal
from mockehr.sites.commons import Commons, Connections
from mockehr.sites.directory import Directory
from mockehr.sites.standing import stand, standing_of


def main(descriptor: int) -> None:
    """Serve as the process says that holds the other end of that socket, until it says no more or SIGTERM comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to whoever started us too, and it ends us in order
    line = Line(socket.socket(fileno=descriptor))
    try:
        run_on_best_loop(Worker(line, line.receive()).serve())
    except (EOFError, OSError):  # whoever started us is gone before we began
        os._exit(1)


class Worker:
    """Serves the sites, hears what the others say, and asks them what concerns them."""

    def __init__(self, line: Line, brief: Brief) -> None:
        self._line = line
        self._brief = brief
        self._directory = Directory()
        self._control = Control(self._directory)
        self._commons: list[Commons | Connections] = []
        self._asked: dict[int, asyncio.Future[list[Any]]] = {}
        self._last_asked = 0
        self._stop = asyncio.Event()

    async def serve(self) -> None:
        """Build, serve, and end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        server = self._build()
        self._line.send(Built())
        standing: Stand = self._line.receive()
        for name, pickled in standing.sites.items():
            stand(self._directory.get(name), pickle.loads(pickled))
        async with server:
            self._line.send(Ready())
            loop.add_reader(self._line.fileno(), self._hear)
            await self._stop.wait()
            loop.remove_reader(self._line.fileno())
        self._directory.close()
        for commons in self._commons:
            commons.close()

    def _build(self) -> Server:
        brief = self._brief
        sockets = {name: socket.socket(fileno=number) for name, number in brief.sockets.items()}
        for listening in sockets.values():
            listening.setblocking(False)
        connections = Connections(brief.folder, brief.place, brief.places)
        self._commons.append(connections)
        shared = Shared(sockets, connections)
        control = ControlApi(self._directory, token=brief.plan.control_token, calls=self.call)
        server = Server(self._directory, host=brief.plan.host, control=control, shared=shared)
        for site, _ in brief.plan.sites():
            server.admit(site, port=brief.ports.get(site.name))
            self._commons.append(Commons(site, brief.folder))
            if brief.place:
                site.subscriptions.leave_to_others()
        brief.plan.join_peers(self._directory)
        return server

    # what is asked here, over the control API

    async def call(self, op: Operation, site: str, arguments: Mapping[str, Any]) -> Any:
        """See `mockehr.api.control.Calls`."""
        reach = reach_of(op)
        if reach == "here":
            return self._control.call(op.name, site=site, **arguments)
        if reach == "journals":
            return self._among(await self._ask(Ask(0, reach, op.name, site, arguments)), op, site, arguments)
        return together(reach, await self._ask(Ask(0, reach, op.name, site, arguments)))

    async def _ask(self, question: Ask) -> list[Any]:
        """What everybody answers; raises what they refuse with."""
        self._last_asked += 1
        number = self._last_asked
        waiting: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        try:
            self._line.send(replace(question, number=number))
            answers = await waiting
            return answers
        finally:
            del self._asked[number]

    def _among(self, journals: Sequence[bytes], op: Operation, site: str, arguments: Mapping[str, Any]) -> Any:
        """The operation's answer, with the journals of all in the place of our own."""
        target = self._directory.get(site)
        everything: list[Exchange] = [exchange for pickled in journals for exchange in pickle.loads(pickled)]
        merged = Journal(target.clock, entries=max(1, len(everything)))
        merged.take_over(everything)
        own, target.journal = target.journal, merged
        try:
            return self._control.call(op.name, site=site, **arguments)
        finally:
            target.journal = own

    # what the others say

    def _hear(self) -> None:
        """Something came: do it. While we are held, nothing else is done here, and no request is answered."""
        try:
            message = self._line.receive()
            if isinstance(message, Hold):
                self._line.send(Done())
                while not isinstance(message := self._line.receive(), Release):
                    self._obey(message)
            else:
                self._obey(message)
        except (EOFError, ConnectionError):
            # Who started us ended without a word: what we have in common with the others is nobody's any more.
            asyncio.get_running_loop().remove_reader(self._line.fileno())
            shutil.rmtree(self._brief.folder, ignore_errors=True)
            self._stop.set()

    def _obey(self, message: Any) -> None:
        if isinstance(message, Answer):
            waiting = self._asked.get(message.number)
            if waiting is not None and not waiting.done():
                outcome = message.outcome
                if isinstance(outcome, Refused):
                    waiting.set_exception(refusal(outcome.parts))
                else:
                    waiting.set_result(outcome.value)
            return
        try:
            answer: Done | Changed | Refused = self._run(message) if isinstance(message, Run) else self._show(message)
        except (MockehrError, ValueError) as error:
            answer = Refused(told(error))
        except Exception as error:  # a fault of ours: whoever waits for the answer shall hear of it
            traceback.print_exc()
            answer = Refused(told(EnvironmentProblem(f"A worker failed: {error!r}.", remedy="See its stderr.")))
        self._line.send(answer)

    def _run(self, asked: Run) -> Done | Changed:
        answer = self._control.call(asked.name, site=asked.site, **asked.arguments)
        if not asked.changes:
            return Done(answer)
        site = self._directory.get(asked.site)
        if asked.pace is not None:
            site.clock.keep(asked.pace)
            return Done(answer)
        return Changed(answer, site.clock.pace(), pickle.dumps(standing_of(site)))

    def _show(self, asked: Show) -> Done:
        fitting = (
            lean(exchange)
            for exchange in self._directory.get(asked.site).journal
            if exchange.number > asked.after and asked.number in (0, exchange.number)
        )
        return Done(pickle.dumps(list(fitting)))


def lean(exchange: Exchange) -> Exchange:
    """An exchange as the journal tells of it: without what was found for it, which is large and not told."""
    return replace(exchange, result=exchange.problem)
