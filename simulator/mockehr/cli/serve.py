"""`mockehr serve`: one or more sites until interrupted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from mockehr.cli.loop import run_on_best_loop
from mockehr.cli.operations import DEFAULT_SERVER
from mockehr.cli.places import Feed, Hearing, Receiver, Served, feed, hearing, of_known_sites, receiver, served
from mockehr.core.errors import UsageError
from mockehr.sites.options import SiteOptions

if TYPE_CHECKING:
    from mockehr.auth.credential import Credential
    from mockehr.config.settings import ServerConfig
    from mockehr.edge.server import Server
    from mockehr.sites.site import Site


@click.command()
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="NAME=PERSONALITY[@PORT]",
    envvar="MOCKEHR_SERVE_SITE",
    help="A site; may be repeated. PORT: one of its own, where paths begin without its name; 0 for any free one.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A server file in YAML: sites with clients, quirks, webhooks and feeds. --site adds to it.",
)
@click.option(
    "--per-client",
    multiple=True,
    metavar="NAME",
    help="At this site's address, give every unseen client id a hospital of its own.",
)
@click.option("--patients", default=1000, show_default=True, help="Patients of each site, any number.")
@click.option("--seed", default="7", show_default=True, help="Seed of everything that is drawn.")
@click.option("--host", default=None, help="Address to listen on; 127.0.0.1 unless the file says another.")
@click.option("--port", type=int, default=None, help="Port to listen on, 0 for any free one; 8642 unless told.")
@click.option(
    "--mllp",
    multiple=True,
    metavar="NAME=PORT",
    help="Take HL7 messages for a site on this port, 0 for any free one; may be repeated.",
)
@click.option(
    "--hl7-to",
    multiple=True,
    metavar="NAME=HOST:PORT",
    help="Send a site's changes to a peer as HL7; may be repeated.",
)
@click.option("--webhook", multiple=True, metavar="NAME=URL", help="Tell a URL of a site's changes; may be repeated.")
@click.option("--webhook-secret", default="", metavar="TEXT", help="What webhooks are signed with.")
@click.option(
    "--import",
    "imports",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    envvar="MOCKEHR_SERVE_IMPORT",
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
@click.option(
    "--json", "as_json", is_flag=True, envvar="MOCKEHR_SERVE_JSON", help="Print where the sites are as JSON."
)
def serve(host: str | None, port: int | None, control_token: str, as_json: bool, **given: Any) -> None:
    """Serve one or more sites until interrupted.

    Every site has a client `demo` registered with the public test key of mockehr, for all system scopes, unless the
    file registers clients; `mockehr token SITE` prints an access token of it.

    Each option is also an environment variable, --control-token for one is MOCKEHR_SERVE_CONTROL_TOKEN. What may be
    repeated is separated by spaces there, and the paths of --import by colons (on Windows by semicolons).
    """
    config = _config(given["config"])
    host = host or (config.host if config else "127.0.0.1")
    port = port if port is not None else config.port if config else 8642
    control_token = control_token or (config.control_token if config else "")
    if host not in ("127.0.0.1", "::1", "localhost") and not control_token:
        raise UsageError(
            f"Listening on {host} opens the control API to others.",
            remedy="Give --control-token, or listen on loopback.",
        )
    named = [served(text) for text in given["sites"] or (() if config else ("main=generic",))]
    known = [*named, *(Served(site.name) for site in (config.sites if config else ()))]
    hearings = [hearing(text) for text in given["mllp"]]
    peers: list[Feed | Receiver] = [
        *map(feed, given["hl7_to"]),
        *(receiver(text, given["webhook_secret"]) for text in given["webhook"]),
    ]
    of_known_sites([*hearings, *peers, *(Hearing(name, 0) for name in given["per_client"])], known)
    sites = [(_built(_options(site, given)), site.port) for site in named]
    if config:
        sites += [(site, None) for site in _configured(config, given["config"])]
    hearings += [Hearing(s.name, s.options.hl7_listen) for s, _ in sites if s.options.hl7_listen is not None]
    run_on_best_loop(_serve(sites, hearings, peers, given["per_client"], host, port, control_token, as_json))


def _config(path: Path | None) -> ServerConfig | None:
    if path is None:
        return None
    from mockehr.sites.configured import load_server

    return load_server(path)


def _configured(config: ServerConfig, path: Path) -> Iterator[Site]:
    from mockehr.sites.configured import build_configured
    from mockehr.sites.test_client import register_demo_client

    for one in config.sites:
        site = build_configured(one, seed=7 if config.seed is None else config.seed, base=path.parent)
        if not one.clients:
            register_demo_client(site)
        yield site


def _built(options: SiteOptions, client: str = "demo") -> Site:
    from mockehr.sites.build import build_site
    from mockehr.sites.test_client import register_demo_client

    site = build_site(options)
    register_demo_client(site, client)
    return site


def _options(site: Served, given: dict[str, Any]) -> SiteOptions:
    seed: str = given["seed"]
    return SiteOptions(
        site.name,
        personality=site.personality,
        patients=given["patients"],
        seed=f"{seed}/{site.name}",  # as in files: two hospitals have not the same patients
        imports=given["imports"],
        replay=given["replay"],
        stepped=given["stepped"],
        open_access=given["open_access"],
    )


async def _serve(
    sites: Sequence[tuple[Site, int | None]],
    hearings: Sequence[Hearing],
    peers: Sequence[Feed | Receiver],
    shared: Sequence[str],
    host: str,
    port: int,
    token: str,
    as_json: bool,
) -> None:
    from mockehr.api.control import ControlApi
    from mockehr.edge.server import Server
    from mockehr.sites.directory import Directory

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    directory = Directory()
    server = Server(directory, host=host, port=port, control=ControlApi(directory, token=token))
    for site, own_port in sites:
        server.admit(site, port=own_port)
    for name in shared:
        lobby = directory.get(name)
        directory.share(lobby, partial(_tenant, lobby))
    for peer in peers:
        peer.join(directory.get(peer.site))
    async with server:
        listening: dict[str, list[int]] = {}
        for one_hearing in hearings:
            listener = await server.listen_mllp(directory.get(one_hearing.site), one_hearing.port)
            listening.setdefault(one_hearing.site, []).append(listener.port)
        rows = [_row(server, site, listening.get(site.name, []), peers) for site in directory]
        _tell(server, rows, as_json)
        await stop.wait()


def _tenant(lobby: Site, name: str, credential: Credential) -> Site:
    """A site like the one at the address, with the client that asks for it."""
    return _built(replace(lobby.options, name=name), credential.text if credential.kind == "client" else "demo")


def _row(server: Server, site: Site, listening: list[int], peers: Sequence[Feed | Receiver]) -> dict[str, Any]:
    """Where a site is, as `--json` prints it; `port` is its own, null if it has none."""
    root = server.url_of(site)
    return {
        "site": site.name,
        "personality": site.personality.name,
        "port": server.directory.own_port(site),
        "fhir": root + site.fhir_path,
        "token": root + site.token_path,
        "mllp": [f"{server.host}:{port}" for port in listening],
        "hl7_to": [peer.address for peer in peers if isinstance(peer, Feed) and peer.site == site.name],
        "webhooks": [peer.url for peer in peers if isinstance(peer, Receiver) and peer.site == site.name],
    }


def _tell(server: Server, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"url": server.url, "sites": rows}).decode())
        return
    for row in rows:
        click.echo(f"{row['site']:12} {row['personality']:10} {row['fhir']}   token: {row['token']}")
        for key, label in (("mllp", "HL7 in"), ("hl7_to", "HL7 out"), ("webhooks", "webhook")):
            for place in row[key]:
                click.echo(f"{'':12} {label:10} {place}")
    at = "" if server.url == DEFAULT_SERVER else f" --server {server.url}"
    click.echo(f"token        mockehr token {rows[0]['site']}{at}", err=True)
    click.echo(f"control      {server.url}/_mockehr   (Ctrl-C stops)", err=True)
