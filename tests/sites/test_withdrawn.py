"""Bases of versions of FHIR that a vendor has withdrawn, over HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from xml.etree import ElementTree

import orjson
import pytest

from mockehr.core.errors import ConfigError
from mockehr.edge.server import Server, ThreadedServer
from mockehr.journal.entry import entry
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, withdrawn_at
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


@pytest.fixture(scope="module")
def served() -> Iterator[ThreadedServer]:
    threaded = ThreadedServer(Server(Directory())).start()
    for vendor in ("generic", "epic", "oracle"):
        threaded.call(threaded.server.admit, build_site(SiteOptions(vendor, vendor, stepped=True)))
    yield threaded
    threaded.stop()


def site_of(served: ThreadedServer, vendor: str) -> Site:
    return served.server.directory.get(vendor)


def ask(served: ThreadedServer, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.server.port, timeout=10)
    try:
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


def bases(site: Site) -> dict[str, int]:
    return site.personality.withdrawn(site.facts)


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
@pytest.mark.parametrize(
    "below", ["", "/", "/metadata", "/Patient/1?_format=json", "/.well-known/smart-configuration", "/Patient?name=a"]
)
def test_everything_below_a_withdrawn_base_is_refused_as_the_vendor_refuses(
    served: ThreadedServer, vendor: str, below: str
) -> None:
    site = site_of(served, vendor)
    for base, wanted in bases(site).items():
        status, kind, body = ask(served, f"/{vendor}{base}{below}")
        assert status == wanted
        if "xml" in kind:
            assert ElementTree.fromstring(body).tag == "{http://hl7.org/fhir}OperationOutcome"
        else:
            assert orjson.loads(body)["resourceType"] == "OperationOutcome"
        assert base.encode() in body
        assert site.fhir_path.encode() in body


@pytest.mark.behaviour("oracle", "dstu2-beside")
def test_vendors_have_withdrawn_their_own_paths(served: ThreadedServer) -> None:
    tenant = site_of(served, "oracle").fhir_path.rpartition("/")[2]
    assert bases(site_of(served, "generic")) == {"/fhir/DSTU2": 410, "/fhir/STU3": 410}
    assert set(bases(site_of(served, "epic"))) == {
        f"/interconnect-fhir-oauth/api/FHIR/{name}" for name in ("DSTU2", "STU3")
    }
    assert set(bases(site_of(served, "oracle"))) == {f"/dstu2/{tenant}", f"/stu3/{tenant}"}


def test_the_journal_has_it_as_an_exchange_of_the_site(served: ThreadedServer) -> None:
    site = site_of(served, "generic")
    ask(served, "/generic/fhir/DSTU2/Patient?name=a", "POST", b"{}")
    shown = entry(site.journal.get(site.journal.last))
    assert shown["channel"] == "fhir"
    assert (shown["method"], shown["path"], shown["query"]) == ("POST", "/Patient", "name=a")
    assert shown["problem"]["kind"] == "version-withdrawn"
    assert shown["reply"]["status"] == 410


def test_rules_of_the_site_hold_there_too(served: ThreadedServer) -> None:
    site = site_of(served, "generic")
    served.call(site.arm, {"use": "rate-limit", "with": {"budget": 1}})
    try:
        assert [ask(served, "/generic/fhir/DSTU2/Patient")[0] for _ in range(2)] == [410, 429]
    finally:
        served.call(site.disarm, "rate-limit")


@pytest.mark.parametrize("path", ["/fhir/DSTU2x/Patient", "/fhir/DSTU1/Patient", "/fhir/R4/Patient", "/"])
def test_other_paths_are_not_withdrawn(path: str) -> None:
    assert withdrawn_at(build_site(SiteOptions("a")), path) is None


def test_settings_name_other_bases_and_statuses_and_take_one_out() -> None:
    told = {"/old": 404, "/fhir/STU3": None}
    site = build_site(SiteOptions("a", settings={"withdrawn": told}))
    assert bases(site) == {"/fhir/DSTU2": 410, "/old": 404}
    with pytest.raises(ConfigError, match="404 or 410"):
        build_site(SiteOptions("a", settings={"withdrawn": {"/old": 500}}))
