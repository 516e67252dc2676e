"""`mockehr serve`: one or more sites until interrupted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
from click.core import ParameterSource

from mockehr.cli.loop import run_on_best_loop
from mockehr.cli.operations import DEFAULT_SERVER
from mockehr.cli.places import (
    Feed,
    Hearing,
    Receiver,
    Served,
    feed,
    fleet,
    fronting,
    hearing,
    of_known_sites,
    receiver,
    served,
)
from mockehr.cli.plan import Plan, tenant
from mockehr.core.errors import UsageError

if TYPE_CHECKING:
    from mockehr.config.settings import ServerConfig
    from mockehr.edge.server import Server
    from mockehr.sites.feeds import Link
    from mockehr.sites.site import Site

COMMON: Final = (
    "patients",
    "seed",
    "imports",
    "replay",
    "stepped",
    "open_access",
    "store",
    "pathways",
    "rate",
    "environment",
    "variance",
    "dirt",
)
"""Options that all sites named by --site have, as SiteOptions calls them."""


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
    "--fleet",
    "fleets",
    multiple=True,
    metavar="PERSONALITY=COUNT",
    envvar="MOCKEHR_SERVE_FLEET",
    help="So many different hospitals of one vendor: epic-1, epic-2 …, drawn from the seed; may be repeated.",
)
@click.option(
    "--environment",
    type=click.Choice(["sandbox", "production"]),
    default=None,
    help="What the vendor's sandboxes or production systems are like: data, limits, scopes.",
)
@click.option(
    "--variance",
    type=click.Choice(["none", "realistic"]),
    default="none",
    show_default=True,
    help="realistic: each site is a plausible hospital of its vendor, drawn from the seed.",
)
@click.option(
    "--dirt",
    default="",
    metavar="PRESET",
    help="How dirty the records are: sandbox, typical, decades or nightmare; clean unless told.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A server file in YAML: sites with clients, quirks, webhooks and feeds. --site adds to it; what is said of "
    "sites is said of those.",
)
@click.option(
    "--per-client",
    multiple=True,
    metavar="NAME",
    help="At this site's address, give every unseen client id a hospital of its own.",
)
@click.option(
    "--fronts",
    multiple=True,
    metavar="NAME=BEHIND[,BEHIND]",
    help="Let a platform (redox, mirth …) stand in front of other sites; may be repeated.",
)
@click.option("--patients", default=1000, show_default=True, help="Patients of each site, any number.")
@click.option("--seed", default="7", show_default=True, help="Seed of everything that is drawn.")
@click.option("--host", default=None, help="Address to listen on; 127.0.0.1 unless the file says another.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    metavar="PORT",
    help="Port to listen on, 0 for any free one; 8642 unless told.",
)
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
@click.option(
    "--pathways",
    multiple=True,
    metavar="NAME",
    help="Let patients come to each site and go through this pathway, or through all; may be repeated.",
)
@click.option("--rate", default="", metavar="RATE", help="How many of them: 200/h, 5/min, 1/d.")
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
@click.option(
    "--store",
    default="memory",
    show_default=True,
    metavar="PLACE",
    help="Where what is written lies: memory, or sqlite:FOLDER, where it lasts and several servers may share it.",
)
@click.option(
    "--upgrade",
    multiple=True,
    metavar="NAME[@DATE]",
    help="An upgrade of the vendor's that the sites take while they run, such as 2026-Q3; may be repeated.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes that serve the sites together, for load; more than one want --store sqlite:FOLDER.",
)
@click.option(
    "--tls", is_flag=True, help="Speak HTTPS, with certificates of a test authority whose own is printed as ca_file."
)
@click.option("--stepped", is_flag=True, help="Clocks that only move when told.")
@click.option("--open-access", is_flag=True, help="No bearer tokens wanted.")
@click.option("--control-token", default="", help="Token of the control API; required beyond loopback.")
@click.option(
    "--json", "as_json", is_flag=True, envvar="MOCKEHR_SERVE_JSON", help="Print where the sites are as JSON."
)
def serve(
    host: str | None, port: int | None, control_token: str, workers: int, tls: bool, as_json: bool, **given: Any
) -> None:
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
    _refuse_unheard(given["config"], (*given["sites"], *given["fleets"]))
    plan = _plan(host, port, control_token, config, given)
    if given["rate"] and not given["pathways"]:
        raise UsageError("--rate says how many patients come, and no --pathways why.", remedy="Give --pathways all.")
    if workers > 1 and (given["pathways"] or any(site.pathways for site in (config.sites if config else ()))):
        raise UsageError(
            "Pathways run in one process, or every patient would come several times.",
            remedy="Serve without --workers.",
        )
    if workers > 1:
        if tls:
            raise UsageError("Several processes do not serve HTTPS together.", remedy="Serve without --workers.")
        from mockehr.cli.workers import serve_together

        serve_together(plan, workers, as_json)
    else:
        run_on_best_loop(_serve(plan, list(plan.sites()), tls, as_json))


def _refuse_unheard(config: Path | None, named: Sequence[str]) -> None:
    """Raises UsageError if options are typed that only count for sites of --site, and there are none."""
    context = click.get_current_context()
    heard = (*COMMON, "upgrade")
    typed = [
        option.opts[0]
        for option in context.command.params
        if option.name in heard and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
    if config is not None and not named and typed:
        raise UsageError(
            f"{', '.join(typed)} would have no effect: it is for sites of --site, and {config.name} has its own.",
            remedy="Write it into the file, as patients, open_access, store, clock, import … of each site.",
        )


def _plan(host: str, port: int, token: str, config: ServerConfig | None, given: dict[str, Any]) -> Plan:
    fleets = [site for text in given["fleets"] for site in fleet(text)]
    named = [served(text) for text in given["sites"] or (() if config or fleets else ("main=generic",))] + fleets
    known = [*named, *(Served(site.name) for site in (config.sites if config else ()))]
    hearings = [hearing(text) for text in given["mllp"]]
    peers: list[Feed | Receiver] = [
        *map(feed, given["hl7_to"]),
        *(receiver(text, given["webhook_secret"]) for text in given["webhook"]),
    ]
    fronts: dict[str, tuple[str, ...]] = {}
    for name, behind in map(fronting, given["fronts"]):
        fronts[name] = (*fronts.get(name, ()), *behind)
    stand = [Hearing(one) for name, behind in fronts.items() for one in (name, *behind)]
    of_known_sites([*stand, *hearings, *peers, *(Hearing(name, 0) for name in given["per_client"])], known)
    if config:
        fed = [s for s in config.sites if s.hl7.listen or (s.hl7.folders is not None and s.hl7.folders.into)]
        hearings += [Hearing(site.name) for site in fed]
    return Plan(
        host=host,
        port=port,
        control_token=token,
        named=tuple(named),
        common={name: given[name] or "" if name == "environment" else given[name] for name in COMMON}
        | {"upgrade": _upgrades(given["upgrade"])},
        config=config,
        folder=given["config"].parent if config else Path(),
        peers=tuple(peers),
        hearings=tuple(hearings),
        per_client=tuple(given["per_client"]),
        fronts=fronts,
    )


def _upgrades(texts: tuple[str, ...]) -> list[str] | dict[str, str]:
    """`NAME` or `NAME@DATE` as a site's options take them."""
    pairs = [text.partition("@") for text in texts]
    dated = [bool(at) for _, at, _ in pairs]
    if any(dated) and not all(dated):
        raise UsageError(
            f"Some upgrades have a date and some have none: {' '.join(texts)}.",
            remedy="Give all of them a date (NAME@2026-02-01), or none, to take those that they come with.",
        )
    return {name: date for name, _, date in pairs} if any(dated) else [name for name, _, _ in pairs]


