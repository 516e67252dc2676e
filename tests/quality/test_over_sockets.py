"""Probes judge real clients over real sockets: one small client that copes, and one that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx2
import pytest

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.core.errors import VerdictFailed
from mockehr.testing.world import TestSite, World

NOTE = {"resourceType": "Observation", "status": "final", "code": {"text": "Weight"}}
OWN = "https://sync.example.org/ids"


class Careful:
    """Reads all Patients and writes one Observation. Time passes on the site's clock when it waits."""

    scopes = "system/Patient.rs system/Observation.c"

    def __init__(self, site: TestSite, http: httpx2.Client, jtis: Iterator[int]) -> None:
        self.site, self.http, self.jtis = site, http, jtis
        self.who = site.client("tiny", self.scopes)
        self.kept: list[Any] = []
        self.renew()

    def renew(self) -> None:
        now, jti = self.site.site.clock.now(), str(next(self.jtis))
        signed = client_assertion(self.who.client_id, self.who.token_url, self.who.key, now=now, jti=jti)
        form = {"grant_type": "client_credentials", "scope": self.scopes, "client_assertion_type": ASSERTION_TYPE}
        answer = self.http.post(self.who.token_url, data={**form, "client_assertion": signed})
        self.token = answer.json()["access_token"]

    def send(self, method: str, url: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.http.request(method, url, headers=headers, **more)

    def call(self, method: str, url: str, **more: Any) -> httpx2.Response:
        answer = self.send(method, url, **more)
        if answer.status_code == 401:
            self.renew()
            answer = self.send(method, url, **more)
        if answer.status_code == 429:
            self.site.advance(float(answer.headers["retry-after"]))
            answer = self.send(method, url, **more)
        return answer

    def sync(self) -> None:
        url = f"{self.who.fhir_url}/Patient?_count=5"
        seen: dict[str, Any] = {}
        while url:
            page = self.call("GET", url).json()
            seen |= {entry["resource"]["id"]: entry["resource"] for entry in page["entry"]}
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        self.kept = list(seen.values())
        guarded = {"Content-Type": "application/fhir+json", "If-None-Exist": f"identifier={OWN}|1"}
        note = {**NOTE, "identifier": [{"system": OWN, "value": "1"}]}
        try:
            self.call("POST", f"{self.who.fhir_url}/Observation", json=note, headers=guarded)
        except httpx2.RemoteProtocolError:
            self.call("POST", f"{self.who.fhir_url}/Observation", json=note, headers=guarded)


class Careless(Careful):
    """Asks for everything, never renews, never waits, builds its own links, keeps all it is shown, writes again."""

    scopes = "system/*.cruds"

    def call(self, method: str, url: str, **more: Any) -> httpx2.Response:
        answer = self.send(method, url, **more)
        if answer.status_code not in (401, 429):
            return answer
        self.site.advance("1s")  # what it takes to come straight back
        return self.send(method, url, **more)

    def sync(self) -> None:
        url = f"{self.who.fhir_url}/Patient?_count=5"
        while url:
            page = self.call("GET", url).json()
            self.kept += [entry["resource"] for entry in page.get("entry", [])]
            following = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), "")
            url = f"{following}&_count=6" if following else ""
        for _ in range(2):
            try:
                headers = {"Content-Type": "application/fhir+json"}
                self.call("POST", f"{self.who.fhir_url}/Observation", json=NOTE, headers=headers)
                break
            except httpx2.RemoteProtocolError:
                continue


DAYS: dict[str, dict[str, Any]] = {
    "renews-token-after-401": {"use": "token-expiry", "uses": 2},
    "keeps-retry-after": {"use": "rate-limit", "budget": 2, "per": "60s", "where": {"channel": "fhir"}},
    "follows-next-verbatim": {},
    "no-blind-repeat": {"use": "lost-response", "when": {"first": 1}},
    "dedupes-pages": {"use": "page-repeats"},
    "scopes-used": {},
    "truth": {"use": "page-repeats"},
}
PROBES = sorted(DAYS)


@pytest.fixture
def run(mockehr: World) -> Iterator[Callable[..., Careful]]:
    """Runs a client against a fresh site of twelve patients, on a day of the probe's kind or on a calm one."""
    jtis = count(1)
    with httpx2.Client(timeout=30) as http:

        def go(kind: type[Careful], day: dict[str, Any]) -> Careful:
            site = mockehr.site(stepped=True, patients=12)
            if day:
                site.quirk(**day)
            client = kind(site, http, jtis)
            client.sync()
            return client

        yield go


def verdict(client: Careful, probe: str) -> str:
    truth = client.site.truth.compare(client.kept)
    (card,) = [card for card in client.site.judge(probe, truth=truth).cards if card.client == "tiny"]
    return card.find(probe).verdict


@pytest.mark.parametrize("probe", PROBES)
def test_a_client_that_copes_passes(probe: str, run: Callable[..., Careful]) -> None:
    client = run(Careful, DAYS[probe])
    assert verdict(client, probe) == "pass"
    assert verdict(client, "truth") == "pass"
    client.site.truth.assert_same(client.kept)
    assert len(client.site.site.store.overlay("Observation")) == 1


@pytest.mark.parametrize("probe", PROBES)
def test_a_client_that_does_not_cope_fails_and_its_scorecard_says_so(probe: str, run: Callable[..., Careful]) -> None:
    client = run(Careless, DAYS[probe])
    assert verdict(client, probe) == "fail"
    card = client.site.judge(probe, truth=client.site.truth.compare(client.kept))
    assert not card.passed
    with pytest.raises(VerdictFailed, match=probe):
        card.assert_passed(probe)


@pytest.mark.parametrize("probe", [name for name in PROBES if DAYS[name] and name != "truth"])
def test_on_a_calm_day_a_probe_that_needs_trouble_sees_no_occasion(probe: str, run: Callable[..., Careful]) -> None:
    for kind in (Careful, Careless):
        assert verdict(run(kind, {}), probe) == "not-applicable"


def test_the_whole_scorecard_of_a_bad_day_passes_for_one_and_fails_for_the_other(mockehr: World) -> None:
    jtis = count(1)
    findings = {}
    for kind in (Careful, Careless):
        site = mockehr.site(stepped=True, patients=12)
        site.quirk("page-repeats")
        site.quirk("lost-response", when={"first": 1})
        with httpx2.Client(timeout=30) as http:
            client = kind(site, http, jtis)
            client.sync()
        findings[kind] = site.scorecard
    assert findings[Careful].passed, findings[Careful].as_json()
    assert not findings[Careless].passed
    assert findings[Careless].count("fail") >= 3
