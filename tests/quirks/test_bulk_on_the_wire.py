"""Every quirk of bulk exports through real sockets: what a client sees with it and not without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from mockehr.auth.assertion import client_assertion
from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.quirks.rule import quirks
from mockehr.testing.world import TestClient, TestSite, World

TYPES = "Patient,Condition"


@dataclass
class Wire:
    """A stepped site of a few patients, and a client that may export everything."""

    site: TestSite
    http: httpx2.Client

    def order(self) -> str:
        """Order an export; where it is asked after."""
        url = f"{self.site.fhir_url}/Group/d0/$export?_type={TYPES}"
        return str(self.http.get(url, headers={"Prefer": "respond-async"}).headers["content-location"])

    def manifest(self, job: str = "") -> Any:
        """The manifest of an export that is given the time that it takes, and more."""
        job = job or self.order()
        self.site.advance("10s")
        answer = self.http.get(job)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fetch(self, listed: Any) -> httpx2.Response:
        return self.http.get(listed["url"])

    def files(self) -> list[tuple[Any, httpx2.Response]]:
        """Every file of an export as it is listed, and how it comes."""
        return [(listed, self.fetch(listed)) for listed in self.manifest()["output"]]


@pytest.fixture
def wire(mockehr: World) -> Iterator[Wire]:
    site = mockehr.site(stepped=True, patients=3)

    def issue() -> str:
        now = site.site.clock.now()
        grant = Grant("c", Scopes.parse("system/*.rs"), now, now + 1e7, 10_000_000)
        return str(site.site.auth.tokens.issue(grant, token_url=site.token_url).token)

    with httpx2.Client(timeout=20, headers={"Authorization": f"Bearer {site._call(issue)}"}) as http:
        yield Wire(site, http)


def whole(answer: httpx2.Response, listed: Any) -> bool:
    """Whether a file has the records that were counted, all of the type that was told."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+ndjson"
    if "content-encoding" not in answer.headers:
        assert answer.headers["content-length"] == str(len(answer.content))
    try:
        records = [json.loads(line) for line in answer.text.splitlines()]
    except ValueError:
        return False
    keys = {(record["resourceType"], record["id"]) for record in records}
    return len(records) == len(keys) == listed["count"] and {kind for kind, _ in keys} == {listed["type"]}


def throttled(wire: Wire, armed: bool) -> None:
    job = wire.order()
    answers = [wire.http.get(job) for _ in range(3)]
    assert [one.status_code for one in answers] == ([202, 429, 429] if armed else [202] * 3)
    assert [one.headers["retry-after"] for one in answers] == (["5", "10", "20"] if armed else ["5"] * 3)
    assert (answers[1].content[:1] == b"{") is armed
    wire.site.advance("19s")
    assert wire.http.get(job).status_code == (429 if armed else 200)
    wire.site.advance("40s")
    assert wire.http.get(job).status_code == 200


def fails_for_now(wire: Wire, armed: bool) -> None:
    job = wire.order()
    answer = wire.http.get(job)
    assert answer.status_code == (503 if armed else 202)
    assert (b'"transient"' in answer.content) is armed
    assert wire.http.get(job).status_code == 202
    assert wire.manifest(job)["output"]


def lost(wire: Wire, armed: bool) -> None:
    job = wire.order()
    assert wire.http.get(job).status_code == 202
    wire.site.advance("3s")
    assert wire.http.get(job).status_code == (404 if armed else 202)
    wire.site.advance("10s")
    answer = wire.http.get(job)
    assert answer.status_code == (404 if armed else 200)
    assert (answer.json().get("resourceType") == "OperationOutcome") is armed
    assert wire.manifest()["output"]  # the next one runs to its end


def failed(wire: Wire, armed: bool) -> None:
    job = wire.order()
    assert wire.http.get(job).status_code == 202
    wire.site.advance("10s")
    answers = [wire.http.get(job) for _ in range(2)]
    assert [one.status_code for one in answers] == [500 if armed else 200] * 2
    assert (answers[0].json().get("resourceType") == "OperationOutcome") is armed
    assert wire.manifest()["output"]


def stalled(wire: Wire, armed: bool) -> None:
    job = wire.order()
    wire.site.advance("30s")
    answers = [wire.http.get(job) for _ in range(2)]
    assert [one.status_code for one in answers] == [202 if armed else 200] * 2
    told = [one.headers.get("x-progress") for one in answers]
    assert told == (["90% complete", "80% complete"] if armed else [None, None])
    wire.site.advance("40s")
    assert wire.http.get(job).status_code == 200


def expired(wire: Wire, armed: bool) -> None:
    answers = [answer for _, answer in wire.files()]
    assert {one.status_code for one in answers} == {404 if armed else 200}
    assert (answers[0].content.startswith(b'{"resourceType":"OperationOutcome"')) is armed
    assert all(whole(answer, listed) for listed, answer in wire.files())


def spoiled(wire: Wire, armed: bool) -> None:
    manifest = wire.manifest()["output"]
    assert [whole(wire.fetch(one), one) for one in manifest] == [not armed, True]
    assert all(whole(wire.fetch(one), one) for one in manifest)