def _config(path: Path | None) -> ServerConfig | None:
    if path is None:
        return None
    from mockehr.sites.configured import load_server

    return load_server(path)


async def _serve(plan: Plan, sites: Sequence[tuple[Site, int | None]], tls: bool, as_json: bool) -> None:
    from mockehr.api.control import ControlApi
    from mockehr.edge.server import Server
    from mockehr.sites.directory import Directory

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    directory = Directory()
    control = ControlApi(directory, token=plan.control_token)
    server = Server(directory, host=plan.host, port=plan.port, control=control, tls=tls)
    for site, own_port in sites:
        server.admit(site, port=own_port)
    for name in plan.per_client:
        lobby = directory.get(name)
        directory.share(lobby, partial(tenant, lobby))
    plan.join_peers(directory)
    async with server:
        listening: dict[str, list[int]] = {}
        for one_hearing in plan.hearings:
            site, port = directory.get(one_hearing.site), one_hearing.port
            opened = await server.listen_all(site) if port is None else [await server.listen_mllp(site, port)]
            listening.setdefault(one_hearing.site, []).extend(receiver.port for receiver in opened)
        tell(server, [row(server, site, listening.get(site.name, []), plan.peers) for site in directory], as_json)
        await stop.wait()
    directory.close()


def row(server: Server, site: Site, listening: list[int], peers: Sequence[Feed | Receiver]) -> dict[str, Any]:
    """Where a site is, as `--json` prints it; `port` is its own, null if it has none."""
    root = server.url_of(site)
    return {
        "site": site.name,
        "personality": site.personality.name,
        "drawn": dict(site.drawn.choices),
        "port": server.directory.own_port(site),
        "fhir": root + site.fhir_path,
        "token": root + site.token_path,
        "mllp": [f"{server.host}:{port}" for port in listening],
        "hl7_to": [peer.address for peer in peers if isinstance(peer, Feed) and peer.site == site.name],
        "feeds": [_feed(link) for link in site.links.links.values()],
        "webhooks": [hook.url for hook in site.outbox.hooks.values()],
        "receivers": [f"{hook.url} ({hook.name})" for hook in site.outbox.hooks.values()],
    }


