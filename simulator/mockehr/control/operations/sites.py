"""Making, listing and removing sites; what is in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mockehr.control.operation import NOTHING, Document, operation
from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.problem import Problem
from mockehr.fhir.intake import Intake, import_document
from mockehr.fhir.interactions.search import look_up
from mockehr.personalities.load import personality_names
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client


@operation("site list", "GET", "/sites", scope="server")
def listed(directory: Directory) -> dict[str, Any]:
    """Every site of this server; `port` is one of its own, null if it has none."""
    return {"sites": [show(site) | {"port": directory.own_port(site)} for site in directory]}


@operation("site add", "POST", "/sites", scope="server")
def add(
    directory: Directory,
    name: str,
    personality: str = "generic",
    patients: int = 0,
    seed: str = "7",
    stepped: bool = False,
    port: int = -1,
    environment: str = "",
    variance: str = "",
    fronts: str = "",
) -> dict[str, Any]:
    """Make a site and serve it from now on; with `port` also on one of its own, 0 for any free one.

    `environment` (`sandbox` or `production`) and `variance` (`realistic`) make it a plausible one of its vendor.
    `fronts` are the sites that a platform (redox, mirth …) stands in front of, by commas.
    """
    if personality not in personality_names():  # a path is for who starts the server: no caller reads its files
        raise UnknownName("personality", personality, personality_names())
    chosen: int | str = int(seed) if seed.lstrip("-").isdigit() else seed
    options = SiteOptions(name, personality=personality, patients=patients, seed=chosen, stepped=stepped)
    behind = tuple(directory.get(one.strip()).name for one in fronts.split(",") if one.strip())
    options = replace(options, environment=environment, variance=variance, fronts=behind)
    site = directory.add(build_site(options), port=None if port < 0 else port)
    try:
        directory.check()
    except UsageError:
        directory.remove(name)
        raise
    return show(site) | {"port": directory.own_port(site)}


@operation("site remove", "DELETE", "/sites/{name}", scope="server")
def remove(directory: Directory, name: str) -> dict[str, Any]:
    """Stop serving a site and forget it."""
    directory.remove(name)
    return {"removed": name}


@operation("site show", "GET", "")
def show(site: Site) -> dict[str, Any]:
    """One site: whom it resembles, how large it is, where its endpoints are (below the site's root).

    `apis` are the addresses of what its vendor has beside FHIR; `token_parameters` what a token request of a system
    has to say besides, empty where anything will do.
    """
    return {
        "name": site.name,
        "personality": site.personality.name,
        "drawn": dict(site.drawn.choices),
        "patients": site.options.patients,
        "seed": site.options.seed,
        "fhir": site.fhir_path,
        "token": site.token_path,
        "jwks": site.jwks_path,
        "assertion_algs": list(site.auth.settings.assertion_algs),
        "token_parameters": {name: value or "" for name, value in site.auth.settings.system_parameters.items()},
        "apis": {api.name: list(api.paths) for api in site.endpoints.apis.values()},
        "fronts": list(site.options.fronts),
        "entries": len(site.journal),
        "changes": len(site.log.changes),
    }


@operation("site reset", "POST", "/reset")
def reset(site: Site) -> dict[str, Any]:
    """Back to the first moment: written state, tokens, rules, journal and outbox are gone."""
    site.reset()
    return {"reset": site.name}


@operation("site upgrade", "POST", "/upgrades/{name}")
def upgrade(site: Site, name: str) -> dict[str, Any]:
    """Let a site take one of its upgrades now, and those that come before it; the site's `upgrade` names them."""
    site.upgrades.bring_forward(name)
    return {"taken": list(site.upgrades.taken), "to_come": [one.name for one in site.upgrades.to_come]}


@operation("site import", "POST", "/import")
def take_in(site: Site, resource: Document) -> dict[str, Any]:
    """Import a resource or Bundle given in the call; files and folders go in with `mockehr serve --import`."""
    intake = Intake()
    with site.store.transaction():
        import_document(site.store, dict(resource), intake, source="call", version=site.fhir.fhir_version)
    return {"stored": intake.stored, "refused": intake.refused}


@operation("site client", "POST", "/clients")
def client(
    site: Site, client_id: str, scopes: str, jwks: Document = NOTHING, jwks_uri: str = "", secret: str = ""
) -> dict[str, Any]:
    """Register a client by its keys (a JWK Set), the address of its keys, a secret, or else the public test keys."""
    made = register_demo_client(site, client_id, scopes, jwks=jwks or None, jwks_uri=jwks_uri, secret=secret)
    return {"client_id": made.client_id, "scopes": made.scopes.text}


@operation("site patients", "GET", "/patients")
def patients(site: Site, offset: int = 0, limit: int = 50, query: str = "") -> dict[str, Any]:
    """Ids of patients, in index order; second records of half-done merges come last.

    With a FHIR `query` such as `family=Smith&birthdate=ge1980`: those that match, whatever the vendor's own search
    allows or tells, and their exact number (null where counting would be dear).
    """
    if query:
        found = look_up(site.fhir, "Patient", query, offset=offset, limit=limit)
        if isinstance(found, Problem):
            raise UsageError(found.text, remedy="Write it as a FHIR search for Patient.")
        return {"total": found[0], "ids": [record.id for record in found[1]]}
    if site.charts is None:
        written = [record.id for record in site.store.overlay("Patient") if not record.deleted]
        return {"total": len(written), "ids": written[offset : offset + limit]}
    size = site.charts.size
    return {
        "total": size,
        "ids": [site.charts.patient_id(index) for index in range(offset, min(size, offset + limit))],
    }


@operation("snapshot take", "POST", "/snapshots/{name}")
def take(site: Site, name: str) -> dict[str, Any]:
    """Keep what was written so far under a name."""
    return {"snapshot": name, "changes": site.snapshots.take(name)}


@operation("snapshot restore", "POST", "/snapshots/{name}/restore")
def restore(site: Site, name: str) -> dict[str, Any]:
    """Go back to a snapshot; the journal, tokens and the clock go on."""
    return {"restored": name, "changes": site.snapshots.restore(name)}


@operation("snapshot list", "GET", "/snapshots")
def snapshots(site: Site) -> dict[str, Any]:
    """Names of all snapshots."""
    return {"snapshots": site.snapshots.names()}
