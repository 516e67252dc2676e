"""Exports: the groups that can be exported, what was ordered, and cancelling it."""

from __future__ import annotations

from typing import Any

from mockehr.control.operation import operation
from mockehr.core.clock import instant
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.fhir.bulk import Job
from mockehr.sites.site import Site


@operation("bulk groups", "GET", "/bulk/groups")
def groups(site: Site) -> dict[str, Any]:
    """Every Group of the site: name, id, how many patients; computed ones first, then those that were written."""
    computed = site.charts.groups if site.charts is not None else None
    rolls = computed.rolls if computed is not None else {}
    found: list[JSON] = []
    for name, roll in rolls.items():
        assert computed is not None
        found.append({"name": name, "id": computed.id_of(name), "patients": roll.size, "written": False})
    for record in site.store.overlay("Group"):
        if not record.deleted:
            document = record.document
            members = document.get("member")
            count = len(members) if isinstance(members, list) else 0
            found = [one for one in found if one["id"] != record.id]
            found.append({"name": document.get("name", ""), "id": record.id, "patients": count, "written": True})
    return {"groups": found}


@operation("bulk jobs", "GET", "/bulk/jobs")
def jobs(site: Site) -> dict[str, Any]:
    """Every export that was ordered and has not expired, oldest first: who, what, and when it is done."""
    return {"jobs": [_told(site, job) for job in site.bulk.jobs()]}


@operation("bulk cancel", "DELETE", "/bulk/jobs/{id}")
def cancel(site: Site, id: str) -> dict[str, Any]:
    """End an export, as if its client had deleted it: whoever asks after it finds nothing."""
    job = site.bulk.job(id, None)
    if not isinstance(job, Job):
        raise UnknownName("export", id, [one.id for one in site.bulk.jobs()])
    site.bulk.cancel(job)
    return {"cancelled": job.id}


def _told(site: Site, job: Job) -> JSON:
    return {
        "id": job.id,
        "client": job.client,
        "level": job.level,
        "group": job.group,
        "patients": job.size,
        "types": len(job.types),
        "kicked_off": instant(job.kicked_off),
        "due": instant(job.due),
        "expires": instant(job.expires),
        "state": "complete" if site.clock.now() >= job.due else "in progress",
    }
