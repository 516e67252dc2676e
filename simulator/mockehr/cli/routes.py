"""`mockehr routes`: everything that a site answers, from the tables that it answers by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

import click
import orjson

from mockehr.sites.site import Site

METHODS: Final = MappingProxyType({"authorize": ("GET", "POST"), "oauth": ("GET", "POST")})
"""Methods of the channels that are not only read; of `oauth` only `userinfo` takes both."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `path` is below the server's root; `[id]` and `[vid]` stand for what varies."""

    site: str
    method: str
    path: str
    interaction: str
    channel: str
    resource_type: str = ""


@click.command()
@click.option("--site", "sites", multiple=True, metavar="NAME=PERSONALITY", help="A site; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the routes as JSON.")
def routes(sites: tuple[str, ...], as_json: bool) -> None:
    """Print every route of a site: method, path, interaction, resource type or channel.

    Without --site these are the routes of a site `main` with the personality `generic`. What a vendor puts into its
    paths by chance is as in `mockehr serve` with its default seed.
    """
    from mockehr.sites.build import build_site
    from mockehr.sites.options import SiteOptions

    named = [text.partition("=") for text in sites or ("main=generic",)]
    built = [
        build_site(SiteOptions(name, personality=vendor or "generic", seed=f"7/{name}")) for name, _, vendor in named
    ]
    rows = [route for site in built for route in routes_of(site)]
    if as_json:
        click.echo(orjson.dumps({"routes": [asdict(row) for row in rows]}).decode())
        return
    width = max(len(row.path) for row in rows)
    for row in rows:
        click.echo(f"{row.method:6} {row.path:{width}}  {row.interaction:20} {row.resource_type or row.channel}")


def routes_of(site: Site) -> Iterator[Route]:
    """The routes of one site: discovery and tokens first, then FHIR by resource type."""
    from mockehr.fhir.routes import ROUTES
    from mockehr.fhir.search.table import compartment
    from mockehr.sites.changed import METHODS as FEED_METHODS
    from mockehr.sites.endpoints import WELL_KNOWN
    from mockehr.sites.proprietary import routes_of_apis

    root = f"/{site.name}"
    base = root + site.fhir_path.rstrip("/")
    for path in sorted(WELL_KNOWN, reverse=True):
        yield Route(site.name, "GET", base + path, path.rpartition("/")[2], "discovery")
    for path, (channel, name) in site.endpoints.paths.items():
        if channel == "token":
            for grant in site.auth.settings.grants:
                yield Route(site.name, "POST", root + path, grant, channel)
        elif channel == "feed":
            for method in FEED_METHODS[name]:
                yield Route(site.name, method, root + path, name, channel)
        else:
            for method in METHODS.get(channel, ("GET",)):
                if channel == "authorize" or method == "POST" or name == "userinfo":
                    yield Route(site.name, method, root + path, name, channel)
    for method, path, what in routes_of_apis(tuple(site.endpoints.apis.values())):
        yield Route(site.name, method, root + path.replace("{", "[").replace("}", "]"), what, "proprietary")
    for what, path in site.bulk.addresses.offered():
        where = root + path.replace("{", "[").replace("}", "]")
        yield Route(site.name, "GET", where, what, "files")
        if what.endswith("-status"):
            yield Route(site.name, "DELETE", where, what.replace("status", "delete"), "files")
    for kind, offered in [("", site.fhir.system | {"capabilities"}), *sorted(site.fhir.types.items())]:
        for method, shape, interaction in ROUTES:
            if ("[type]" in shape) is not bool(kind):
                continue
            path = base + shape.replace("[type]", kind, 1)
            if interaction == "operation":
                yield from _operations(site, method, path, kind)
            elif interaction in offered and (interaction != "search-compartment" or compartment(kind)):
                yield Route(site.name, method, path, interaction, "fhir", kind)


def _operations(site: Site, method: str, path: str, kind: str) -> Iterator[Route]:
    from mockehr.fhir.operations import operations

    for name in sorted(site.fhir.operations(kind, "1" if "[id]" in path else "")):
        if method == "POST" or not operations()[name].affects_state:
            yield Route(site.name, method, path.replace("$[name]", f"${name}"), f"${name}", "fhir", kind)
