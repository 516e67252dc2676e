"""Running a client command against a trial's sites, with progress: shared by `check` and `demo`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.server import Server
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.trial import Trial
from mockehr.sites.directory import Directory

KILL_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class _Manners:
    """What is shown while a client runs."""

    quiet: bool
    mute: bool
    label: str


def run_trial(
    trial: Trial, command: Sequence[str], *, quiet: bool = False, mute: bool = False, label: str = ""
) -> tuple[Scorecard, int]:
    """Serve the trial's sites, run the command against them, judge; returns the scorecard and the exit status.

    What the command prints goes to stderr, or nowhere with `mute`; `quiet` shows no progress.

    Raises EnvironmentProblem if the command cannot be started or runs out of time.
    """
    return asyncio.run(_run(trial, command, _Manners(quiet, mute, label or command[0])))


async def _run(trial: Trial, command: Sequence[str], manners: _Manners) -> tuple[Scorecard, int]:
    directory = Directory()
    server = Server(directory)
    for site in trial.sites:
        server.admit(site)
    with TemporaryDirectory(prefix="mockehr-") as folder:
        output = Path(folder)
        async with server:
            ports = await _listen(trial, server)
            environment = os.environ | trial.environment(server.url, output, ports)
            status = await _watched(trial, command, environment, manners)
        return trial.judge(output), status


async def _listen(trial: Trial, server: Server) -> dict[str, int]:
    """Take HL7 messages for every site that is to listen, until the server stops; answers the ports by site."""
    ports: dict[str, int] = {}
    for site in trial.sites:
        if site.options.hl7_listen is not None:
            ports[site.name] = (await server.listen_mllp(site, site.options.hl7_listen)).port
    return ports


async def _watched(trial: Trial, command: Sequence[str], environment: dict[str, str], manners: _Manners) -> int:
    try:
        out = DEVNULL if manners.mute else sys.stderr.fileno()
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=out, stderr=out)
    except OSError as error:
        raise EnvironmentProblem(
            f"The client cannot be started: {error}.",
            remedy="Write the command after --, as in -- python my_sync.py.",
        ) from error
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
        waiting = asyncio.create_task(process.wait())
        deadline = asyncio.get_running_loop().time() + trial.scenario.timeout
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=0.2)
            done, seen = _progress(trial)
            progress.update(task, completed=done, seen=seen)
            if asyncio.get_running_loop().time() > deadline:
                await _stop(process, waiting)
                raise EnvironmentProblem(
                    f"The client did not finish within {trial.scenario.timeout:g} s.",
                    remedy="Look at what it waits for, or raise `timeout` in the scenario.",
                )
        return waiting.result()


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


async def _stop(process: asyncio.subprocess.Process, waiting: asyncio.Task[int]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    await asyncio.wait({waiting}, timeout=KILL_AFTER)
    if not waiting.done():
        with suppress(ProcessLookupError):
            process.kill()
        await waiting
