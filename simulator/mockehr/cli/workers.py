"""`mockehr serve --workers N`: this process refuses what several cannot do, holds the sockets and looks after the
workers. It serves nothing itself.

It builds every site once before it starts any worker: what cannot be built is refused as ever, and what is to be
imported is imported once.
"""

from __future__ import annotations

import asyncio
import pickle
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mockehr.cli.crew import Crew
from mockehr.cli.loop import run_on_best_loop
from mockehr.cli.plan import Plan
from mockehr.cli.serve import row, tell
from mockehr.cli.talk import Brief
from mockehr.core.errors import UsageError
from mockehr.edge.server import Server
from mockehr.sites.commons import prepare
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site
from mockehr.sites.standing import standing_of

ALONE = "or serve without --workers"


def serve_together(plan: Plan, count: int, as_json: bool) -> None:
    """Serve with `count` workers until interrupted; raises UsageError for what they cannot do, and what building
    and listening raise."""
    refuse(plan)
    directory = Directory()
    server = Server(directory, host=plan.host, port=plan.port)
    folder = Path(tempfile.mkdtemp(prefix="mockehr-workers-"))
    try:
        for site, port in plan.sites():
            refuse_site(server.admit(site, port=port))
            prepare(site, folder)
        plan.join_peers(directory)
        sockets = server.bind()
        standings = {site.name: pickle.dumps(standing_of(site)) for site in directory}
        rows = [row(server, site, [], plan.peers) for site in directory]
        ports = {site.name: port for site in directory if (port := directory.own_port(site)) is not None}
        again = replace(plan, starts={site.name: _start(site) for site in directory})
        brief = Brief(again, folder, {name: one.fileno() for name, one in sockets.items()}, ports)
        directory.close()
        run_on_best_loop(_serve(server, Crew(brief, standings, count), rows, as_json))
    finally:
        directory.close()
        server.unbind()
        shutil.rmtree(folder, ignore_errors=True)


def refuse(plan: Plan) -> None:
    """Raise UsageError for what is asked and several processes cannot do."""
    if sys.platform == "win32":
        raise UsageError("Several workers cannot be had on Windows.", remedy="Serve without --workers.")
    configured = plan.config.sites if plan.config else ()
    stores = [(site.name, str(plan.common["store"])) for site in plan.named]
    stores += [(site.name, site.store) for site in configured]
    alone = [name for name, store in stores if store == "memory"]
    if alone:
        raise UsageError(
            f"Several workers cannot share what is written in memory, as at {', '.join(alone)}.",
            remedy=f"Say --store sqlite:FOLDER (in a file, store: sqlite:FOLDER for each site), {ALONE}.",
        )
    if plan.per_client:
        raise UsageError(
            "Several workers cannot give clients hospitals of their own: each worker would make others.",
            remedy=f"Leave --per-client out, {ALONE}.",
        )
    if plan.hearings:
        named = ", ".join(dict.fromkeys(one.site for one in plan.hearings))
        raise UsageError(
            f"Several workers cannot take HL7 messages ({named}): those of one sender would overtake each other.",
            remedy=f"Take them with a second server that has the same --store and one process, {ALONE}.",
        )


def refuse_site(site: Site) -> None:
    """Raise UsageError for what is set at a site and several processes cannot do."""
    if site.front is not None:
        raise UsageError(
            f"Several workers cannot serve {site.name}: what it hears of sites behind, each would tell by itself.",
            remedy="Serve without --workers.",
        )
    header = site.fhir.settings.get("idempotency_header", "")
    if header:
        raise UsageError(
            f"Several workers cannot keep to {header} at {site.name}: each knows the keys that it saw itself.",
            remedy=f"Leave write.idempotency_header out, {ALONE}.",
        )


def _start(site: Site) -> float:
    """The time at which a site that was just built begins."""
    return site.options.start if site.options.start is not None else site.clock.pace().base


async def _serve(server: Server, crew: Crew, rows: list[dict[str, Any]], as_json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    told = asyncio.create_task(stop.wait())
    try:
        await _until(told, crew.start())
        if not stop.is_set():
            tell(server, rows, as_json, workers=crew.pids)
            await _until(told, crew.watch())
    finally:
        told.cancel()
        await crew.stop()


async def _until(told: asyncio.Task[Any], work: Any) -> None:
    """Do the work, or leave it when told to stop; raises what it raises."""
    doing = asyncio.ensure_future(work)
    await asyncio.wait([told, doing], return_when=asyncio.FIRST_COMPLETED)
    if not doing.done():
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
    else:
        doing.result()
