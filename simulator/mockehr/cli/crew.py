"""The processes that serve together: started, kept in number, ended, and told of what concerns all of them.

A change goes to all at one moment: every worker is held, one carries it out, the others follow, and all go on. So no
request is ever answered by a worker that knows of the change while another does not.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mockehr.cli.talk import Answer, Ask, Brief, Built, Changed, Done, Hold, Ready, Refused, Release, Run, Show, Stand
from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.wire import packed, receive

PATIENCE: Final = 300.0
"""Wall seconds after which a worker that does not answer is taken for dead; comparing with the truth takes long."""
GRACE: Final = 10.0
"""Wall seconds that workers have to end when told."""
ATTEMPTS: Final = 3
"""How often in a row a worker may end before it serves."""
_START: Final = (
    # Ctrl-C goes to the workers too. It is ignored before what takes long to import, or they tell of it at length.
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = sys.argv[2:]; "
    "from mockehr.cli.worker import main; main(int(sys.argv[1]))"
)


class Gone(Exception):
    """A worker ended, or does not answer."""


class Member:
    """One worker, as this process sees it."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process = process
        self._reader = reader
        self._writer = writer
        self._waiting: asyncio.Future[Any] | None = None

    def send(self, message: Any) -> None:
        """Send without waiting for an answer; nothing if it is gone."""
        if not self._writer.is_closing():
            self._writer.write(packed(message))

    async def call(self, message: Any) -> Any:
        """Send and wait for the answer, one at a time. Raises Gone; who does not answer is killed."""
        if self._writer.is_closing():
            raise Gone
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        self.send(message)
        try:
            async with asyncio.timeout(PATIENCE):
                return await waiting
        except TimeoutError:
            self.kill()
            raise Gone from None

    async def next(self) -> Any:
        """What it says next; raises Gone at the end."""
        try:
            return await receive(self._reader)
        except (asyncio.IncompleteReadError, OSError):
            raise Gone from None

    async def soon(self) -> Any:
        """What it says next, or Gone if that takes too long as well."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.next()
        except TimeoutError:
            raise Gone from None

    def settle(self, answer: Any) -> None:
        """Hand an answer to whoever waits for it."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def kill(self) -> None:
        """End it at once."""
        if self.process.returncode is None:
            self.process.kill()

    async def bury(self) -> None:
        """Make sure that it is gone, and tell whoever waits for it."""
        self.kill()
        await self.process.wait()
        self._writer.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Gone())


