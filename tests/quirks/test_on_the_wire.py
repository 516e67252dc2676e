"""Every quirk through real sockets: what the client sees, what the journal says, and that all is well without it.

Those of launches are shown in `test_launch_quirks.py`, those of HL7 in `test_hl7_on_the_wire.py`, those of
events in `test_events_on_the_wire.py`, those of exports in `test_bulk_on_the_wire.py`, those of dialects in
`test_dialects_on_the_wire.py`, those of HTTPS in `test_tls_on_the_wire.py`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from mockehr.auth.assertion import client_assertion
from mockehr.auth.grants.authorization_code import challenge_of
from mockehr.auth.launches import Launch
from mockehr.core.exchange import Exchange
from mockehr.edge.mllp import MllpServer
from mockehr.edge.mllp_site import listen_for
from mockehr.quirks.rule import quirks
from mockehr.sites.test_client import register_app
from mockehr.testing.world import TestClient, TestSite, World

WAIT = 30
ELSEWHERE = ("tls", "launch", "hl7", "message", "events", "bulk")
PATIENT = {"resourceType": "Patient", "name": [{"family": "Muster"}]}
JSON_TYPE = {"Content-Type": "application/fhir+json"}


@dataclass
class Wire:
    """One stepped site with everything by which a client reaches it: HTTP and MLLP."""

    site: TestSite
    client: TestClient
    http: httpx2.Client
    hl7: MllpServer
    serial: Iterator[int] = field(default_factory=lambda: count(1))

    def grant(self) -> httpx2.Response:
        now, jti = self.site.site.clock.now(), f"jti-{next(self.serial)}"
        form = {
            "grant_type": "client_credentials",
            "scope": self.client.scopes,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": client_assertion(
                self.client.client_id, self.client.token_url, self.client.key, now=now, jti=jti
            ),
        }
        return self.http.post(self.client.token_url, data=form)

    def get(self, target: str, token: str) -> httpx2.Response:
        url = target if "://" in target else f"{self.site.fhir_url}{target}"
        return self.http.get(url, headers={"Authorization": f"Bearer {token}"})

    def create(self, token: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}", **JSON_TYPE}
        return self.http.post(f"{self.site.fhir_url}/Patient", json=PATIENT, headers=headers)

    def held(self) -> int:
        return len(self.site._call(lambda: list(self.site.site.store.overlay("Patient"))))

    def admit(self, *ids: str) -> list[str]:
        """MSA-2 of the answers to admissions of those control ids, over one connection; empty for a closed one."""
        named = []
        with socket.create_connection(("127.0.0.1", self.hl7.port), timeout=WAIT) as connection:
            for id in ids:
                connection.sendall(admission(id))
                octets = b""
                while not octets.endswith(b"\x1c\r") and (part := connection.recv(4096)):
                    octets += part
                found = [segment.split(b"|")[2] for segment in octets.split(b"\r") if segment.startswith(b"MSA")]
                named.append(found[0].decode() if found else "")
        return named


def admission(id: str) -> bytes:
    text = (
        f"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A28|{id}|P|2.5.1\rEVN|A28|20260105120000\r"
        f"PID|1||9{id}^^^WARD^MR||Muster^Erika||19800304|F\r"
    )
    return b"\x0b" + text.encode() + b"\x1c\r"


@pytest.fixture
def wire(mockehr: World) -> Iterator[Wire]:
    site = mockehr.site(stepped=True, patients=30)
    server = listen_for(site.site)
    mockehr._server.threaded.run(server.start())
    with httpx2.Client(timeout=WAIT) as http_client:
        yield Wire(site, site.client(), http_client, server)
    mockehr._server.threaded.run(server.stop())


def ids_of(page: Any) -> list[str]:
    return [entry["resource"]["id"] for entry in page["entry"]]


def next_of(page: Any) -> str:
    return str(next(link["url"] for link in page["link"] if link["relation"] == "next"))


def rate_limited(wire: Wire, token: str, armed: bool) -> None:
    answers = [wire.get("/Patient?_count=1", token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == ([200, 200, 429] if armed else [200] * 3)
    assert [answer.headers.get("retry-after", "") for answer in answers] == ["", "", "60" if armed else ""]


def late(wire: Wire, token: str, armed: bool) -> None:
    before = wire.site.site.clock.now()
    assert wire.get("/Patient/p1", token).status_code == 200
    assert wire.site.site.clock.now() == before  # a frozen clock makes nobody wait; the delay is in the journal
    effects = last(wire, "fhir").effects
    assert (effects.reply_delay if effects is not None else 0.0) == (3.0 if armed else 0.0)


def cut_off(wire: Wire, token: str, armed: bool) -> None:
    """Told from a graceful close by the kind of error, on a socket of our own."""
    host, _, port = wire.site.fhir_url.removeprefix("http://").partition("/")[0].partition(":")
    path = f"/{wire.site.fhir_url.split('/', 3)[3]}/Patient/p1"
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(request.encode())
        if armed:
            with pytest.raises(ConnectionResetError):
                connection.recv(4096)
        else:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def cut_short(wire: Wire, token: str, armed: bool) -> None:
    whole = wire.site.site.charts
    assert whole is not None
    expected = whole.patient(1).body
    got = b""
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    with wire.http.stream("GET", f"{wire.site.fhir_url}/Patient/p1", headers=headers) as answer:
        assert answer.headers["content-length"] == str(len(expected))
        try:
            for part in answer.iter_raw():
                got += part
        except httpx2.RemoteProtocolError:
            assert armed
    assert got == (expected[: len(expected) // 2] if armed else expected)


def spoiled(wire: Wire, token: str, armed: bool) -> None:
    answer = wire.create(token)
    assert answer.status_code == 201
    assert ("<html>" in answer.text) is armed
    assert answer.headers["content-type"].startswith("text/html" if armed else "application/fhir+json")
    assert wire.held() == 1


def lost(wire: Wire, token: str, armed: bool) -> None:
    if armed:
        with pytest.raises(httpx2.RemoteProtocolError, match="without sending"):
            wire.create(token)
    else:
        assert wire.create(token).status_code == 201
    assert wire.held() == 1
    assert wire.get("/Patient/p1", token).status_code == 200


def dead_link(wire: Wire, token: str, armed: bool) -> None:
    first = wire.get("/Patient?_count=5", token).json()
    wire.site.advance("6s")
    following = wire.get(next_of(first), token)
    assert following.status_code == (410 if armed else 200)
    document = following.json()
    assert document["resourceType"] == ("OperationOutcome" if armed else "Bundle")


def repeated(wire: Wire, token: str, armed: bool) -> None:
    ids = ids_of(wire.get("/Patient?_count=5", token).json())
    assert ids[5:] == (ids[:2] if armed else [])
    assert len(set(ids)) == 5


def expired(wire: Wire, token: str, armed: bool) -> None:
    answers = [wire.get("/Patient/p1", token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == ([200, 200, 401] if armed else [200] * 3)
    assert ("invalid_token" in answers[2].headers.get("www-authenticate", "")) is armed
    fresh = wire.grant().json()["access_token"]
    assert wire.get("/Patient/p1", fresh).status_code == 200


def narrowed(wire: Wire, token: str, armed: bool) -> None:
    granted = wire.grant().json()
    assert ("system/Observation.rs" in granted["scope"].split()) is not armed
    answer = wire.get("/Observation?patient=p1", granted["access_token"])
    assert answer.status_code == (403 if armed else 200)
    assert wire.get("/Patient/p1", granted["access_token"]).status_code == 200


def revoked(wire: Wire, token: str, armed: bool) -> None:
    answers = [wire.get("/Patient/p1", token) for _ in range(2)]
    assert [answer.status_code for answer in answers] == ([401] * 2 if armed else [200] * 2)
    assert ("invalid_token" in answers[0].headers.get("www-authenticate", "")) is armed
    fresh = wire.grant().json()["access_token"]
    assert wire.get("/Patient/p1", fresh).status_code == (401 if armed else 200)


def granted_nothing(wire: Wire, token: str, armed: bool) -> None:
    answer = wire.grant()
    assert answer.status_code == 200
    assert ("access_token" in answer.json()) is not armed


def granted_in_other_words(wire: Wire, token: str, armed: bool) -> None:
    granted = wire.grant().json()
    assert ("system/Observation.read" in granted["scope"].split()) is armed
    assert wire.get("/Observation?patient=p1", granted["access_token"]).status_code == 200


def not_let_in(wire: Wire, token: str, armed: bool) -> None:
    answer = wire.grant()
    assert answer.status_code == (400 if armed else 200)
    assert (answer.json().get("error") == "invalid_client") is armed


def throttled(wire: Wire, token: str, armed: bool) -> None:
    answer = wire.grant()
    assert answer.status_code == (429 if armed else 200)
    assert answer.headers.get("retry-after", "") == ("60" if armed else "")


def held_to_times(wire: Wire, token: str, armed: bool) -> None:
    not_let_in(wire, token, armed)
    told = wire.grant().headers["date"]
    assert told.endswith("12:10:00 GMT" if armed else "12:00:00 GMT")


def signed_by_another(wire: Wire, token: str, armed: bool) -> None:
    def kids() -> list[str]:
        address = wire.http.get(f"{wire.site.fhir_url}/.well-known/smart-configuration").json()["jwks_uri"]
        return [key["kid"] for key in wire.http.get(address).json()["keys"]]

    first = kids()
    assert wire.grant().status_code == 200
    assert kids() == first  # the first token since arming is signed as ever
    assert wire.grant().status_code == 200
    now = kids()
    assert (now != first) is armed
    assert set(first) <= set(now)


def kept_by_copy(wire: Wire, token: str, armed: bool) -> None:
    assert wire.grant().status_code == 200  # the client's keys are registered: it sees no difference
    kept = last(wire, "token").notes.get("auth", {})
    assert (kept.get("jwks_refetch") is False) is armed


def refused_to_renew(wire: Wire, token: str, armed: bool) -> None:
    app = register_app(wire.site.site, "app", ["http://app.example.org/callback"])
    wire.site.site.auth.launches.approve(Launch("clinician", patient="p1", client_id="app"))
    challenge = challenge_of("v" * 50)
    asked = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uris[0],
        "scope": "launch/patient offline_access patient/Patient.rs",
        "state": "s",
        "aud": wire.site.fhir_url,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    address = wire.http.get(f"{wire.site.fhir_url}/.well-known/smart-configuration").json()["authorization_endpoint"]
    back = wire.http.get(address, params=asked).headers["location"]
    code = {"grant_type": "authorization_code", "code": parse_qs(urlsplit(back).query)["code"][0]}
    known = {"client_id": app.client_id, "redirect_uri": app.redirect_uris[0], "code_verifier": "v" * 50}
    given = wire.http.post(wire.site.token_url, data={**code, **known}).json()
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"], "client_id": app.client_id}
    answer = wire.http.post(wire.site.token_url, data=form)
    assert answer.status_code == (400 if armed else 200)
    assert (answer.json().get("error") == "invalid_grant") is armed


def down(wire: Wire, token: str, armed: bool) -> None:
    answer = wire.get("/Patient/p1", token)
    assert answer.status_code == (503 if armed else 200)
    assert answer.headers["content-type"].startswith("text/html" if armed else "application/fhir+json")
    assert answer.headers.get("retry-after", "") == ("120" if armed else "")
    assert wire.create(token).status_code == (503 if armed else 201)
    assert wire.held() == (0 if armed else 1)


def turned_away(wire: Wire, token: str, armed: bool) -> None:
    if armed:
        with pytest.raises((httpx2.ReadError, httpx2.WriteError)):
            wire.create(token)
    else:
        assert wire.create(token).status_code == 201
    assert wire.held() == (0 if armed else 1)


def kept_waiting(wire: Wire, token: str, armed: bool) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    if not armed:
        assert wire.http.get(f"{wire.site.fhir_url}/Patient/p1", headers=headers, timeout=5).status_code == 200
        return
    with pytest.raises(httpx2.ReadTimeout):
        wire.http.get(f"{wire.site.fhir_url}/Patient/p1", headers=headers, timeout=0.2)
    (entry,) = wire.site.journal(quirk="hangs")
    until = monotonic() + WAIT
    while "left" not in entry.notes and monotonic() < until:
        wire.http.get(f"{wire.site.fhir_url}/metadata")  # the server learns of it when its loop turns
    assert entry.notes["left"] == 0.0  # on a clock that stands still


def dripped(wire: Wire, token: str, armed: bool) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    with wire.http.stream("GET", f"{wire.site.fhir_url}/Patient/p1", headers=headers) as answer:
        body = b"".join(answer.iter_raw())
    assert wire.site.site.charts is not None
    assert body == wire.site.site.charts.patient(1).body
    effects = last(wire, "fhir").effects
    assert (effects.drip if effects is not None else None) == ((100, 2.0) if armed else None)


def mismeasured(wire: Wire, token: str, armed: bool) -> None:
    whole = wire.site.site.charts
    assert whole is not None
    expected, got = whole.patient(1).body, b""
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    with wire.http.stream("GET", f"{wire.site.fhir_url}/Patient/p1", headers=headers) as answer:
        assert answer.headers["content-length"] == str(len(expected) + (10 if armed else 0))
        try:
            for part in answer.iter_raw():
                got += part
        except httpx2.RemoteProtocolError:
            assert armed
    assert got == expected


def unpackable(wire: Wire, token: str, armed: bool) -> None:
    if armed:
        with pytest.raises(httpx2.DecodingError):
            wire.get("/Patient/p1", token)
    else:
        assert wire.get("/Patient/p1", token).json()["id"] == "p1"


def dropped(wire: Wire, token: str, armed: bool) -> None:
    """The token came over the connection that the client's pool keeps."""
    if armed:
        with pytest.raises(httpx2.RemoteProtocolError, match="without sending"):
            wire.create(token)
    assert wire.create(token).status_code == 201
    assert wire.held() == 1


