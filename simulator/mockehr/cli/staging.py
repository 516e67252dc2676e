"""`mockehr scenario run`: a scenario's sites served with its phases, for any client that somebody starts by hand."""

from __future__ import annotations

import asyncio
import shlex
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mockehr.core.clock import instant
from mockehr.edge.own_ports import free_ports
from mockehr.edge.server import Server
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.track import Span
from mockehr.scenarios.trial import Trial
from mockehr.sites.directory import Directory

LOOKS_EVERY = 0.2
"""Wall seconds between two looks at what became of the phases."""


def serve_trial(trial: Trial, output: Path, *, port: int, say: Callable[[str], None]) -> Scorecard:
    """Serve the sites until interrupted and let the phases play; `say` is told addresses, and phases as they come.

    Raises EnvironmentProblem if the port is taken. The scorecard judges what the client wrote into `output`.
    """
    return asyncio.run(_serve(trial, output, port, say))


async def _serve(trial: Trial, output: Path, port: int, say: Callable[[str], None]) -> Scorecard:
    directory = Directory()
    server = Server(directory, port=port)
    trial.assign_ports(free_ports)
    for site in trial.sites:
        server.admit(site)
    with closing(directory):
        async with server:
            ports = {site.name: heard[0].port for site in trial.sites if (heard := await server.listen_all(site))}
            for name, value in trial.environment(server.url, output, ports).items():
                say(f"export {name}={shlex.quote(value)}")
            trial.begin()
            await _interrupted(trial, say)
        return trial.judge(output)


async def _interrupted(trial: Trial, say: Callable[[str], None]) -> None:
    """Wait for an interrupt, and tell of phases meanwhile."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    told: set[tuple[str, str, bool]] = set()
    try:
        while not ended.is_set():
            for span in trial.timeline():
                for over in (False, True) if span.ended is not None else (False,):
                    if (span.phase, span.site, over) not in told:
                        told.add((span.phase, span.site, over))
                        say(f"# {_line(span, over=over)}")
            try:
                await asyncio.wait_for(ended.wait(), LOOKS_EVERY)
            except TimeoutError:
                continue
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _line(span: Span, *, over: bool) -> str:
    began, _, ended = span.why.partition("; ")
    if over and span.ended is not None:
        return f"{instant(span.ended)} {span.site}: {span.phase} is over ({ended})"
    return f"{instant(span.began)} {span.site}: {span.phase} begins ({began})"
