"""Running a client command against a trial's sites, with progress: shared by `check` and `demo`.

The client has a session of its own where no terminal is read, so that all that it started ends with it: when its time
is up, on Ctrl-C, on SIGTERM, and with the process that ordered the run.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.own_ports import free_ports
from mockehr.edge.server import Server
from mockehr.edge.trial_launches import drive_launches
from mockehr.scenarios.handed_back import names_of, place_of
from mockehr.scenarios.report.run import OVERDUE
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.secured import told_of_https, wants_https
from mockehr.scenarios.trial import Trial
from mockehr.sites.directory import Directory

KILL_AFTER = 5.0
LOOKS_EVERY = 0.2
"""Seconds between two looks at how a client gets on."""
KNOCKS_EVERY = 0.1
"""Seconds between two tries to reach an app that starts."""
LISTENS_WITHIN = 10.0
"""Seconds that a client has to listen for feeds and events before the scenario's pathways begin without it."""
Watch = Callable[[int, int, str], None]
"""Is told how a run gets on: patients asked for, patients there are, and what was seen, in words."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may run; the scenario says so unless `real` does."""

    real: float | None = None
    """Real seconds."""
    site: float | None = None
    """Seconds by the clock of any of its sites."""


UNLIMITED: Final = Limits()
"""As the scenario has it."""


@dataclass(frozen=True, slots=True)
class _Manners:
    """What is shown while a client runs, and how long that is."""

    quiet: bool
    mute: bool
    label: str
    limits: Limits
    watch: Watch | None

    def seconds(self, trial: Trial) -> float:
        """How long a client may run, in real seconds."""
        return trial.scenario.timeout if self.limits.real is None else self.limits.real


def run_trial(
    trial: Trial,
    command: Sequence[str],
    *,
    quiet: bool = False,
    mute: bool = False,
    label: str = "",
    limits: Limits = UNLIMITED,
    watch: Watch | None = None,
) -> tuple[Scorecard, int]:
    """Serve the trial's sites, run the command against them, judge; returns the scorecard and the exit status.

    What the command prints goes to stderr, or nowhere with `mute`; `quiet` shows no progress, `watch` is told of it
    in place of the terminal.

    A client that runs out of time is ended and judged by what it did until then; the exit status is OVERDUE.
    Raises EnvironmentProblem if the command cannot be started, KeyboardInterrupt on Ctrl-C and on SIGTERM, after
    the client was ended.
    """
    manners = _Manners(quiet or watch is not None, mute, label or command[0], limits, watch)
    try:
        return asyncio.run(_run(trial, command, manners))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _end_with_orders() -> None:
    """Let SIGTERM, and the end of a process that ordered this run, end it as Ctrl-C does."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    with suppress(NotImplementedError, RuntimeError, ValueError):  # no signals here, or not in this thread
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    parent = multiprocessing.parent_process()
    if parent is not None:
        with suppress(NotImplementedError):
            loop.add_reader(parent.sentinel, _bereaved, loop, parent.sentinel, task)


def _bereaved(loop: asyncio.AbstractEventLoop, sentinel: int, task: asyncio.Task[object]) -> None:
    loop.remove_reader(sentinel)
    task.cancel()


async def _run(trial: Trial, command: Sequence[str], manners: _Manners) -> tuple[Scorecard, int]:
    _end_with_orders()
    directory = Directory()
    server = Server(directory, tls=wants_https(trial))
    trial.assign_ports(free_ports)
    for site in trial.sites:
        server.admit(site)
    with TemporaryDirectory(prefix="mockehr-") as folder, closing(directory):
        output = Path(folder)
        async with server:
            ports = await _listen(trial, server)
            told = trial.environment(server.url, output, ports)
            environment = os.environ | told | told_of_https(server.ca_file)
            status = await _watched(trial, command, environment, manners, server.url)
        if not manners.mute and not trial.scenario.launches:
            for complaint in complaints(output, list(trial.rosters)):
                click.echo(f"mockehr: {complaint}", err=True)
        for line in () if manners.mute else told_launches(trial):
            click.echo(f"mockehr: {line}", err=True)
        return trial.judge(output), status


async def _listen(trial: Trial, server: Server) -> dict[str, int]:
    """Take HL7 messages for every site that is to listen, until the server stops; answers the ports by site."""
    ports: dict[str, int] = {}
    for site in trial.sites:
        listening = await server.listen_all(site)
        if listening:
            ports[site.name] = listening[0].port
    return ports


async def _watched(
    trial: Trial, command: Sequence[str], environment: dict[str, str], manners: _Manners, address: str
) -> int:
    starting = asyncio.ensure_future(_started(command, environment, mute=manners.mute))
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:  # asyncio would end the client alone, not what it may have started meanwhile
        process = await starting
        await _stop(process, asyncio.create_task(process.wait()))
        raise
    waiting = asyncio.create_task(process.wait())
    try:
        total = sum(len(roster) for roster in trial.rosters.values())
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[seen]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True, disable=manners.quiet) as progress:
            task = progress.add_task(manners.label, total=total, seen="")
            await _begin(trial, waiting)
            if trial.scenario.launches:
                return await _launched(trial, process, waiting, address, manners.seconds(trial))
            return await _until_done(
                trial, process, waiting, manners, lambda done, seen: progress.update(task, completed=done, seen=seen)
            )
    finally:
        if not waiting.done():
            await _stop(process, waiting)


async def _started(command: Sequence[str], environment: dict[str, str], *, mute: bool) -> asyncio.subprocess.Process:
    """The client; raises EnvironmentProblem if it cannot be started."""
    try:
        out = DEVNULL if mute else sys.stderr.fileno()
        alone = not _at_terminal()
        return await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=out, stderr=out, start_new_session=alone
        )
    except OSError as error:
        remedy = "Write the command after --, as in -- python my_sync.py."
        if isinstance(error, PermissionError):
            remedy = f"Make it executable (chmod +x {command[0]}), or name what runs it: -- python {command[0]}."
        raise EnvironmentProblem(f"The client cannot be started: {error}.", remedy=remedy) from error


def _at_terminal() -> bool:
    """Whether a client may want to read from a terminal, which it only can in our own session."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


