"""Sites in front of sites over real sockets: a client that reaches a hospital through a platform or an engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import hl7
import httpx2
import pytest
from hl7.client import MLLPClient

from mockehr.auth.assertion import client_assertion
from mockehr.core.errors import UnknownName
from mockehr.edge.mllp import MllpServer, Peer, Reaction
from mockehr.edge.mllp_site import listen_for
from mockehr.hl7.ack import acknowledge
from mockehr.sites.configured import load_server
from mockehr.testing.receiver import Receiver
from mockehr.testing.world import TestSite, World

MEDIA = {"Content-Type": "application/fhir+json"}
PATIENT = {"resourceType": "Patient", "name": [{"family": "Muster", "given": ["Erika"]}], "birthDate": "1980-03-04"}
ADMIT = (
    "MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A01^ADT_A01|{id}|P|2.5.1\r"
    "EVN|A01|20260105120000\r"
    "PID|1||90001^^^WARD^MR||Muster^Erika||19800304|F\r"
    "PV1|1|I|3W^301^1||||||||||||||||V90001\r"
)


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=10) as client:
        yield client


def root(site: TestSite) -> str:
    """Where the site's paths begin."""
    return site.fhir_url.removesuffix(site.site.fhir_path)


def token(site: TestSite, http: httpx2.Client) -> dict[str, str]:
    """An Authorization header of a new client that signs its assertion."""
    client = site.client()
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": client_assertion(client.client_id, client.token_url, client.key, now=site.now, jti="1"),
    }
    answer = http.post(client.token_url, data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_a_client_reads_writes_and_is_told_through_redox(
    mockehr: World, mockehr_webhooks: Receiver, http: httpx2.Client
) -> None:
    north = mockehr.site("oracle", name="north", patients=5, stepped=True)
    hub = mockehr.site("redox", name="hub", stepped=True, fronts=("north",))
    hub.webhook(mockehr_webhooks.url, form="redox", payload="full", secret="t0ken")
    bearer = token(hub, http)
    base = f"{root(hub)}/fhir/R4/north/Production"
    assert http.get(f"{base}/Patient?family=a").status_code == 401

    assert north.site.charts is not None
    id = north.site.charts.patient_id(0)
    patient = http.get(f"{base}/Patient/{id}", headers=bearer).json()
    found = http.get(f"{base}/Encounter", params={"patient": id, "_count": "1"}, headers=bearer).json()
    links = {link["relation"]: link["url"] for link in found["link"]}
    assert patient["id"] == id
    assert links["next"].startswith(f"{base}/")
    assert http.get(links["next"], headers=bearer).json()["entry"][0]["resource"]["resourceType"] == "Encounter"

    meta = {"DataModel": "PatientSearch", "EventType": "Query", "Destinations": [{"Name": "north"}]}
    body = {"Meta": meta, "Patient": {"Identifiers": [{"ID": id, "IDType": "FHIR"}]}}
    told = http.post(f"{root(hub)}/endpoint", json=body, headers=bearer).json()
    assert told["Patient"]["Demographics"]["LastName"] == patient["name"][0]["family"]

    north._call(north.site.store.commit, PATIENT | {"id": "zz"}, kind="create", source="control")
    (arrival,) = mockehr_webhooks.wait_for(1)
    assert arrival.json["Meta"]["EventType"] == "NewPatient"
    assert arrival.headers["verification-token"] == "t0ken"
    assert [entry.client for entry in north.journal(channel="fhir")] == ["hub"] * 4
    entries = {entry.number: entry for entry in north.journal(channel="fhir")}
    for entry in hub.journal(channel="fhir")[1:]:
        (behind,) = entry.notes["behind"]
        assert entries[behind["entry"]].notes["front"]["entry"] == entry.number


def test_a_hospital_that_fails_is_a_success_with_issues_at_the_front(mockehr: World, http: httpx2.Client) -> None:
    north = mockehr.site(name="north", patients=3, stepped=True)
    hub = mockehr.site("redox", name="hub", stepped=True, open_access=True, fronts=("north",))
    base = f"{root(hub)}/fhir/R4/north/Development"
    north.quirk("rate-limit", budget=1)
    assert http.get(f"{base}/Patient/p0").json()["resourceType"] == "Patient"
    throttled = http.get(f"{base}/Patient/p0")
    assert (throttled.status_code, throttled.json()["resourceType"]) == (200, "OperationOutcome")
    north._call(north.site.disarm, "rate-limit")
    north.quirk("lost-response")
    lost = http.post(f"{base}/Patient", json=PATIENT, headers=MEDIA)
    assert (lost.status_code, lost.json()["issue"][0]["code"]) == (200, "transient")
    assert len(north.site.log.changes) == 1


def test_a_scheduler_books_through_a_copy_that_is_written_later(mockehr: World, http: httpx2.Client) -> None:
    from mockehr.sites.test_client import register_demo_client

    north = mockehr.site(name="north", patients=4, stepped=True)
    hub = mockehr.site("nexhealth", name="hub", stepped=True, fronts=("north",))
    hub._call(register_demo_client, hub.site, "app", secret="s3cret")
    version = {"Nex-Api-Version": "v3.0.0"}
    answer = http.post(f"{root(hub)}/authenticates", headers=version | {"Authorization": "app.s3cret"})
    headers = version | {"Authorization": f"Bearer {answer.json()['data']['token']}"}
    here = {"subdomain": "north", "location_id": "1001"}
    who = http.get(f"{root(hub)}/patients", params=here, headers=headers).json()["data"][0]
    staff = http.get(f"{root(hub)}/providers", params=here, headers=headers).json()["data"][0]
    asked = {"subdomain": "north", "start_date": "2026-01-07", "lids[]": "1001", "pids[]": str(staff["id"])}
    slot = http.get(f"{root(hub)}/appointment_slots", params=asked, headers=headers).json()["data"][0]["slots"][0]
    appt = {"patient_id": who["id"], "provider_id": staff["id"], "start_time": slot["time"]}
    made = http.post(f"{root(hub)}/appointments", params=here, json={"appt": appt}, headers=headers)
    number = made.json()["data"]["appt"]["id"]
    assert (made.status_code, len(north.site.log.changes)) == (201, 0)
    hub.advance("60s")
    (change,) = north.site.log.changes
    written = http.get(f"{root(hub)}/appointments/{number}", params=here, headers=headers).json()["data"]
    assert written["foreign_id"] == change.id
    assert http.get(f"{north.fhir_url}/Appointment/{change.id}").status_code == 401


@pytest.fixture
def engine(mockehr: World) -> Iterator[tuple[TestSite, TestSite, MllpServer]]:
    """A Mirth with a listener, and the hospital behind it."""
    north = mockehr.site(name="north", stepped=True, open_access=True)
    hub = mockehr.site("mirth", name="hub", stepped=True, fronts=("north",))
    server = listen_for(hub.site)
    mockehr._server.threaded.run(server.start())
    yield hub, north, server
    mockehr._server.threaded.run(server.stop())


def test_an_admission_comes_through_an_engine_to_the_hospital_behind(
    engine: tuple[TestSite, TestSite, MllpServer], http: httpx2.Client
) -> None:
    hub, north, server = engine
    with MLLPClient("127.0.0.1", server.port) as client:
        answers = [client.send_message(ADMIT.format(id=name)).decode().strip("\x0b\x1c\r") for name in ("A1", "A2")]
    acks = [hl7.parse(answer) for answer in answers]
    assert [(str(ack["MSA.F1"]), str(ack["MSA.F2"])) for ack in acks] == [("AA", "A1"), ("AA", "A2")]
    assert len({str(ack["MSH.F10"]) for ack in acks}) == 1  # two within one tick have one id
    found = http.get(f"{north.fhir_url}/Patient", params={"family": "muster"}).json()
    assert found["total"] == 1
    assert [entry.peer for entry in north.journal(channel="mllp-in")] == ["hub", "hub"]
    assert hub.site.links.get("north").acknowledged == 2


def test_an_engine_says_aa_to_what_the_hospital_behind_refuses(
    engine: tuple[TestSite, TestSite, MllpServer],
) -> None:
    hub, north, server = engine
    with MLLPClient("127.0.0.1", server.port) as client:
        bad = ADMIT.format(id="B1").replace("Muster^Erika", "")
        ack = hl7.parse(client.send_message(bad).decode().strip("\x0b\x1c\r"))
    assert str(ack["MSA.F1"]) == "AA"
    assert [one.control_id for one in hub.site.links.parking] == ["B1"]
    assert north.site.log.changes == []


def test_what_the_hospital_tells_leaves_over_the_engines_own_feed(
    mockehr: World, engine: tuple[TestSite, TestSite, MllpServer], http: httpx2.Client
) -> None:
    hub, north, _ = engine
    arrived: list[bytes] = []
    told = threading.Event()

    def answer(payload: bytes, peer: Peer) -> Reaction:
        arrived.append(payload)
        told.set()
        return Reaction(acknowledge(payload, "AA", at=0, control_id="X"))

    lab = MllpServer("127.0.0.1", 0, answer)
    run = mockehr._server.threaded.run
    run(lab.start())
    hub.feed("lab", lab.port)
    assert http.post(f"{north.fhir_url}/Patient", json=PATIENT, headers=MEDIA).status_code == 201
    assert told.wait(5), "the message did not arrive"
    hub.wait_for_feed("lab")
    run(lab.stop())
    assert b"ADT^A28" in arrived[0]
    assert b"Muster^Erika" in arrived[0]
    assert hub.site.links.get("lab").acknowledged == 1


def test_a_person_is_found_at_two_hospitals_and_a_document_fetched(mockehr: World, http: httpx2.Client) -> None:
    sites = [mockehr.site(name=name, patients=3, seed=7, stepped=True) for name in ("north", "south")]
    hub = mockehr.site("tefca", name="hub", stepped=True, open_access=True, fronts=("north", "south"))
    record = sites[0]._call(sites[0].site.store.read, "Patient", "p0")
    who = {key: record.document[key] for key in ("resourceType", "name", "birthDate", "gender")}
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": who}]}
    found = http.post(f"{hub.fhir_url}/Patient/$match", json=body, headers=MEDIA).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["r1.p0", "r2.p0"]
    listed = http.get(f"{hub.fhir_url}/DocumentReference", params={"patient": "r2.p0"}).json()
    for entry in listed.get("entry", ()):
        for content in entry["resource"]["content"]:
            url = content["attachment"].get("url", "")
            if url.startswith(hub.fhir_url):
                assert http.get(url).status_code == 200


def test_a_file_has_platforms_and_sites_in_any_order(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text(
        "sites:\n  - {name: hub, personality: redox, fronts: north}\n"
        "  - {name: north, personality: epic, patients: 2}\n"
    )
    assert load_server(file).sites[0].fronts == ["north"]


def test_a_world_without_the_site_behind_says_so(mockehr: World) -> None:
    hub = mockehr.site("redox", name="hub", stepped=True, open_access=True, fronts=("nroth",))
    mockehr.site(name="north", stepped=True)
    with pytest.raises(UnknownName, match="site behind hub named 'nroth'"):
        hub._call(mockehr._server.threaded.server.directory.check)
