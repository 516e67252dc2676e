"""Real clients over real sockets on bad days of the token endpoint: one that copes, and the same with a bug."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwk, jwt

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.grants.authorization_code import challenge_of
from mockehr.auth.keys import load_key, public_jwks, read_bundled_key
from mockehr.auth.launches import Launch
from mockehr.auth.scopes import Scopes
from mockehr.sites.test_client import register_app, register_demo_client
from mockehr.testing.world import TestSite, World

OLD, NEW = (read_bundled_key(f"client-{number}-ES384") for number in (1, 2))
CALLBACK = "http://app.example.org/callback"
VERIFIER = "v" * 50
PATIENTS = ("p1", "p2", "p3", "p4")
SERIAL = count(1)


class Stopped(Exception):
    """The client gave up and says why."""


class Backend:
    """A backend service that reads patients and their conditions. `bug` names the one thing that it does wrong."""

    name, scopes = "tiny", "system/Patient.rs system/Condition.rs"

    def __init__(self, site: TestSite, http: httpx2.Client, bug: str = "", keys: KeyServer | None = None) -> None:
        self.site, self.http, self.bug, self.keys = site, http, bug, keys
        self.jtis = SERIAL
        self.token, self.type, self.good_until = "", "Bearer", 0.0
        self.granted = Scopes.parse(self.scopes)
        self.skew = 0.0
        self.signing: list[Mapping[str, str]] = [OLD]
        self.register()

    def register(self) -> None:
        uri = self.keys.url if self.keys is not None else ""
        self.site._call(register_demo_client, self.site.site, self.name, self.scopes, jwks_uri=uri)

    # tokens

    def form(self, key: Mapping[str, str]) -> dict[str, str]:
        now = self.site.now + self.skew
        signed = client_assertion(self.name, self.site.token_url, key, now=now, jti=f"jti-{next(self.jtis)}")
        form = {"grant_type": "client_credentials", "scope": self.scopes, "client_assertion_type": ASSERTION_TYPE}
        return {**form, "client_assertion": signed}

    def renew(self) -> None:
        """A new token, with the patience of one who has all night and the manners of a guest."""
        keys, same, corrected = list(self.signing), None, False
        for _ in range(8):
            same = same if same is not None and self.bug == "sends-the-same-again" else self.form(keys[0])
            answer = self.http.post(self.site.token_url, data=same)
            if answer.status_code in (429, 503):
                wait = answer.headers.get("retry-after", "60")
                self.site.advance("1s" if self.bug == "comes-straight-back" else float(wait))
            elif answer.status_code == 200:
                if self.take(answer):
                    return
                self.site.advance("10s")
            elif self.bug in ("sends-the-same-again", "hammers"):
                self.site.advance("5s")
            elif len(keys) > 1:
                keys = keys[1:]  # the new key is not known yet
            else:
                self.skew = parsedate_to_datetime(answer.headers["date"]).timestamp() - self.site.now
                if corrected or abs(self.skew) < 30:
                    raise Stopped(answer.text)
                corrected = True
        raise Stopped("no token to be had")

    def take(self, answer: httpx2.Response) -> bool:
        try:
            document = answer.json()
        except ValueError:
            document = {}
        if not document.get("access_token") and self.bug != "trusts-200":
            return False
        self.token = document.get("access_token")
        self.good_until = self.site.now + document.get("expires_in", 300)
        told = document.get("scope", self.scopes)
        if self.bug == "compares-text":
            self.granted = Scopes([scope for scope in Scopes.parse(self.scopes) if scope.text in told.split()])
        elif self.bug != "ignores-scopes":
            read = " ".join(word.replace(".Read", ".read").replace(".Write", ".write") for word in told.split())
            self.granted = Scopes.parse(read)
        return True

    # calls

    def get(self, target: str) -> Any:
        if self.bug == "a-token-for-each-call" or self.token == "" or self.site.now > self.good_until - 30:
            self.renew()
        answer = self.send(target)
        if answer.status_code == 401 and self.bug != "trusts-expires-in":
            self.renew()
            answer = self.send(target)
        return answer.json() if answer.status_code == 200 else None

    def send(self, target: str) -> httpx2.Response:
        return self.http.get(f"{self.site.fhir_url}{target}", headers={"Authorization": f"Bearer {self.token}"})

    def sync(self) -> None:
        try:
            self.get("/metadata")
            for id in PATIENTS:
                self.site.advance("1s")
                if self.granted.allows("Patient", "read"):
                    self.get(f"/Patient/{id}")
                if self.granted.allows("Condition", "search"):
                    self.get(f"/Condition?patient={id}")
        except Stopped:
            return


class Patient(Backend):
    """Comes back later when it is not let in yet: waits for its activation, or hammers."""

    def sync(self) -> None:
        for _ in range(3):
            super().sync()
            if self.token:
                return
            self.site.advance("6h")


class Rotating(Backend):
    """Changes its key in the middle of its work."""

    def sync(self) -> None:
        super().sync()
        assert self.keys is not None
        if self.bug == "replaces-its-key":
            self.keys.published, self.signing = [NEW], [NEW]
        else:
            self.keys.published, self.signing = [OLD, NEW], [NEW, OLD]
        for hours in (1, 30, 1):
            self.site.advance(f"{hours}h")
            super().sync()


class Everywhere(Backend):
    """Works at two sites; with a bug, with what the first gave it."""

    def sync(self) -> None:
        first = Backend(self.other, self.http)
        first.sync()
        if self.bug == "one-token-for-all":
            self.token, self.good_until = first.token, first.good_until
        if self.bug == "one-address-for-all":
            self.form = first.form  # type: ignore[method-assign]
        super().sync()

    other: TestSite


class App(Backend):
    """A SMART app whose user signed in; renews its token, and verifies its id_token."""

    name, scopes = "app", "launch/patient openid fhirUser offline_access patient/Patient.rs"

    def register(self) -> None:
        self.site._call(register_app, self.site.site, self.name, [CALLBACK])
        self.site.site.auth.launches.approve(Launch("clinician", patient="p1", client_id=self.name))
        self.known: dict[str, Any] = {}
        self.sign_in()

    def fetch_keys(self) -> None:
        address = self.http.get(f"{self.site.fhir_url}/.well-known/smart-configuration").json()["jwks_uri"]
        for key in self.http.get(address).json()["keys"]:
            self.known[key["kid"]] = jwk.import_key(key)

    def sign_in(self) -> None:
        base = self.site.fhir_url
        address = self.http.get(f"{base}/.well-known/smart-configuration").json()["authorization_endpoint"]
        asked = {
            "response_type": "code",
            "client_id": self.name,
            "redirect_uri": CALLBACK,
            "scope": self.scopes,
            "state": "s",
            "aud": base,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        back = self.http.get(address, params=asked).headers["location"]
        code = parse_qs(urlsplit(back).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        self.tell({**form, "client_id": self.name, "code_verifier": VERIFIER})

    def tell(self, form: Mapping[str, str]) -> httpx2.Response:
        answer = self.http.post(self.site.token_url, data=form)
        if answer.status_code == 200:
            document = answer.json()
            self.token, self.good_until = document["access_token"], self.site.now + document["expires_in"]
            self.renewal = document.get("refresh_token", getattr(self, "renewal", ""))
            if "id_token" in document:
                self.verify(document["id_token"])
        return answer

    def verify(self, id_token: str) -> None:
        kid = json.loads(jwt_head(id_token))["kid"]
        if not self.known or self.bug == "fetches-keys-each-time":
            self.fetch_keys()
        if kid not in self.known and self.bug != "never-fetches-keys-again":
            self.fetch_keys()
        if kid in self.known:
            jwt.decode(id_token, self.known[kid], algorithms=["RS256"])

    def renew(self) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": self.renewal, "client_id": self.name}
        for _ in range(6):
            if self.tell(form).status_code == 200:
                return
            if self.bug != "refreshes-for-ever":
                raise Stopped("somebody has to sign in again")
            self.site.advance("1s")
        raise Stopped("enough")

    def sync(self) -> None:
        try:
            for _ in range(4):
                self.get("/Patient/p1")
                self.site.advance("275s")
        except Stopped:
            return


def jwt_head(text: str) -> bytes:
    head = text.partition(".")[0]
    return base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))


class KeyServer:
    """What the client's owner runs: one URL with the keys that are published."""

    def __init__(self) -> None:
        self.published: list[Mapping[str, str]] = [OLD]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(public_jwks(*map(load_key, outer.published))).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@dataclass(frozen=True)