async def _until_done(
    trial: Trial,
    process: asyncio.subprocess.Process,
    waiting: asyncio.Task[int],
    manners: _Manners,
    show: Callable[[int, str], None],
) -> int:
    """The exit status of the client, or OVERDUE if it ran out of time and was ended."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + manners.seconds(trial)
    clocks = [(site.clock, site.clock.now()) for site in trial.sites]
    total = sum(len(roster) for roster in trial.rosters.values())
    limits = manners.limits
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=LOOKS_EVERY)
        done, seen = _progress(trial)
        show(done, seen)
        if manners.watch is not None:
            manners.watch(done, total, seen)
        late = f"{manners.seconds(trial):g} s" if loop.time() > deadline else ""
        if limits.site is not None and any(clock.now() - began > limits.site for clock, began in clocks):
            late = f"{limits.site:g} s of the sites' clocks"
        if late and not waiting.done():
            await _stop(process, waiting)
            click.echo(f"mockehr: the client did not finish within {late} and was ended. {_last(trial)}", err=True)
            return OVERDUE
    return waiting.result()


async def _begin(trial: Trial, waiting: asyncio.Task[int]) -> None:
    """Let pathways and phases begin once the client listens for every feed, or has had time enough to."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LISTENS_WITHIN):
            for host, port in trial.feeds() if trial.scenario.begin or trial.scenario.phases else ():
                while not waiting.done() and not await _listens(host, port):
                    await asyncio.wait({waiting}, timeout=KNOCKS_EVERY)
    trial.begin()


