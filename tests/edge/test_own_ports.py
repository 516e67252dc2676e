"""A site may have a port of its own beside the shared one; there its paths begin without its name."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx2
import orjson
import pytest

from mockehr.api.control import ControlApi
from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.keys import read_bundled_key
from mockehr.core.errors import DuplicateName, EnvironmentProblem
from mockehr.edge.server import Server, ThreadedServer
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client

WHO = {"use": "official", "family": "Muster"}


def made(name: str, vendor: str = "generic", *, open_access: bool = True) -> Site:
    return build_site(SiteOptions(name, vendor, patients=5, stepped=True, open_access=open_access))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def running() -> Iterator[ThreadedServer]:
    directory = Directory()
    server = Server(directory, control=ControlApi(directory))
    server.admit(made("north"), port=0)
    server.admit(made("south"))
    threaded = ThreadedServer(server).start()
    yield threaded
    threaded.stop()


def north_of(running: ThreadedServer) -> tuple[Site, str]:
    site = running.server.directory.get("north")
    return site, running.server.url_of(site)


def test_links_on_a_port_of_its_own_have_no_name_and_those_on_the_shared_one_do(
    running: ThreadedServer, http: httpx2.Client
) -> None:
    north, own = north_of(running)
    shared = f"{running.server.url}/north"
    assert own != running.server.url
    for root in (own, shared):
        base = root + north.fhir_path
        page = http.get(f"{base}/Patient", params={"_count": "2"}).json()
        assert [entry["fullUrl"].startswith(f"{base}/Patient/") for entry in page["entry"]] == [True, True]
        links = {link["relation"]: link["url"] for link in page["link"]}
        assert links["next"].startswith(base)
        assert len(http.get(links["next"]).json()["entry"]) == 2
        smart = http.get(f"{base}/.well-known/smart-configuration").json()
        assert smart["token_endpoint"] == root + north.token_path
        created = http.post(f"{base}/Patient", json={"resourceType": "Patient", "name": [WHO]})
        assert created.headers["location"].startswith(f"{base}/Patient/")


def test_a_port_of_its_own_knows_no_other_site(running: ThreadedServer, http: httpx2.Client) -> None:
    _, own = north_of(running)
    south = running.server.directory.get("south")
    assert http.get(f"{running.server.url}/south{south.fhir_path}/metadata").status_code == 200
    refused = http.get(f"{own}/south{south.fhir_path}/metadata")
    assert refused.status_code == 404
    assert "north has nothing at /south" in refused.json()["error"]


def test_the_audience_of_an_assertion_is_the_token_url_of_the_port_that_was_asked(http: httpx2.Client) -> None:
    server = Server(Directory())
    site = server.admit(made("north", "epic", open_access=False), port=0)
    register_demo_client(site)
    threaded = ThreadedServer(server).start()
    own, shared = server.url_of(site) + site.token_path, f"{server.url}/north{site.token_path}"
    statuses = []
    for number, (asked, audience) in enumerate([(own, own), (shared, shared), (own, shared), (shared, own)]):
        now = site.clock.now()
        signed = client_assertion("demo", audience, read_bundled_key("client-1-ES384"), now=now, jti=f"j{number}")
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
        }
        statuses.append(http.post(asked, data=form).status_code)
    threaded.stop()
    assert statuses == [200, 200, 400, 400]


def test_a_named_port_is_the_one_that_is_listened_on(http: httpx2.Client) -> None:
    port = free_port()
    directory = Directory()
    site = directory.add(made("north"), port=port)
    threaded = ThreadedServer(Server(directory)).start()
    answer = http.get(f"http://127.0.0.1:{port}{site.fhir_path}/metadata")
    threaded.stop()
    assert answer.status_code == 200
    with pytest.raises(httpx2.ConnectError):
        http.get(f"http://127.0.0.1:{port}/")


def test_a_site_may_join_and_leave_while_others_are_served(running: ThreadedServer, http: httpx2.Client) -> None:
    server = running.server
    west = running.call(server.admit, made("west"), port=0)
    own = server.url_of(west)
    assert http.get(f"{own}{west.fhir_path}/metadata").status_code == 200
    assert http.delete(f"{server.url}/_mockehr/sites/west").status_code == 200
    with httpx2.Client(trust_env=False) as fresh, pytest.raises(httpx2.ConnectError):
        fresh.get(f"{own}{west.fhir_path}/metadata")
    kept_open = http.get(f"{own}{west.fhir_path}/metadata")
    assert kept_open.status_code == 404
    assert http.get(f"{server.url}/south{west.fhir_path}/metadata").status_code == 200


def test_a_site_added_over_the_control_api_is_looked_after(running: ThreadedServer, http: httpx2.Client) -> None:
    server = running.server
    assert http.post(f"{server.url}/_mockehr/sites", content=orjson.dumps({"name": "late"})).status_code == 200
    site = server.directory.get("late")
    fired: list[float] = []
    running.call(site.clock.schedule, site.clock.now() + 0.02, lambda: fired.append(1.0), "look")
    for _ in range(100_000):
        if running.call(bool, fired):
            break
    assert fired == [1.0]


def test_a_port_that_is_taken_is_refused_and_leaves_nothing_behind(running: ThreadedServer) -> None:
    server = running.server
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentProblem, match="Cannot listen"):
            running.call(server.admit, made("east"), port=port)
        other = Server(Directory())
        other.admit(made("first"), port=0)
        other.admit(made("east"), port=port)
        with pytest.raises(EnvironmentProblem, match="Cannot listen"):
            running.run(other.start())
    assert [site.name for site in server.directory] == ["north", "south"]
    running.call(server.admit, made("east"), port=port)
    with pytest.raises(DuplicateName, match=f"port.*{port}"):
        running.call(server.admit, made("west"), port=port)


def test_hl7_listeners_of_a_site_that_leaves_are_closed(running: ThreadedServer) -> None:
    server = running.server
    north, _ = north_of(running)
    listeners = [running.run(server.listen_mllp(north)) for _ in range(2)]
    socket.create_connection(("127.0.0.1", listeners[0].port)).close()
    running.call(server.directory.remove, "north")
    running.run(server.stop())
    for listener in listeners:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", listener.port))