class Day:
    """One row of the ledger: what goes wrong, which probe judges it, who copes, and by which bug one does not."""

    row: str
    probe: str
    bug: str
    quirk: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)
    client: type[Backend] = Backend
    calm: str = "not-applicable"
    """What the probe says of the client that copes on a day without trouble."""

    def __str__(self) -> str:
        return f"{self.row}-{self.quirk}-{'-'.join(map(str, self.settings.values()))}-{self.bug}"


DAYS = [
    Day("A1", "renews-token-after-401", "trusts-expires-in", "token-expiry", {"uses": 3}),
    Day("A2", "renews-token-after-401", "trusts-expires-in", "token-revoked-early"),
    Day("A2", "renews-token-after-401", "trusts-expires-in", "token-revoked-early", {"whose": "everybody"}),
    *(
        Day(
            "A3", "gives-up-on-refused-refresh", "refreshes-for-ever", "refresh-fails", {"reason": reason}, client=App
        )
        for reason in ("expired", "rotated", "refused")
    ),
    *(
        Day("A4", "never-sends-empty-token", "trusts-200", "silent-reauth-failure", {"body": body}, {"first": 1})
        for body in ("error-body", "html", "missing-token", "empty")
    ),
    Day("A5", "reads-granted-scope", "ignores-scopes", "scope-subset", {"drop": ["Condition"]}),
    *(
        Day("A6", "reads-granted-scope", "compares-text", "scope-dialect", {"form": form})
        for form in ("v1", "mixed-case", "another-context", "granular")
    ),
    Day("A7", "keys-credentials-by-site", "one-token-for-all", client=Everywhere, calm="pass"),
    Day("A7", "keys-credentials-by-site", "one-address-for-all", client=Everywhere, calm="pass"),
    Day("A8", "rotates-keys-without-outage", "replaces-its-key", "client-key-rotation", client=Rotating, calm="pass"),
    Day("A9", "refetches-server-keys", "never-fetches-keys-again", "server-key-rotation", client=App),
    Day("A9", "refetches-server-keys", "fetches-keys-each-time", "server-key-rotation", {"tokens": 2}, client=App),
    Day("A10", "assertion-correct", "sends-the-same-again", "clock-skew", {"by": "10min"}, calm="pass"),
    Day("A10", "assertion-correct", "sends-the-same-again", "assertion-rules", {"lifetime": "60s"}, calm="pass"),
    Day("A11", "spares-token-endpoint", "a-token-for-each-call"),
    Day(
        "A11",
        "spares-token-endpoint",
        "comes-straight-back",
        "token-endpoint-throttled",
        {"budget": 0, "per": "20s", "body": "html"},
        {"window": ["0s", "25s"]},
        calm="pass",
    ),
    Day("A13", "waits-for-activation", "hammers", "registration-pending", client=Patient),
]