def doubled(wire: Wire, token: str, armed: bool) -> None:
    assert wire.create(token).status_code == 201
    assert wire.held() == (2 if armed else 1)
    entries = [one for one in wire.site.journal(channel="fhir") if one.method == "POST"]
    assert [one.notes.get("proxy") for one in entries] == ([None, entries[0].number] if armed else [None])


def acknowledged_late(wire: Wire, token: str, armed: bool) -> None:
    assert wire.admit("A1") == ["A1"]
    effects = last(wire, "mllp-in").effects
    assert (effects.reply_delay if effects is not None else 0.0) == (7.0 if armed else 0.0)


def acknowledged_as_another(wire: Wire, token: str, armed: bool) -> None:
    assert wire.admit("A1", "A2") == (["UNKNOWN", "A1"] if armed else ["A1", "A2"])
    assert wire.held() == 2


def last(wire: Wire, channel: str) -> Exchange:
    return wire.site.journal(channel=channel)[-1]


Seen = Callable[[Wire, str, bool], None]


@dataclass(frozen=True)
class Try:
    """How to provoke a quirk: its settings, when it fires, what the client must see, and on which channel."""

    seen: Seen
    channel: str = "fhir"
    settings: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)
    scopes: str = ""


TRIES: dict[str, Try] = {
    "assertion-rules": Try(not_let_in, "token", {"lifetime": "60s"}),
    "client-key-rotation": Try(kept_by_copy, "token"),
    "clock-skew": Try(held_to_times, "token", {"by": "10min"}),
    "refresh-fails": Try(refused_to_renew, "token"),
    "registration-lost": Try(not_let_in, "token"),
    "registration-pending": Try(not_let_in, "token"),
    "scope-dialect": Try(granted_in_other_words, "token"),
    "server-key-rotation": Try(signed_by_another, "token"),
    "silent-reauth-failure": Try(granted_nothing, "token"),
    "token-endpoint-throttled": Try(throttled, "token", {"budget": 0}),
    "token-revoked-early": Try(revoked, settings={"times": 0}),
    "ack-late": Try(acknowledged_late, "mllp-in", {"delay": "7s"}),
    "ack-wrong-id": Try(acknowledged_as_another, "mllp-in"),
    "connection-refused": Try(turned_away, where={"channel": "fhir"}),
    "damaged-gzip": Try(unpackable, settings={"damage": "checksum"}),
    "duplicate-request": Try(doubled),
    "expiring-next-link": Try(dead_link, settings={"after": "5s"}),
    "hangs": Try(kept_waiting, when={"first": 1}, where={"path": "/Patient/*"}),
    "keep-alive-cut": Try(dropped, where={"channel": "fhir"}),
    "latency": Try(late, settings={"delay": "3s"}),
    "lost-response": Try(lost),
    "malformed-success": Try(spoiled, settings={"body": "html"}),
    "outage": Try(down, settings={"retry_after": "seconds"}, where={"channel": "fhir"}),
    "page-repeats": Try(repeated, settings={"entries": 2}),
    "rate-limit": Try(rate_limited, settings={"budget": 2, "per": "60s"}, where={"channel": "fhir"}),
    "reset": Try(cut_off, where={"channel": "fhir"}),
    "scope-subset": Try(narrowed, "token", {"drop": ["Observation"]}),
    "slow-drip": Try(dripped, settings={"octets": 100, "pause": "2s"}),
    "token-expiry": Try(expired, settings={"uses": 2}),
    "truncated-body": Try(cut_short, settings={"share": 0.5}),
    "wrong-content-length": Try(mismeasured, settings={"by": 10}),
}


