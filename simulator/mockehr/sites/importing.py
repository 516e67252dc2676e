"""Imports at one site: the desk of `mockehr.fhir.bulk.import_desk`, wired to its tokens and its vendor's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.bulk import Found, ImportDesk, ImportSettings
from mockehr.fhir.bulk.import_desk import Writable

if TYPE_CHECKING:
    from mockehr.sites.site import Site

NEEDED: Final = ("create", "update")
"""Permissions on every imported type."""


def import_desk(site: Site) -> ImportDesk:
    """The desk of a site; raises ConfigError for wrong settings."""
    return ImportDesk(
        site.fhir,
        ImportSettings.of(site.personality.settings["import"]),
        site.endpoints.bulk,
        site.auth.drawers,
        # Two hospitals with one seed must not give one name to their jobs.
        lambda *names: site.chance.key(site.name, *names),
        writable,
    )


def writable(exchange: Exchange) -> Writable | Problem:
    """What the token of an exchange lets its client import: types of which system scopes cover every write."""
    scopes = exchange.scopes
    if not isinstance(scopes, Scopes):
        return lambda kind: True
    if exchange.patient or exchange.own:
        text = "The token is confined to a patient, and an import needs system scopes"
        return Problem(403, "scope-missing", text, value="$import")
    return lambda kind: all(("system", ()) in scopes.alternatives(kind, action) for action in NEEDED)


def answer_import(site: Site, exchange: Exchange, found: Found) -> Reply | Problem:
    """What is answered about an import: how far it is, what was refused, or that it is over."""
    status = found.what == "import-status"
    allowed = ("GET", "DELETE") if status else ("GET", "HEAD")
    if exchange.method == "OPTIONS":
        return Reply(204, [("Allow", ", ".join((*allowed, "OPTIONS")))])
    if exchange.method not in allowed:
        text = f"{exchange.method} is not offered here"
        return Problem(405, "interaction-unknown", text, where=", ".join(allowed))
    job = site.imports.job(found.job, None if site.open_access else exchange.client)
    if isinstance(job, Problem):
        return job
    exchange.notes["job"] = job.id
    if exchange.method == "DELETE":
        site.imports.cancel(job)
        return Reply(202)
    return site.imports.poll(job) if status else site.imports.errors(job, found.file)