def cut(wire: Wire, armed: bool) -> None:
    listed = wire.manifest()["output"][0]
    if armed:
        with pytest.raises(httpx2.RemoteProtocolError, match="without sending complete"):
            wire.http.get(listed["url"], headers={"Accept-Encoding": "identity"})
    assert whole(wire.fetch(listed), listed)


def miscounted(wire: Wire, armed: bool) -> None:
    fits = sorted(whole(answer, listed) for listed, answer in wire.files())
    assert fits == [not armed, True]


def mistyped(wire: Wire, armed: bool) -> None:
    told = wire.files()
    held = [json.loads(answer.text.partition("\n")[0])["resourceType"] for _, answer in told]
    assert held == ["Patient", "Condition"]
    assert [listed["type"] for listed, _ in told] == (held[::-1] if armed else held)


def left_out(wire: Wire, armed: bool) -> None:
    told = [listed["type"] for listed in wire.manifest()["output"]]
    assert told == (["Condition"] if armed else ["Patient", "Condition"])


def reported(wire: Wire, armed: bool) -> None:
    manifest = wire.manifest()
    assert all(whole(wire.fetch(listed), listed) for listed in manifest["output"])
    answers = [wire.fetch(listed) for listed in manifest["error"]]
    outcomes = [json.loads(line) for answer in answers for line in answer.text.splitlines()]
    assert len(outcomes) == sum(listed["count"] for listed in manifest["error"])
    assert (len(outcomes) >= 2) is armed
    for outcome in outcomes:
        assert wire.http.get(f"{wire.site.fhir_url}/{outcome['issue'][0]['diagnostics']}").status_code == 200


@dataclass(frozen=True)
class Try:
    """How to provoke a quirk: its settings, when it fires, and what the client must see."""

    seen: Callable[[Wire, bool], None]
    settings: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)


ONCE = {"at_most": 1}
TRIES: dict[str, Try] = {
    "bulk-poll-throttled": Try(throttled),
    "bulk-poll-fails": Try(fails_for_now),
    "bulk-job-lost": Try(lost),
    "bulk-job-fails": Try(failed),
    "bulk-progress-stalls": Try(stalled),
    "bulk-file-expired": Try(expired),
    "bulk-file-truncated": Try(spoiled, {"form": "line-end"}, ONCE),
    "bulk-file-truncated mid-line": Try(spoiled, {}, ONCE),
    "bulk-file-truncated cut": Try(cut, {"form": "connection-cut"}, ONCE),
    "bulk-bad-line": Try(spoiled, {}, ONCE),
    "bulk-duplicate-lines": Try(spoiled, {}, ONCE),
    "bulk-stray-line": Try(miscounted),
    "bulk-wrong-count": Try(miscounted),
    "bulk-wrong-type": Try(mistyped),
    "bulk-missing-file": Try(left_out),
    "bulk-error-file": Try(reported),
}


@pytest.mark.parametrize("armed", [True, False], ids=["armed", "calm"])
@pytest.mark.parametrize("trouble", TRIES)
def test_the_client_sees_what_the_quirk_promises_and_nothing_without_it(
    trouble: str, armed: bool, wire: Wire
) -> None:
    name, case = trouble.partition(" ")[0], TRIES[trouble]
    if armed:
        wire.site.quirk(name, name="trouble", when=case.when, **case.settings)
    case.seen(wire, armed)
    fired = wire.site.journal(quirk=name, rule="trouble")
    assert bool(fired) is armed
    assert [rule.fired for rule in wire.site.site.rules] == ([len(fired)] if armed else [])
    told = [one.why for exchange in fired for one in exchange.decisions if one.outcome == "fired"]
    assert all(told)  # what was done is known


def test_every_quirk_of_exports_has_a_case() -> None:
    known = {name for name in quirks() if quirks().get(name).about.family == "bulk"}
    assert known == {trouble.partition(" ")[0] for trouble in TRIES}


@pytest.mark.parametrize("settings", [{"uses": 2}, {"after": "30s"}], ids=["uses", "after"])
def test_a_token_dies_between_two_files(settings: dict[str, Any], wire: Wire) -> None:
    files = wire.manifest()["output"]
    wire.site.quirk("token-expiry", where={"channel": "files"} if "uses" in settings else {}, **settings)
    client = wire.site.client("c", "system/*.rs")

    def fetched(place: int, token: str) -> httpx2.Response:
        return wire.http.get(files[place]["url"], headers={"Authorization": f"Bearer {token}"})

    token = granted(client, "1", wire.site.now)
    assert [fetched(0, token).status_code for _ in range(2)] == [200, 200]
    if "after" in settings:
        wire.site.advance("30s")
    refused = fetched(1, token)
    assert refused.status_code == 401
    assert "invalid_token" in refused.headers["www-authenticate"]
    assert whole(fetched(1, granted(client, "2", wire.site.now)), files[1])


def granted(client: TestClient, jti: str, now: float) -> str:
    """A token of its own kind: by SMART Backend Services."""
    form = {
        "grant_type": "client_credentials",
        "scope": client.scopes,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": client_assertion(client.client_id, client.token_url, client.key, now=now, jti=jti),
    }
    return str(httpx2.post(client.token_url, data=form).json()["access_token"])
