"""Exports where several processes are one site: what one is asked for, any other can give."""

from __future__ import annotations

from pathlib import Path

from tests.sites.exporter import Exporter, truth

from mockehr.sites.build import build_site
from mockehr.sites.commons import Commons, prepare
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def test_a_job_of_one_process_is_polled_fetched_and_cancelled_at_others(tmp_path: Path) -> None:
    def made() -> Site:
        store = f"sqlite:{tmp_path}"
        return build_site(SiteOptions("a", patients=12, stepped=True, store=store, settings={"bulk": {"chunk": 5}}))

    first = made()
    prepare(first, tmp_path)
    sites = [first, made()]
    commons = [Commons(site, tmp_path) for site in sites]
    one, other = (Exporter(site) for site in sites)
    reply = one.kick_off("/Patient")
    assert other.send("GET", reply.header("Content-Location"), one.headers).status == 202
    sites[0].clock.advance(3600)
    manifest = other.manifest(reply)
    assert other.records(manifest) == truth(sites[1])
    assert one.records(manifest) == truth(sites[0])
    assert list(sites[0].bulk.steps(sites[0].bulk.jobs()[0])) == [], "counted by the other"
    second = other.kick_off("/Patient").header("Content-Location")
    assert second != reply.header("Content-Location")
    assert one.send("DELETE", second).status == 202
    assert other.send("GET", second).status == 404
    assert not sites[1].bulk.work(1), "nobody goes on with what was cancelled"
    for held, site in zip(commons, sites, strict=True):
        held.close()
        site.close()
