"""What one MLLP connection writes: replies in order or when they are due, in pieces, and commit acknowledgements."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mockehr.edge.mllp_manner import PIECE_PAUSE, REGULAR
from mockehr.edge.mllp_reception import Reaction, Reception
from mockehr.edge.mllp_socket import reset
from mockehr.hl7.frame import COMMITS, Commit, frame

Why = Literal["nak", "timeout"]


@dataclass(slots=True)
class _Step:
    """One write. A step without a time of its own (0) is due `pause` seconds after the one before."""

    due: float
    octets: bytes
    pause: float = 0.0
    then: Literal["", "close", "reset"] = ""
    last: bool = False
    reaction: Reaction | None = None
    """Release 2: the reply that ends here, and that the peer has to commit."""


class Writer:
    """The writing half of a connection.

    `moved` is called after something was written later than it was asked for, or was given up; `ended` when the
    connection is to end; `uncommitted` with a reply that the peer refused or did not commit in time.
    """

    def __init__(
        self,
        reception: Reception,
        *,
        moved: Callable[[], None],
        ended: Callable[[], None],
        uncommitted: Callable[[bytes, Why], None],
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self.octets = 0
        """Of replies that wait for their time or their turn."""
        self._reception = reception
        self._moved, self._ended, self._uncommitted = moved, ended, uncommitted
        self._loop = asyncio.get_running_loop()
        self._prompt = reception.release == 1
        self._ready: list[bytes] = []
        self._unflushed = 0
        self._queue: deque[_Step] = deque()
        self._timers: set[asyncio.TimerHandle] = set()
        self._pumping: asyncio.TimerHandle | None = None
        self._midway = False
        self._commits: list[bytes] = []
        self._awaited: Reaction | None = None
        self._awaited_count = self._tries = 0
        self._refused = False
        self._patience: asyncio.TimerHandle | None = None
        self._deaf = False

    @property
    def owing(self) -> bool:
        """True while something is to be written yet, or to be committed by the peer."""
        return bool(self._queue or self._timers or self._awaited or self._ready)

    @property
    def awaiting(self) -> bool:
        """True while the peer has a reply to commit."""
        return self._awaited is not None

    def put(self, reaction: Reaction) -> None:
        """Write a reply when its time has come; what needs no time is written by the next `flush`."""
        if reaction.delay <= 0 and reaction.manner is REGULAR and self._prompt and not self._queue:
            if reaction.payload is not None:
                octets = frame(reaction.payload)
                self._ready.append(octets)
                self._unflushed += len(octets)
                if self._unflushed > 65536:
                    self.flush()
            return
        self.flush()
        due = self._loop.time() + max(reaction.delay, 0.0)
        steps = self._steps(reaction, due)
        self.octets += sum(len(step.octets) for step in steps)
        if self._reception.ordered or reaction.delay <= 0:
            self._queue.extend(steps)
            self._write_due()
            return
        timer: asyncio.TimerHandle | None = None

        def release() -> None:
            if timer is not None:
                self._timers.discard(timer)
            self._queue.extend(steps)
            self._pump()

        timer = self._loop.call_at(due, release)
        self._timers.add(timer)

    def flush(self) -> None:
        """Write what is ready."""
        if self._ready:
            octets = self._ready[0] if len(self._ready) == 1 else b"".join(self._ready)
            self._ready.clear()
            self._unflushed = 0
            if self.transport is not None:
                self.transport.write(octets)

    def commit(self, kind: Commit) -> None:
        """Write our commit acknowledgement: at once, or after the block that is being written in pieces."""
        octets = frame(COMMITS[kind])
        if self._midway:
            self._commits.append(octets)
        elif self.transport is not None:
            self.transport.write(octets)

    def committed(self, kind: Commit) -> None:
        """The peer's commit acknowledgement; nothing if it has nothing to commit."""
        if self._awaited is None:
            return
        self._refused |= kind == "nak"
        self._awaited_count -= 1
        if self._awaited_count > 0:
            return
        reaction, refused = self._awaited, self._refused
        self._settle_commit()
        if refused and self._tries < self._reception.commit_retries:
            self._tries += 1
            steps = self._steps(reaction, self._loop.time())
            self.octets += sum(len(step.octets) for step in steps)
            self._queue.extendleft(reversed(steps))
        else:
            self._tries = 0
            if refused:
                self._uncommitted(reaction.payload or b"", "nak")
        self._pump()

    def hear_no_more(self) -> None:
        """The peer has said all: it will commit nothing any more."""
        self._deaf = True
        if self._awaited is not None:
            self._settle_commit()
            self._pump()

    def clear(self) -> None:
        """Drop everything that is not written yet."""
        for timer in (*self._timers, self._pumping, self._patience):
            if timer is not None:
                timer.cancel()
        self._timers.clear()
        self._queue.clear()
        self._ready.clear()
        self._commits.clear()
        self._awaited = None
        self.octets = 0

    def _steps(self, reaction: Reaction, due: float) -> list[_Step]:
        manner = reaction.manner
        pieces = enumerate(manner.pieces(reaction.payload))
        steps = [_Step(0.0 if place else due, octets, pause) for place, (pause, octets) in pieces]
        if manner.reset:
            steps.append(_Step(0.0 if steps else due, b"", PIECE_PAUSE, "reset"))
        elif manner.close or (manner.lost and not manner.stall):
            steps = steps or [_Step(due, b"")]
            steps[-1].then = "close"
        elif steps and self._reception.release == 2 and reaction.payload is not None:
            steps[-1].reaction = reaction
        if steps:
            steps[-1].last = True
        return steps

    def _pump(self) -> None:
        """A timer's turn, or a commit's: write what is due, then let go on what waited for that."""
        self._write_due()
        self._moved()

    def _write_due(self) -> None:
        """Write what is due, in order; come back when the next thing is."""
        if self._pumping is not None:
            self._pumping.cancel()
            self._pumping = None
        while self._queue and self._awaited is None and self.transport and not self.transport.is_closing():
            step = self._queue[0]
            # A timer may fire a clock tick early, so "now" includes that tick.
            if step.due > self._loop.time() + 1e-4:
                self._pumping = self._loop.call_at(step.due, self._pump)
                return
            self._queue.popleft()
            if not self._write(step):
                return
            if self._queue and self._queue[0].due == 0.0:
                self._queue[0].due = self._loop.time() + self._queue[0].pause

    def _write(self, step: _Step) -> bool:
        """Write one step; False if the connection ends with it."""
        assert self.transport is not None
        self.octets -= len(step.octets)
        if step.then == "reset":
            reset(self.transport)
            return False
        if step.octets:
            self.transport.write(step.octets)
        if step.then == "close":
            self._ended()
            return False
        self._midway = not step.last
        if step.last:
            for octets in self._commits:
                self.transport.write(octets)
            self._commits.clear()
        if step.reaction is not None and not self._deaf:
            self._awaited, self._refused = step.reaction, False
            self._awaited_count = step.reaction.manner.copies + 1
            self._patience = self._loop.call_later(self._reception.commit_timeout, self._give_up)
        return True

    def _settle_commit(self) -> None:
        self._awaited = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        """No commit came: a later one could be taken for that of the next reply, so the connection ends."""
        assert self._awaited is not None
        payload = self._awaited.payload or b""
        self._settle_commit()
        self._uncommitted(payload, "timeout")
        self._ended()