def _feed(link: Link) -> str:
    """A feed by its name (the address, unless a file says another) and where it leads."""
    if link.batch is not None and not link.port:
        return f"files ({link.name})"
    place = f"{link.host}:{link.port}"
    return place if link.name == place else f"{place} ({link.name})"


def tell(server: Server, rows: list[dict[str, Any]], as_json: bool, **more: Any) -> None:
    """Print where the sites are; `more` is for the JSON alone."""
    if as_json:
        secure = {"ca_file": str(server.ca_file)} if server.ca_file is not None else {}
        click.echo(orjson.dumps({"url": server.url, "sites": rows} | secure | more).decode())
        return
    wide = [max([least, *(len(row[key]) for row in rows)]) for key, least in (("site", 12), ("personality", 10))]
    for row in rows:
        who = f"{row['site']:{wide[0]}} {row['personality']:{wide[1]}}"
        click.echo(f"{who} {row['fhir']}   token: {row['token']}")
        for key, label in (("mllp", "HL7 in"), ("feeds", "HL7 out"), ("receivers", "webhook")):
            for place in row[key]:
                click.echo(f"{'':12} {label:10} {place}")
    at = "" if server.url == DEFAULT_SERVER else f" --server {server.url}"
    click.echo(f"token        mockehr token {rows[0]['site']}{at}", err=True)
    if telling := [row["site"] for row in rows if row["webhooks"]]:
        click.echo(f"events       mockehr events list {telling[0]} --brief{at}", err=True)
    if any(row["feeds"] for row in rows):
        click.echo(f"feeds        mockehr hl7 links {rows[0]['site']} --brief{at}", err=True)
    if server.ca_file is not None:
        click.echo(f"trust        {server.ca_file}   (as long as it is served)", err=True)
    click.echo(f"control      {server.url}/_mockehr   (Ctrl-C stops)", err=True)
