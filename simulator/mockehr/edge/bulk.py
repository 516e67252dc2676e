"""Exports where there are sockets: the work is done in slices, between which everybody else is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.fhir.bulk import Job, Place
from mockehr.sites.files_stages import place_of
from mockehr.sites.site import Site

SLICE: Final = 2
"""Patients whose charts are written in one go, some hundredths of a second."""
IDLE: Final = 3600.0


def tend(site: Site) -> float:
    """Go on a little with the exports that were ordered at a site; wall seconds until there may be more to do."""
    site.bulk.tended = True
    return 0.0 if site.bulk.work(SLICE) else IDLE


def unfinished(site: Site, exchange: Exchange) -> bool:
    """Whether more than a look is needed to answer an exchange of channel `files`. It may do a step of it."""
    if exchange.result is not None:
        return False
    return next(_work_for(site, exchange), _DONE) is not _DONE


async def finish_work(site: Site, exchange: Exchange) -> None:
    """Do what is left to do before an exchange of channel `files` can be answered, a slice at a time."""
    if exchange.result is not None:
        return
    steps = _work_for(site, exchange)
    for number, _ in enumerate(steps, 1):
        if number % SLICE == 0:
            await asyncio.sleep(0)


def let_go(site: Site, exchange: Exchange) -> None:
    """The octets of a file were sent: the journal need not keep them. Manifests it keeps."""
    if "file" in exchange.notes:
        site.journal.release(exchange)


_DONE: Final = object()


def _work_for(site: Site, exchange: Exchange) -> Iterator[None]:
    """The steps before the manifest or the file that an exchange asks for is at hand.

    Who asks is not known yet: work is done for whoever knows the name of a job, and told to its client only.
    """
    found = place_of(site, exchange)
    if found is None or exchange.method not in ("GET", "HEAD"):
        return iter(())
    desk = site.bulk
    if found.what == "bulk-status":
        job = desk.job(found.job, None)
        ready = isinstance(job, Job) and site.clock.now() >= job.due
        return desk.steps(job) if ready and isinstance(job, Job) and not desk.goes_on(job) else iter(())
    if found.what == "bulk-file" and desk.settings.files == "redirect":
        return iter(())
    place = desk.locate(found.file, found.job, None)
    return desk.making(place.job, place.chunk).steps() if isinstance(place, Place) else iter(())
