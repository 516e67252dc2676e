"""Patients' journeys: which there are, and those that run at a site. Their models load on use: they are many."""

from __future__ import annotations

from typing import Any

from mockehr.config.document import Document as File
from mockehr.control.operation import NOTHING, Document, operation
from mockehr.core.errors import ConfigError
from mockehr.sites.directory import Directory
from mockehr.sites.pathway_setup import ALL, pathway_names
from mockehr.sites.site import Site


@operation("pathway list", "GET", "/pathways", scope="server", offline=True)
def listed(directory: Directory) -> dict[str, Any]:
    """The pathways that come with mockehr."""
    from mockehr.pathways.shipped import shipped_pathways

    found = shipped_pathways().values()
    return {"pathways": [{"name": p.name, "title": p.title, "share": p.share, "steps": p.count()} for p in found]}


@operation("pathway show", "GET", "/pathways/{name}", scope="server", offline=True)
def show(directory: Directory, name: str) -> dict[str, Any]:
    """One of them as JSON, times in seconds; `--brief` on the command line: its file, to copy from."""
    from mockehr.pathways.shipped import shipped_pathway

    return shipped_pathway(name).plain()


@operation("pathway add", "POST", "/pathways")
def add(site: Site, pathway: Document) -> dict[str, Any]:
    """Let a site know a pathway of your own, which `pathway start` and `pathway rate` then take by its name."""
    from mockehr.pathways.schema import pathway_from

    made = pathway_from(File("pathway", dict(pathway)))
    site.pathways.add(made)
    return {"pathway": made.name, "steps": made.count()}


@operation("pathway start", "POST", "/pathways/{name}/start")
def start(site: Site, name: str, patient: str = "", person: Document = NOTHING) -> dict[str, Any]:
    """Start a pathway now; `person` says who: `main.family=Smith,main.sex=female`, or objects by their names."""
    number = site.pathways.start(name, patient=patient, persons=_persons(person))
    return {"run": number, "pathway": name}


def _persons(told: Document) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, value in told.items():
        who, dot, setting = key.partition(".")
        if dot:
            found.setdefault(who, {})[setting] = value
        elif isinstance(value, dict):
            found.setdefault(who, {}).update(value)
        else:
            raise ConfigError("A person is told by settings.", [f"{key} is {value!r}; write {key}.family=Smith"])
    return found


@operation("pathway rate", "POST", "/pathways/rate")
def rate(site: Site, rate: str, use: str = "") -> dict[str, Any]:
    """Let patients come at a rate (`200/h`; `0` for none), by the pathways that are named in `use`, or `all`."""
    from mockehr.pathways.scalars import rate as per_second

    try:
        wanted = per_second(rate)
    except ValueError as error:
        raise ConfigError("Patients cannot come like that.", [f"rate: {error}"]) from error
    names = [name.strip() for name in use.split(",") if name.strip()]
    names = [one for one in pathway_names() if one != ALL] if ALL in names else names
    site.pathways.draw_at(wanted, names or None)
    return {"rate": site.pathways.report()["rate"]}


@operation("pathway runs", "GET", "/pathways/runs")
def runs(site: Site, limit: int = 50) -> dict[str, Any]:
    """Runs that are under way and over (the latest first), beds, and the rate at which patients come."""
    told = site.pathways.report()
    return told | {"running": told["running"][-limit:][::-1], "over": told["over"][-limit:][::-1]}


@operation("pathway stop", "POST", "/pathways/runs/{number}/stop")
def stop(site: Site, number: int) -> dict[str, Any]:
    """Let nothing more happen in a run; whoever lies in a bed stays there."""
    site.pathways.stop(number)
    return {"stopped": number}