async def _listens(host: str, port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False


async def _launched(
    trial: Trial, process: asyncio.subprocess.Process, waiting: asyncio.Task[int], address: str, seconds: float
) -> int:
    """Open the app as often as the scenario says, then end it; its exit status counts only if it ended by itself."""
    url, listening = trial.scenario.client.launch_url, False
    try:
        async with asyncio.timeout(seconds):
            await _reachable(url, waiting)
            listening = True
            await drive_launches(trial, address)
    except TimeoutError:
        if not listening:
            raise EnvironmentProblem(
                f"Nothing listened at {url} within {seconds:g} s.",
                remedy="Let the command serve the app that launch_url of the scenario names.",
            ) from None
        click.echo(f"mockehr: the launches did not end within {seconds:g} s.", err=True)
        return OVERDUE
    finally:
        status = waiting.result() if waiting.done() else 0
        await _stop(process, waiting)
    return status


def told_launches(trial: Trial) -> list[str]:
    """A line for each launch that did not complete, and one for all that did."""
    lines = [
        f"launch {number} at {one.site}: {one.outcome}: {one.what}"
        for number, one in enumerate(trial.launched, 1)
        if one.outcome != "completed"
    ]
    done = len(trial.launched) - len(lines)
    return [f"launches completed: {done} of {len(trial.launched)}.", *lines] if trial.launched else []


async def _reachable(url: str, waiting: asyncio.Task[int]) -> None:
    """Wait until something listens there; raises EnvironmentProblem if the app ends before."""
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(address.hostname, port)
            writer.close()
            return
        if (await asyncio.wait({waiting}, timeout=KNOCKS_EVERY))[0]:
            raise EnvironmentProblem(
                f"The app ended with {ending(waiting.result())} before it listened at {url}.",
                remedy="Let the command serve the app that launch_url of the scenario names.",
            )


def _progress(trial: Trial) -> tuple[int, str]:
    """How many patients were asked for so far, and the number of exchanges."""
    done, exchanges = 0, 0
    for site in trial.sites:
        asked = set(trial.rosters[site.name])
        exchanges += len(site.journal)
        for exchange in site.journal:
            found = exchange.interaction
            if found is not None and found.resource_type == "Patient":
                asked.discard(found.id)
        done += len(trial.rosters[site.name]) - len(asked)
    return done, f"{exchanges} exchanges"


def _last(trial: Trial) -> str:
    """What was heard of the client last, at each site."""
    heard = []
    for site in trial.sites:
        entries = list(site.journal)
        if entries:
            last = entries[-1]
            status = last.reply.status if last.reply else "no answer"
            heard.append(f"{site.name}: {len(entries)} exchanges, the last {last.method} {last.path} → {status}")
        else:
            heard.append(f"{site.name}: not one request")
    return f"Heard of it: {'; '.join(heard)}."


def ending(status: int) -> str:
    """An exit status in words; a negative one is the signal that ended the program."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def complaints(output: Path, sites: Sequence[str]) -> list[str]:
    """What is wrong with the files that a client wrote, where the verdict would only see lost records."""
    found = []
    for site in sites:
        file = output / f"{site}.ndjson"
        if not file.is_file() and place_of(output, site) is not None:
            continue
        if not file.is_file():
            found.append(f"the client wrote no {file.name} to MOCKEHR_OUTPUT")
            continue
        lines = [(number, line) for number, line in enumerate(file.read_bytes().splitlines(), 1) if line.strip()]
        bad = [number for number, line in lines if not _is_object(line)]
        if bad:
            found.append(
                f"{file.name}: {len(bad)} of {len(lines)} lines are no JSON object and were left out; "
                f"the first is line {bad[0]}"
            )
        elif not lines:
            found.append(f"{file.name} is empty")
    wanted = {f"{site}.ndjson" for site in sites}
    read = wanted.union(*(names_of(site) for site in sites))
    found += [
        f"{file.name} in MOCKEHR_OUTPUT belongs to no site and was not read; wanted: {', '.join(sorted(wanted))}"
        for file in sorted(output.iterdir())
        if file.name not in read and file.suffix in (".ndjson", ".json", ".jsonl")
    ]
    return found


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


async def _stop(process: asyncio.subprocess.Process, waiting: asyncio.Task[int]) -> None:
    """End the client, and what it started; what does not heed SIGTERM is killed."""
    _signal(process, signal.SIGTERM)
    await asyncio.wait({waiting}, timeout=KILL_AFTER)
    if not waiting.done():
        _signal(process, signal.SIGKILL)
        await waiting


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Tell the client, and those that it started where it has a session of its own."""
    with suppress(ProcessLookupError):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
