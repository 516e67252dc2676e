"""Several runs at once, each in a process of its own: what they print is kept apart, and they end with us.

A run's messages, and what its client prints, are shown in one piece when it is over. On Ctrl-C every process ends its
client and then itself; it does the same when ours vanishes without a word.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from mockehr.cli.orders import Order, perform
from mockehr.core.errors import EnvironmentProblem, MockehrError, UsageError
from mockehr.scenarios.report.run import Run

END_WITHIN = 10.0
"""Seconds that a process has to end its client before it is killed."""


@dataclass(slots=True)
class _Job:
    """An order that is being carried out."""

    place: int
    order: Order
    process: SpawnProcess
    told: Connection
    printed: Path
    task: TaskID
    answer: Run | dict[str, str] | None = None
    ports: frozenset[int] = field(default_factory=frozenset)


def run_all(orders: Sequence[tuple[Order, frozenset[int]]], jobs: int, *, quiet: bool) -> list[Run]:
    """Carry out the orders, at most `jobs` at a time, and no two at a time that need one of the same ports.

    `orders` come with the ports that each needs for itself. Answers the runs in their order; unless `quiet`, a line
    on stderr tells of each as it ends. Raises UsageError or EnvironmentProblem for the first that cannot be run, and
    KeyboardInterrupt on Ctrl-C, after all others were ended.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[seen]}"),
        TimeElapsedColumn(),
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with (
            TemporaryDirectory(prefix="mockehr-") as folder,
            Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress,
        ):
            return _Bench(Path(folder), progress, quiet).work(orders, jobs)
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Bench:
    """Where orders are carried out."""

    def __init__(self, folder: Path, progress: Progress, quiet: bool) -> None:
        self._folder, self._progress, self._quiet = folder, progress, quiet
        self._running: list[_Job] = []

    def work(self, orders: Sequence[tuple[Order, frozenset[int]]], jobs: int) -> list[Run]:
        """The runs, in the order of the orders."""
        waiting = list(enumerate(orders))
        found: dict[int, Run] = {}
        try:
            while waiting or self._running:
                busy = {port for job in self._running for port in job.ports}
                free = [one for one in waiting if not one[1][1] & busy]
                if free and len(self._running) < jobs:
                    waiting.remove(free[0])
                    place, (order, ports) = free[0]
                    self._running.append(self._start(place, order, ports))
                    continue
                for job in self._ended():
                    self._running.remove(job)
                    found[job.place] = self._told(job)
        finally:
            self._end()
        return [found[place] for place in sorted(found)]

    def _start(self, place: int, order: Order, ports: frozenset[int]) -> _Job:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        printed = self._folder / f"{place}.txt"
        process = context.Process(target=_carry_out, args=(order, theirs, str(printed)), daemon=False)
        process.start()
        theirs.close()
        task = self._progress.add_task(order.name, total=None, seen="")
        return _Job(place, order, process, ours, printed, task, ports=ports)

    def _ended(self) -> list[_Job]:
        """Wait until something is told; the jobs that are over."""
        over = []
        ready = wait([job.told for job in self._running])
        for job in [job for job in self._running if job.told in ready]:
            try:
                told = job.told.recv()
            except EOFError:
                job.process.join(END_WITHIN)
                over.append(job)
                continue
            if isinstance(told, tuple):
                done, total, seen = told
                self._progress.update(job.task, completed=done, total=total, seen=seen)
            else:
                job.answer = told
        return over

    def _told(self, job: _Job) -> Run:
        """The run of a job that is over, after what it printed was shown."""
        self._progress.remove_task(job.task)
        job.told.close()
        text = job.printed.read_text("utf-8", "replace") if job.printed.is_file() else ""
        if text.strip():
            click.echo(f"--- {job.order.name}\n{text.rstrip()}", err=True)
        if isinstance(job.answer, Run):
            if not self._quiet:
                click.echo(f"{job.order.name}: {'passed' if job.answer.passed else 'not passed'}", err=True)
            return job.answer
        if job.answer is not None:
            raise _error(job.answer)
        status = job.process.exitcode
        raise EnvironmentProblem(
            f"The process that ran {job.order.name} ended with status {status} before it told of the run.",
            remedy="Run it with --jobs 1, and see what it prints.",
        )

    def _end(self) -> None:
        """Let every process that still runs end its client and itself."""
        for job in self._running:
            job.process.terminate()
        for job in self._running:
            job.process.join(END_WITHIN)
            if job.process.is_alive():
                job.process.kill()
                job.process.join()
            job.told.close()


def _error(told: dict[str, str]) -> MockehrError:
    """The error of another process, of the kind that ends with the same status."""
    kinds: dict[str, type[MockehrError]] = {"3": EnvironmentProblem, "2": UsageError}
    parts = {name: told.get(name, "") for name in ("nearest", "remedy", "reference")}
    return kinds.get(told["status"], MockehrError)(told["what"], **parts)


def _carry_out(order: Order, told: Connection, printed: str) -> None:
    """What a process does: run the order, tell of it, print to the file."""
    signal.signal(signal.SIGINT, _left_to_others)
    with open(printed, "ab", buffering=0) as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    with suppress(KeyboardInterrupt, BrokenPipeError):
        try:
            told.send(perform(order, watch=lambda *seen: told.send(seen), say=_say))
        except MockehrError as error:
            told.send({**error.as_json(), "status": str(error.exit_code)})


def _left_to_others(number: int, frame: FrameType | None) -> None:
    """Ctrl-C reaches every process at a terminal; ours tells its children by SIGTERM."""


def _say(line: str) -> None:
    click.echo(line, err=True)


def jobs_for(orders: int, wanted: int | None) -> int:
    """How many runs at once: as many as wanted, otherwise as there are processors, and never more than orders."""
    return max(1, min(wanted or os.cpu_count() or 1, orders))