class Crew:
    """All workers of one server."""

    def __init__(self, brief: Brief, standings: Mapping[str, bytes], count: int) -> None:
        """`brief` is what each is given, its sockets open in this process; `standings`: see `talk.Stand`."""
        self._brief = brief
        self._standings = dict(standings)
        self._members: dict[int, Member] = {}
        self._lock = asyncio.Lock()
        self._ready = [asyncio.Event() for _ in range(count)]
        self._keeping: list[asyncio.Task[None]] = []
        self._answering: set[asyncio.Task[None]] = set()
        self._ending = False

    @property
    def pids(self) -> list[int]:
        """Process ids of those that serve."""
        return [member.process.pid for _, member in sorted(self._members.items())]

    async def start(self) -> None:
        """Start all; raises EnvironmentProblem if they cannot be started."""
        self._keeping = [asyncio.create_task(self._keep(place)) for place in range(len(self._ready))]
        serving = asyncio.create_task(self._all_ready())
        await asyncio.wait([serving, *self._keeping], return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            serving.cancel()
            await self.watch()

    async def watch(self) -> None:
        """Wait until workers cannot be kept going, and raise EnvironmentProblem then."""
        done, _ = await asyncio.wait(self._keeping, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """End all workers, each by its own id, and wait until they are gone."""
        self._ending = True
        for member in tuple(self._members.values()):
            if member.process.returncode is None:
                member.process.terminate()
        if self._keeping:
            _, late = await asyncio.wait(self._keeping, timeout=GRACE)
            for task in late:
                task.cancel()
        await asyncio.gather(*self._keeping, *self._answering, return_exceptions=True)

    async def _all_ready(self) -> None:
        for event in self._ready:
            await event.wait()

    async def _keep(self, place: int) -> None:
        """Have a worker in that place until the end."""
        failures = 0
        while not self._ending:
            member = await self._spawn(place)
            try:
                if await self._join(place, member):
                    failures = 0
                    await self._listen(member)
            except Gone:
                failures += place not in self._members
            finally:
                self._members.pop(place, None)
                await member.bury()
            if failures == ATTEMPTS:
                raise EnvironmentProblem(
                    f"A worker ended {ATTEMPTS} times before it could serve.", remedy="See what it said above."
                )

    async def _spawn(self, place: int) -> Member:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        handed = [theirs.fileno(), *self._brief.sockets.values()]
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _START, str(theirs.fileno()), *sys.path,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, pass_fds=handed,
            )  # fmt: skip
        reader, writer = await asyncio.open_connection(sock=ours)
        member = Member(process, reader, writer)
        member.send(replace(self._brief, place=place, places=len(self._ready)))
        return member

    async def _join(self, place: int, member: Member) -> bool:
        """Let a new worker stand as the others do and serve; False if the end came first. Raises Gone."""
        built = await member.soon()
        assert isinstance(built, Built)
        async with self._lock:
            if self._ending:
                return False
            member.send(Stand(self._standings))
            ready = await member.soon()
            assert isinstance(ready, Ready)
            self._members[place] = member
            self._ready[place].set()
        return True

    async def _listen(self, member: Member) -> None:
        while True:
            message = await member.next()
            if isinstance(message, Ask):
                task = asyncio.create_task(self._answer(member, message))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            else:
                member.settle(message)

    async def _answer(self, member: Member, asked: Ask) -> None:
        async with self._lock:
            try:
                outcome = await (self._change(member, asked) if asked.reach == "everywhere" else self._gather(asked))
            except Gone:
                return  # it was the one who asked
        member.send(Answer(asked.number, outcome))

    async def _change(self, first: Member, asked: Ask) -> Done | Refused:
        """Let all change at one moment, `first` before the others. Raises Gone if nobody is left."""
        others = [member for member in self._members.values() if member is not first]
        held = [member for member, _ in await _each([first, *others], Hold())]
        order = Run(asked.name, asked.site, asked.arguments, changes=True)
        try:
            while held:
                try:
                    outcome: Any = await held[0].call(order)
                    break
                except Gone:
                    del held[0]
            else:
                raise Gone
            if isinstance(outcome, Refused):
                return outcome
            assert isinstance(outcome, Changed)
            self._standings[asked.site] = outcome.standing
            answers = [outcome.value]
            for member, answer in await _each(held[1:], replace(order, pace=outcome.pace)):
                if isinstance(answer, Done):
                    answers.append(answer.value)
                else:
                    member.kill()  # it could not follow: a new one will stand as the others do
            return Done(answers)
        finally:
            for member in held:
                member.send(Release())

    async def _gather(self, asked: Ask) -> Done | Refused:
        """What all answer, or what one refuses."""
        question: Run | Show = Run(asked.name, asked.site, asked.arguments)
        if asked.reach == "journals":
            arguments = asked.arguments
            question = Show(asked.site, _number(arguments.get("after")), _number(arguments.get("number")))
        answers = [answer for _, answer in await _each(tuple(self._members.values()), question)]
        refused = next((answer for answer in answers if isinstance(answer, Refused)), None)
        return refused or Done([answer.value for answer in answers])


async def _each(members: Sequence[Member], message: Any) -> list[tuple[Member, Any]]:
    """Those that answered, with what they said."""
    answers = await asyncio.gather(*(member.call(message) for member in members), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Gone):
            raise answer
    return [(one, answer) for one, answer in zip(members, answers, strict=True) if not isinstance(answer, Gone)]


def _number(given: Any) -> int:
    """An argument as a number; 0 (all) for what is none, which the operation itself will refuse."""
    try:
        return max(0, int(given))
    except (TypeError, ValueError):
        return 0
