"""`mockehr serve`: one or more sites until interrupted."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click
import orjson

from mockehr.cli.loop import run_on_best_loop
from mockehr.core.errors import UsageError
from mockehr.sites.options import SiteOptions


@click.command()
@click.option("--site", "sites", multiple=True, metavar="NAME=PERSONALITY", help="A site; may be repeated.")
@click.option("--patients", default=1000, show_default=True, help="Patients of each site, any number.")
@click.option("--seed", default="7", show_default=True, help="Seed of everything that is drawn.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8642, show_default=True, help="Port to listen on; 0 for any free one.")
@click.option(
    "--import",
    "imports",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="FHIR Bundles, NDJSON or folders to import into every site.",
)
@click.option(
    "--replay",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Answer from a folder of recordings.",
)
@click.option("--stepped", is_flag=True, help="Clocks that only move when told.")
@click.option("--open-access", is_flag=True, help="No bearer tokens wanted.")
@click.option("--control-token", default="", help="Token of the control API; required beyond loopback.")
@click.option("--json", "as_json", is_flag=True, help="Print where the sites are as JSON.")
def serve(
    sites: tuple[str, ...],
    patients: int,
    seed: str,
    host: str,
    port: int,
    imports: tuple[Path, ...],
    replay: Path | None,
    stepped: bool,
    open_access: bool,
    control_token: str,
    as_json: bool,
) -> None:
    """Serve one or more sites until interrupted.

    Every site has a client `demo` registered with the public test key of mockehr, for all system scopes.
    """
    if host not in ("127.0.0.1", "::1", "localhost") and not control_token:
        raise UsageError(
            f"Listening on {host} opens the control API to others.",
            remedy="Give --control-token, or listen on loopback.",
        )
    options = [
        SiteOptions(
            name,
            personality=vendor or "generic",
            patients=patients,
            seed=int(seed) if seed.isdigit() else seed,
            imports=imports,
            replay=replay,
            stepped=stepped,
            open_access=open_access,
        )
        for name, _, vendor in (text.partition("=") for text in sites or ("main=generic",))
    ]
    run_on_best_loop(_serve(options, host, port, control_token, as_json))


async def _serve(options: list[SiteOptions], host: str, port: int, token: str, as_json: bool) -> None:
    from mockehr.api.control import ControlApi
    from mockehr.edge.server import Server
    from mockehr.sites.build import build_site
    from mockehr.sites.directory import Directory
    from mockehr.sites.test_client import register_demo_client

    directory = Directory()
    server = Server(directory, host=host, port=port, control=ControlApi(directory, token=token))
    for one in options:
        register_demo_client(server.admit(build_site(one)))
    async with server:
        rows = [
            {
                "site": site.name,
                "personality": site.personality.name,
                "fhir": f"{server.url}/{site.name}{site.fhir_path}",
                "token": f"{server.url}/{site.name}{site.token_path}",
            }
            for site in directory
        ]
        if as_json:
            click.echo(orjson.dumps({"url": server.url, "sites": rows}).decode())
        else:
            for row in rows:
                click.echo(f"{row['site']:12} {row['personality']:10} {row['fhir']}   token: {row['token']}")
            click.echo(f"control      {server.url}/_mockehr   (Ctrl-C stops)", err=True)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
