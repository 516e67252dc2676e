"""`mockehr serve` as a process of its own, asked over real sockets."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import hl7
import httpx2
import orjson
import pytest
from hl7.client import MLLPClient
from joserfc import jwk, jwt

from mockehr.auth.keys import read_bundled_key
from mockehr.cli.operations import ask
from mockehr.cli.serve import serve
from mockehr.control.facade import operations
from mockehr.events.sign import verify

ADMIT = (
    "MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A01^ADT_A01|A1|P|2.5.1\r"
    "EVN|A01|20260105120000\r"
    "PID|1||90001^^^WARD^MR||Muster^Erika||19800304|F\r"
    "PV1|1|I|3W^301^1||||||||||||||||V90001\r"
)
OWN = "urn:oid:2.16.840.1.113883.19.5|90001"
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:oid:2.16.840.1.113883.19.5", "value": "90001"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
}
START = "import sys; from mockehr.cli import main; sys.argv = ['mockehr', 'serve', *sys.argv[1:]]; main()"


class Served:
    """A running `mockehr serve --json`, and what it printed."""

    def __init__(self, *words: str, **environment: str) -> None:
        environment = {"MOCKEHR_SERVE_PATIENTS": "3", "MOCKEHR_SERVE_PORT": "0", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, "--json", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.printed: dict[str, Any] = orjson.loads(line)
        self.sites: dict[str, dict[str, Any]] = {row["site"]: row for row in self.printed["sites"]}

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Exit status and what went to stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said


Start = Callable[..., Served]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Served] = []

    def begin(*words: str, **environment: str) -> Served:
        running.append(Served(*words, **environment))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[tuple[str, queue.Queue[tuple[dict[str, str], bytes]]]]:
    arrived: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", arrived
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_site_with_a_port_of_its_own_is_served_and_printed_there(start: Start, http: httpx2.Client) -> None:
    served = start("--site", "north=epic@0", "--site", "south", "--open-access")
    north, south = served.sites["north"], served.sites["south"]
    assert south["port"] is None
    assert south["fhir"].startswith(f"{served.printed['url']}/south/")
    assert north["fhir"].startswith(f"http://127.0.0.1:{north['port']}/")
    assert "/north" not in north["fhir"]
    for row in (north, south):
        smart = http.get(f"{row['fhir']}/.well-known/smart-configuration").json()
        assert smart["token_endpoint"] == row["token"]
    assert served.stop()[0] == 0


def test_hl7_comes_in_by_the_port_that_is_printed(start: Start, http: httpx2.Client) -> None:
    served = start("--site", "north", "--site", "south", "--mllp", "north=0", "--mllp", "south=0", "--open-access")
    (place,) = served.sites["north"]["mllp"]
    host, _, port = place.rpartition(":")
    with MLLPClient(host, int(port)) as client:
        ack = hl7.parse(client.send_message(ADMIT).decode().strip("\x0b\x1c\r"))
        found = http.get(f"{served.sites['north']['fhir']}/Patient", params={"family": "muster"}).json()
        elsewhere = http.get(f"{served.sites['south']['fhir']}/Patient", params={"family": "muster"}).json()
        status, said = served.stop(signal.SIGTERM)
    assert str(ack["MSA.F1"]) == "AA"
    assert (found["total"], elsewhere["total"]) == (1, 0)
    assert (status, said) == (0, "")


def test_hl7_goes_out_from_one_site_to_another_and_webhooks_beside_it(
    start: Start, http: httpx2.Client, receiver: tuple[str, queue.Queue[tuple[dict[str, str], bytes]]]
) -> None:
    url, arrived = receiver
    south = start("--site", "south", "--mllp", "south=0", "--open-access", "--webhook", f"south={url}")
    (place,) = south.sites["south"]["mllp"]
    words = ["--hl7-to", f"north={place}", "--webhook", f"north={url}", "--webhook-secret", "hush", "--open-access"]
    north = start("--site", "north", *words)
    assert north.sites["north"]["hl7_to"] == [place]
    assert north.sites["north"]["webhooks"] == [url]
    assert http.post(f"{north.sites['north']['fhir']}/Patient", json=PATIENT).status_code == 201

    told = [arrived.get(timeout=10) for _ in range(2)]  # by north over HTTP, and by south once it had it over HL7
    assert {orjson.loads(body)["type"] for _, body in told} == {"patient.created"}
    signed = [(headers.get("x-mockehr-signature", ""), body) for headers, body in told]
    checked = [verify("hush", header, body, now=0, tolerance=1 << 40) for header, body in signed if header]
    assert checked == [""]
    found = http.get(f"{south.sites['south']['fhir']}/Patient", params={"family": "muster"}).json()
    assert found["total"] == 1
    assert [north.stop()[0], south.stop()[0]] == [0, 0]


def test_peers_that_are_not_there_do_not_hold_up_the_end(start: Start, http: httpx2.Client) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        words = ["--open-access", "--hl7-to", f"main={place}", "--webhook", f"main=http://{place}/"]
        served = start(*words)
        for _ in range(3):
            assert http.post(f"{served.sites['main']['fhir']}/Patient", json=PATIENT).status_code == 201
        assert served.stop() == (0, "")


def test_every_option_is_also_an_environment_variable(start: Start, http: httpx2.Client) -> None:
    served = start(
        MOCKEHR_SERVE_SITE="north=epic@0 south",
        MOCKEHR_SERVE_MLLP="north=0 south=0",
        MOCKEHR_SERVE_HL7_TO="north=127.0.0.1:1",
        MOCKEHR_SERVE_WEBHOOK="south=http://127.0.0.1:1/",
        MOCKEHR_SERVE_OPEN_ACCESS="1",
        MOCKEHR_SERVE_STEPPED="yes",
        MOCKEHR_SERVE_CONTROL_TOKEN="hush",
    )
    assert [(row["personality"], len(row["mllp"])) for row in served.sites.values()] == [("epic", 1), ("generic", 1)]
    assert [len(row["hl7_to"]) + 2 * len(row["webhooks"]) for row in served.sites.values()] == [1, 2]
    assert http.get(f"{served.printed['url']}/_mockehr/sites").status_code == 401
    listed = ask(operations().get("site list"), served.printed["url"], "hush", {})
    assert [site["patients"] for site in listed["sites"]] == [3, 3]


def test_the_variable_of_every_option_is_named_like_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"--host": "localhost", "--port": "1", "--patients": "1", "--import": __file__, "--replay": os.curdir}
    for option in (p for p in serve.params if isinstance(p, click.Option)):
        words = option.opts[0].lstrip("-").upper().replace("-", "_")
        text = values.get(option.opts[0], "1")
        monkeypatch.setenv(f"MOCKEHR_SERVE_{words}", text)
        context = click.Context(serve, info_name="serve", auto_envvar_prefix="MOCKEHR_SERVE")
        assert option.resolve_envvar_value(context) == text, option.opts[0]
        monkeypatch.delenv(f"MOCKEHR_SERVE_{words}")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--mllp", "nroth=0"], 2, "There is no site named 'nroth'"),
        (["--site", "north=epc"], 2, "nearest: epic"),
        (["--site", "north@x"], 2, "'x' is no port"),
        (["--site", "north", "--site", "north"], 2, "Two sites are named 'north'"),
        (["--host", "0.0.0.0"], 2, "--control-token"),
        (["--port", "99999"], 2, "not in the range 0<=x<=65535"),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(words: list[str], status: int, said: str) -> None:
    command = [sys.executable, "-c", START, "--port", "0", "--patients", "0", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status
    assert said in done.stderr


@pytest.mark.parametrize("option", ["--mllp=main={}", "--site=main@{}", "--port={}"])
def test_a_port_that_is_taken_is_a_problem_of_the_environment(option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["--port", "0", "--patients", "0", option.format(taken.getsockname()[1])]
        done = subprocess.run(
            [sys.executable, "-c", START, *words], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 3
    assert "Cannot listen on 127.0.0.1" in done.stderr


def test_commands_reach_a_server_on_loopback_past_a_proxy(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    served = start()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for host in ("127.0.0.1", "localhost"):
        server = served.printed["url"].replace("127.0.0.1", host)
        assert [site["name"] for site in ask(operations().get("site list"), server, "", {})["sites"]] == ["main"]


def test_two_clients_at_a_shared_address_do_not_meet(start: Start) -> None:
    running = start("--site", "ci=epic", "--per-client", "ci")
    row = running.sites["ci"]
    key = jwk.import_key(dict(read_bundled_key("client-1-ES384")))
    found: list[tuple[int, int]] = []
    with httpx2.Client(trust_env=False) as http:
        for client in ("job-1", "job-2", "job-1"):
            token = token_of(http, row["token"], client, key)
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"}
            made = http.post(f"{row['fhir']}/Patient", json=PATIENT, headers=headers)
            matches = http.get(f"{row['fhir']}/Patient", params={"identifier": OWN}, headers=headers).json()
            found.append((made.status_code, len([e for e in matches["entry"] if e["search"]["mode"] == "match"])))
        assert http.get(f"{row['fhir']}/Patient/x", headers={"Authorization": "Bearer no"}).status_code == 401
    assert found == [(201, 1), (201, 1), (201, 2)]
    listed = ask(operations().get("site list"), running.printed["url"], "", {})
    assert len(listed["sites"]) == 3


def token_of(http: httpx2.Client, url: str, client: str, key: Any) -> str:
    """An access token by SMART Backend Services."""
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": url, "exp": now + 200, "jti": f"{client}-{time.monotonic_ns()}"}
    form = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.crs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "ES384", "kid": key.kid}, claims, key, algorithms=["ES384"]),
    }
    answer = http.post(url, data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def test_a_server_file_is_served_with_all_that_it_says(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text(
        "version: 1\n"
        "sites:\n"
        "  - name: north\n"
        "    personality: epic\n"
        "    patients: 4\n"
        "    quirks: [{use: rate-limit, with: {budget: 0}}]\n"
        "    hl7: {listen: 0}\n"
        "  - name: west\n"
        "    patients: 1\n"
        "    open_access: true\n"
        "    webhooks: [{name: crm, url: http://127.0.0.1:9/}]\n"
    )
    running = start("--config", str(file), "--site", "south=oracle")
    assert sorted(running.sites) == ["north", "south", "west"]
    assert running.sites["west"]["receivers"] == ["http://127.0.0.1:9/ (crm)"]
    assert len(running.sites["north"]["mllp"]) == 1
    with httpx2.Client(trust_env=False) as http:
        assert http.get(running.sites["north"]["fhir"] + "/metadata").status_code == 429
        assert http.get(running.sites["south"]["fhir"] + "/metadata").status_code == 200
        assert http.get(running.sites["west"]["fhir"] + "/Patient").status_code == 200


def test_options_that_no_site_would_heed_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("sites: [{name: north}]\n")
    command = [sys.executable, "-c", START, "--config", str(file), "--open-access", "--store", "sqlite:data"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "--store, --open-access would have no effect" in done.stderr


def test_what_was_written_outlives_a_server_that_is_killed(start: Start, http: httpx2.Client, tmp_path: Path) -> None:
    words = ("--site", "north", "--open-access", "--store", f"sqlite:{tmp_path / 'kept'}")
    served = start(*words)
    made = http.post(f"{served.sites['north']['fhir']}/Patient", json=PATIENT)
    assert made.status_code == 201
    id = made.headers["location"].partition("/Patient/")[2].partition("/")[0]
    assert served.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    again = start("--site", "north", "--open-access", MOCKEHR_SERVE_STORE=words[-1])
    assert http.get(f"{again.sites['north']['fhir']}/Patient/{id}").json()["name"] == PATIENT["name"]
    assert again.stop()[0] == 0
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["north.sqlite"]


def test_a_platform_stands_in_front_of_a_site(start: Start, http: httpx2.Client) -> None:
    words = ["--site", "hub=redox", "--site", "north=epic", "--fronts", "hub=north", "--open-access"]
    served = start(*words)
    root = served.sites["hub"]["fhir"]
    answer = http.get(f"{root}/north/Development/metadata", headers={"Accept": "application/fhir+json"})
    assert answer.json()["resourceType"] == "CapabilityStatement"
    assert http.get(f"{root}/nobody/Development/metadata").status_code == 403


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--site", "hub=redox", "--site", "north", "--fronts", "hub=nroth"], "nearest: north"),
        (["--site", "hub=redox", "--site", "north"], "--fronts hub=NAME"),
        (["--site", "hub=epic", "--site", "north", "--fronts", "hub=north"], "such as redox or mirth"),
        (
            ["--site", "hub=redox", "--site", "north", "--fronts", "hub=north", "--workers", "2"],
            "Serve without --workers",
        ),
    ],
)
def test_a_platform_in_front_of_nobody_is_refused(words: list[str], said: str, tmp_path: Path) -> None:
    store = ["--store", f"sqlite:{tmp_path}"] if "--workers" in words else []
    command = [sys.executable, "-c", START, "--port", "0", "--patients", "0", *store, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert said in done.stderr