@pytest.fixture
def play(mockehr: World) -> Iterator[Callable[[Day, str, bool], str]]:
    """Runs a day's client, with a bug or without, against a fresh site; answers the probe's verdict."""
    keys = KeyServer()
    with httpx2.Client(timeout=30, trust_env=False) as http:

        def go(day: Day, bug: str, armed: bool = True) -> str:
            site = mockehr.site(stepped=True, patients=12)
            if armed and day.quirk:
                site.quirk(day.quirk, when=day.when, **day.settings)
            client = day.client(site, http, bug, keys if day.client is Rotating else None)
            if isinstance(client, Everywhere):
                client.other = mockehr.site(stepped=True, patients=12)
            client.sync()
            if armed and day.quirk:
                assert any(one.quirk == day.quirk for exchange in site.journal() for one in exchange.decisions)
            (card,) = [card for card in site.judge(day.probe).cards if card.client == client.name]
            return card.find(day.probe).verdict

        yield go
    keys.stop()


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_client_that_copes_passes(day: Day, play: Callable[..., str]) -> None:
    assert play(day, "") == "pass"


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_the_same_client_with_a_bug_fails(day: Day, play: Callable[..., str]) -> None:
    assert play(day, day.bug) == "fail"


@pytest.mark.parametrize("day", [day for day in DAYS if day.quirk], ids=str)
def test_on_a_calm_day_nothing_is_held_against_the_client(day: Day, play: Callable[..., str]) -> None:
    assert play(day, "", armed=False) == day.calm
