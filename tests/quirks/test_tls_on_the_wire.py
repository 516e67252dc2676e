"""Servers that speak HTTPS, and what clients see when the certificate is wrong."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

import httpx2
import pytest

from mockehr.core.errors import UsageError
from mockehr.edge.accepting import Shared
from mockehr.edge.server import Server, ThreadedServer
from mockehr.quirks.rule import quirks
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes import probes
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

COMPLAINTS = {
    "expired": "expired",
    "early": "not yet valid",
    "wrong-name": "mismatch",
    "self-signed": "self-signed",
    "old-protocol": "PROTOCOL_VERSION|EOF",
}
WAIT = 30


@pytest.fixture
def running() -> Iterator[ThreadedServer]:
    """Two sites over HTTPS: `north` on a port of its own."""
    server = Server(Directory(), tls=True)
    for name, port in (("north", 0), ("south", None)):
        server.admit(build_site(SiteOptions(name, patients=3, stepped=True, open_access=True)), port=port)
    threaded = ThreadedServer(server).start()
    yield threaded
    threaded.stop()


Client = Callable[[bool], httpx2.Client]


@pytest.fixture
def client(running: ThreadedServer) -> Iterator[Client]:
    """Makes clients that verify, or do not."""
    made: list[httpx2.Client] = []

    def make(verifies: bool) -> httpx2.Client:
        context = ssl.create_default_context(cafile=str(running.server.ca_file))
        if not verifies:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        made.append(httpx2.Client(verify=context, timeout=WAIT, trust_env=False))
        return made[-1]

    yield make
    for one in made:
        one.close()


def site_of(running: ThreadedServer, name: str) -> tuple[Site, str]:
    site = running.server.directory.get(name)
    return site, f"{running.server.url_of(site)}{site.fhir_path.rstrip('/')}/Patient/p1"


def judged(site: Site) -> str:
    return probes().get("verifies-tls").judge(Case(tuple(site.journal))).verdict


@pytest.mark.parametrize("name", ["north", "south"])
def test_a_client_that_trusts_the_authority_is_served_on_every_port(
    name: str, running: ThreadedServer, client: Client
) -> None:
    site, url = site_of(running, name)
    assert url.startswith("https://127.0.0.1:")
    assert client(True).get(url).json()["id"] == "p1"
    (entry,) = site.journal
    assert entry.base_url.startswith("https://")
    assert entry.notes == {}
    assert judged(site) == "not-applicable"


@pytest.mark.parametrize("shown", COMPLAINTS)
@pytest.mark.parametrize("name", ["north", "south"])
def test_who_verifies_sends_nothing_and_passes(
    name: str, shown: str, running: ThreadedServer, client: Client
) -> None:
    site, url = site_of(running, name)
    site.arm({"use": "tls-faults", "with": {"certificate": shown}, "when": {"first": 1}})
    http = client(True)
    with pytest.raises(httpx2.ConnectError, match=COMPLAINTS[shown]):
        http.get(url)
    (entry,) = site.journal
    assert entry.interaction is not None
    assert entry.interaction.name == "handshake"
    assert judged(site) == "pass"
    assert http.get(url).status_code == 200  # shown the good one
    assert judged(site) == "pass"
    assert [rule.fired for rule in site.rules] == [1]


@pytest.mark.parametrize("shown", ["expired", "wrong-name", "self-signed"])
def test_who_does_not_verify_gets_through_and_fails(shown: str, running: ThreadedServer, client: Client) -> None:
    site, url = site_of(running, "north")
    site.arm({"use": "tls-faults", "with": {"certificate": shown}})
    http = client(False)
    assert [http.get(url).status_code for _ in range(2)] == [200, 200]
    assert [entry.notes.get("certificate") for entry in site.journal] == [None, shown, shown]
    assert judged(site) == "fail"


def test_a_rule_of_a_port_of_its_own_is_none_of_the_others_business(running: ThreadedServer, client: Client) -> None:
    north, _ = site_of(running, "north")
    north.arm({"use": "tls-faults"})
    _, url = site_of(running, "south")
    assert client(True).get(url).status_code == 200
    assert len(north.journal) == 0
    north.mischief.clear()


def test_effects_on_bytes_reach_through_tls(running: ThreadedServer, client: Client) -> None:
    site, url = site_of(running, "north")
    site.arm({"use": "reset", "when": {"first": 1}})
    http = client(True)
    with pytest.raises(httpx2.TransportError):  # some versions of Python take a reset under TLS for an end
        http.get(url)
    assert http.get(url).status_code == 200


def test_several_processes_do_not_serve_https() -> None:
    with pytest.raises(UsageError, match="HTTPS"):
        Server(Directory(), tls=True, shared=Shared({}, None))  # type: ignore[arg-type]


def test_there_is_one_quirk_of_https_and_it_needs_a_certificate_that_there_is() -> None:
    assert [name for name, quirk in quirks().items() if quirk.about.family == "tls"] == ["tls-faults"]
    with pytest.raises(ValueError, match="did you mean expired"):
        quirks().get("tls-faults")("expird")