NAMES = [
    name
    for name, quirk in quirks().items()
    if quirk.about.family not in ELSEWHERE and (name in TRIES or not quirk.about.ledger[0].startswith("D"))
]


@pytest.mark.parametrize("armed", [True, False], ids=["armed", "calm"])
@pytest.mark.parametrize("name", NAMES)
def test_the_client_sees_what_the_quirk_promises_and_nothing_without_it(name: str, armed: bool, wire: Wire) -> None:
    assert name in TRIES, f"the quirk {name} has no case on the wire: add one to TRIES"
    case = TRIES[name]
    wire.client = wire.site.client("reader", "system/Patient.cruds system/Observation.rs")
    token = wire.grant().json()["access_token"]
    if armed:
        wire.site.quirk(name, name="trouble", when=case.when, where=case.where, **case.settings)
    case.seen(wire, token, armed)
    fired = wire.site.journal(channel=case.channel, quirk=name, rule="trouble")
    assert bool(fired) is armed
    assert [rule.fired for rule in wire.site.site.rules] == ([len(fired)] if armed else [])
    decisions = [d for e in wire.site.journal() for d in e.decisions]
    assert {d.rule for d in decisions} == ({"trouble"} if armed else set())


@pytest.mark.parametrize("told", ["seconds", "date", "absent", "zero", "huge", "garbage"])
def test_every_way_to_say_when_to_come_back_reaches_the_client(told: str, wire: Wire) -> None:
    token = wire.grant().json()["access_token"]
    wire.site.quirk("rate-limit", budget=0, per="60s", retry_after=told, status=503, where={"channel": "fhir"})
    answer = wire.get("/Patient/p1", token)
    expected = {"seconds": "60", "date": "Mon, 05 Jan 2026 12:01:00 GMT", "zero": "0", "huge": "86400"}
    expected["garbage"] = "in a while"
    assert answer.status_code == 503
    assert answer.headers.get("retry-after") == expected.get(told)
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_reset_midway_comes_after_the_head_and_half_of_the_body(wire: Wire) -> None:
    token = wire.grant().json()["access_token"]
    wire.site.quirk("reset", at="midway", where={"channel": "fhir"})
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        wire.get("/Patient/p1", token)
    assert [e.effects.reset for e in wire.site.journal(quirk="reset") if e.effects is not None] == ["midway"]


@pytest.mark.parametrize("name", ["lost-response", "reset"])
def test_a_message_that_is_never_acknowledged_was_applied_all_the_same(name: str, wire: Wire) -> None:
    wire.site.quirk(name, when={"first": 1}, where={"channel": "mllp-in"})
    try:
        assert wire.admit("A1") == [""]
    except ConnectionResetError:
        assert name == "reset"
    assert wire.held() == 1
    assert wire.admit("A1") == ["A1"]
    assert wire.held() == 1
    assert len(wire.site.journal(quirk=name)) == 1


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_token_with_a_shortened_life_says_so_and_dies_then(share: float, wire: Wire) -> None:
    wire.site.quirk("token-expiry", after="30s")
    granted = wire.grant().json()
    assert granted["expires_in"] == 30
    wire.site.advance(30 * share)
    assert wire.get("/Patient/p1", granted["access_token"]).status_code == 200
    wire.site.advance(30 * (1 - share))
    assert wire.get("/Patient/p1", granted["access_token"]).status_code == 401
