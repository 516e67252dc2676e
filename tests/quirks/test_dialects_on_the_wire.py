"""Quirks of dialects (ledger D) through real sockets: what the client sees, what the journal says, and that all is
well without them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import pytest

from mockehr.auth.assertion import client_assertion
from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange, Reply
from mockehr.quirks.base import Act
from mockehr.quirks.http.version_drift import VersionDrift
from mockehr.quirks.rule import quirks
from mockehr.testing.world import TestSite, World

SHOWN_ELSEWHERE = frozenset({"expiring-next-link", "page-repeats"})
NAMES = [
    name
    for name, quirk in quirks().items()
    if quirk.about.ledger[0].startswith("D") and quirk.about.family != "bulk" and name not in SHOWN_ELSEWHERE
]
JSON_TYPE = "application/fhir+json"


@dataclass
class Wire:
    """One stepped site and a client with a token."""

    site: TestSite
    http: httpx2.Client
    token: str

    def send(self, method: str, target: str, **more: Any) -> httpx2.Response:
        url = target if "://" in target else f"{self.site.fhir_url}{target}"
        headers = {"Authorization": f"Bearer {self.token}", "Accept": JSON_TYPE, **more.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value}
        return self.http.request(method, url, headers=headers, **more)

    def get(self, target: str, **more: Any) -> Any:
        answer = self.send("GET", target, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, document: Any, etag: str = "") -> httpx2.Response:
        headers = {"Content-Type": JSON_TYPE, "If-Match": etag}
        return self.send("PUT", f"/{document['resourceType']}/{document['id']}", json=document, headers=headers)

    def pages(self, target: str, most: int = 12) -> list[Any]:
        """The pages from there on, as long as a next link leads on; no more than `most`."""
        found: list[Any] = []
        while target and len(found) < most:
            found.append(self.get(target))
            target = next_of(found[-1])
        return found

    def last(self) -> Exchange:
        return self.site.journal(channel="fhir")[-1]


@pytest.fixture
def wire(mockehr: World) -> Iterator[Wire]:
    site = mockehr.site(stepped=True, patients=30)
    client = site.client("reader", "system/*.cruds")
    signed = client_assertion(client.client_id, client.token_url, client.key, now=site.site.clock.now(), jti="jti-1")
    form = {
        "grant_type": "client_credentials",
        "scope": client.scopes,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
    }
    with httpx2.Client(timeout=30) as http:
        yield Wire(site, http, http.post(client.token_url, data=form).json()["access_token"])


def matches(page: Any) -> list[str]:
    return [e["resource"]["id"] for e in page.get("entry", ()) if e.get("search", {}).get("mode", "match") == "match"]


def next_of(page: Any) -> str:
    return next((str(link["url"]) for link in page["link"] if link["relation"] == "next"), "")


def self_of(page: Any) -> str:
    return next(str(link["url"]) for link in page["link"] if link["relation"] == "self")


def outcomes(page: Any) -> list[Any]:
    return [e["resource"] for e in page.get("entry", ()) if e.get("search", {}).get("mode") == "outcome"]


EVERYBODY = sorted(f"p{number}" for number in range(30))


def stored(wire: Wire) -> Any:
    record = wire.site.site.store.read("Patient", "p1")
    assert record is not None
    return record.document


def told_otherwise(wire: Wire, armed: bool) -> None:
    totals = [page["total"] for page in wire.pages("/Patient?_count=10")]
    assert totals == ([27, 33, 27] if armed else [30, 30, 30])


def left_out(wire: Wire, armed: bool) -> None:
    pages = wire.pages("/Patient?_count=10")
    assert [len(matches(page)) for page in pages] == ([10, 9, 9] if armed else [10, 10, 10])
    assert pages[0]["total"] == 30
    assert len(wire.last().notes.get("left_out", ())) == (1 if armed else 0)


def emptied(wire: Wire, armed: bool) -> None:
    pages = wire.pages("/Patient?_count=10")
    assert [len(matches(page)) for page in pages] == ([0, 10, 0, 10, 10] if armed else [10, 10, 10])
    assert sorted({id for page in pages for id in matches(page)}) == EVERYBODY


def going_round(wire: Wire, armed: bool) -> None:
    pages = wire.pages("/Patient?_count=10", most=6)
    assert len(pages) == (6 if armed else 3)
    assert len({id for page in pages for id in matches(page)}) == (10 if armed else 30)


def led_away(wire: Wire, armed: bool) -> None:
    link = next_of(wire.get("/Patient?_count=10"))
    host = "localhost" if "127.0.0.1" in wire.site.fhir_url else "127.0.0.1"
    assert (f"//{host}:" in link) is armed
    assert len(matches(wire.get(link))) == 10  # this machine by another name


def not_heeded(wire: Wire, armed: bool) -> None:
    page = wire.get("/Patient?gender=female&_count=50")
    kinds = {entry["resource"]["gender"] for entry in page["entry"]}
    assert ("male" in kinds) is armed
    assert ("gender=female" in self_of(page)) is not armed
    first = wire.site.journal(channel="fhir")[-1]
    assert first.notes.get("ignored") == (["gender"] if armed else None)


def capped(wire: Wire, armed: bool) -> None:
    pages = wire.pages("/Patient?_count=20")
    assert len(matches(pages[0])) == (5 if armed else 20)
    assert "_count=20" in self_of(pages[0])
    assert sorted(id for page in pages for id in matches(page)) == EVERYBODY


def warned(wire: Wire, armed: bool) -> None:
    page = wire.get("/Patient?_count=5")
    assert len(matches(page)) == 5
    assert [one["issue"][0]["severity"] for one in outcomes(page)] == (["error"] if armed else [])
    assert (page["entry"][0]["resource"]["resourceType"] == "OperationOutcome") is armed


def in_part(wire: Wire, armed: bool) -> None:
    page = wire.get("/Patient?_count=10")
    assert len(matches(page)) == (5 if armed else 10)
    assert [one["issue"][0]["code"] for one in outcomes(page)] == (["incomplete"] if armed else [])
    assert len(wire.last().returned) == (5 if armed else 10)


def in_xml(wire: Wire, armed: bool) -> None:
    unasked = wire.send("GET", "/Patient/p1", headers={"Accept": "*/*"})
    assert unasked.headers["content-type"].startswith("application/fhir+xml" if armed else JSON_TYPE)
    assert (unasked.text.lstrip("\ufeff")[:1] == "<") is armed
    asked = wire.send("GET", "/Patient/p1")
    assert asked.headers["content-type"].startswith(JSON_TYPE)


def drifted(wire: Wire, armed: bool) -> None:
    patient = wire.get("/Patient/p1")
    assert ("dateOfBirth" in patient, "gender" in patient) == ((True, False) if armed else (False, True))
    assert wire.get("/metadata")["fhirVersion"] == ("5.0.0" if armed else "4.0.1")
    assert wire.send("GET", "/Goal?patient=p1").status_code == (410 if armed else 200)
    assert "birthDate" in stored(wire)


def behind_glass(wire: Wire, armed: bool) -> None:
    answers = [wire.send("GET", path) for path in ("/Patient/p1", "/Condition?patient=p1", "/Patient?_id=p1")]
    assert [answer.status_code for answer in answers] == ([403] * 3 if armed else [200] * 3)
    assert ("X-Break-The-Glass" in answers[0].text) is armed
    opened = wire.send("GET", "/Patient/p1", headers={"X-Break-The-Glass": "unconscious in the emergency room"})
    assert opened.json()["id"] == "p1"
    assert (wire.last().notes.get("broke_the_glass", "") != "") is armed


def not_really(wire: Wire, armed: bool) -> None:
    answer = wire.send("POST", "/Patient", json={"resourceType": "Patient"}, headers={"Content-Type": JSON_TYPE})
    assert answer.status_code == (200 if armed else 201)
    assert (answer.json().get("issue", [{}])[0].get("severity") == "error") is armed
    assert len(list(wire.site.site.store.overlay("Patient"))) == (0 if armed else 1)
    assert wire.last().client == "reader"


def overtaken(wire: Wire, armed: bool) -> None:
    before = wire.send("GET", "/Patient/p1")
    answer = wire.put({**before.json(), "active": False}, before.headers["etag"])
    assert answer.status_code == (412 if armed else 200)
    now = wire.get("/Patient/p1")
    marks = [one["valueString"] for one in now.get("extension", ()) if one["url"].endswith("/reviewed-by")]
    assert len(marks) == (1 if armed else 0)
    assert all(one in now["extension"] for one in before.json().get("extension", ()))
    if armed:
        assert wire.site.journal(quirk="version-conflict")[-1].notes["written_between"] == marks[0]


def insisted(wire: Wire, armed: bool) -> None:
    before = wire.send("GET", "/Patient/p1")
    changed = {**before.json(), "active": False}
    assert wire.put(changed).status_code == (428 if armed else 200)
    etag = wire.send("GET", "/Patient/p1").headers["etag"]
    assert wire.put(changed, etag).status_code == 200


def skipped(wire: Wire, armed: bool) -> None:
    before = wire.get("/Patient/p1")
    written = wire.put({**before, "active": False})
    step = int(written.json()["meta"]["versionId"]) - int(before["meta"]["versionId"])
    assert step == (3 if armed else 1)
    assert wire.send("GET", "/Patient/p1").headers["etag"] == written.headers["etag"]
    assert wire.put({**before, "active": True}, written.headers["etag"]).status_code == 200


def called_elsewhere(wire: Wire, armed: bool) -> None:
    page = wire.get("/Patient?_count=30")
    patients = [entry["resource"] for entry in page["entry"]]
    nicknamed = [one for one in patients if any(name.get("use") == "nickname" for name in one["name"])]
    extended = [one for one in patients if any("preferred-name" in told["url"] for told in one.get("extension", ()))]
    assert (len(nicknamed) > 0, len(extended) > 0) == (not armed, armed)
    noted = wire.last().notes.get("preferred_names", {})
    assert len(noted) == len(extended)
    assert all(noted[f"Patient/{one['id']}"] == one["extension"][-1]["valueString"] for one in extended)


def kept_back(wire: Wire, armed: bool) -> None:
    patient = wire.get("/Patient/p1")
    assert ("birthDate" in patient, "_birthDate" in patient) == (not armed, armed)
    labels = [one["code"] for one in patient["meta"].get("security", ())]
    assert ("REDACTED" in labels) is armed
    if armed:
        assert patient["_birthDate"]["extension"][0]["valueCode"] == "masked"
        assert patient["telecom"][0]["extension"][0]["valueCode"] == "masked"
    assert "birthDate" in stored(wire)


Seen = Callable[[Wire, bool], None]


@dataclass(frozen=True)
class Try:
    """What the client must see, and the settings of the quirk."""

    seen: Seen
    settings: dict[str, Any] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)


DRIFT = {"rename": ["birthDate=dateOfBirth"], "drop": ["gender"], "gone": ["Goal"], "fhir_version": "5.0.0"}
TRIES: dict[str, Try] = {
    "break-the-glass": Try(behind_glass),
    "capped-count": Try(capped),
    "changing-total": Try(told_otherwise),
    "empty-page": Try(emptied),
    "error-inside-success": Try(not_really, where={"channel": "fhir"}),
    "if-match-required": Try(insisted, {"status": 428}),
    "ignored-parameter": Try(not_heeded),
    "next-link-loops": Try(going_round),
    "next-on-other-host": Try(led_away),
    "other-format": Try(in_xml),
    "outcome-in-bundle": Try(warned, {"severity": "error"}),
    "page-gaps": Try(left_out),
    "partial-bundle": Try(in_part),
    "preferred-name": Try(called_elsewhere),
    "redacted": Try(kept_back),
    "version-conflict": Try(overtaken),
    "version-drift": Try(drifted, DRIFT),
    "version-ids-skip": Try(skipped),
}


@pytest.mark.parametrize("armed", [True, False], ids=["armed", "calm"])
@pytest.mark.parametrize("name", NAMES)
def test_the_client_sees_what_the_quirk_promises_and_nothing_without_it(name: str, armed: bool, wire: Wire) -> None:
    assert name in TRIES, f"the quirk {name} has no case on the wire: add one to TRIES"
    case = TRIES[name]
    if armed:
        wire.site.quirk(name, name="trouble", where=case.where, **case.settings)
    case.seen(wire, armed)
    fired = wire.site.journal(quirk=name, rule="trouble")
    assert bool(fired) is armed
    decisions = [d for e in wire.site.journal() for d in e.decisions]
    assert {d.rule for d in decisions} == ({"trouble"} if armed else set())


@pytest.mark.parametrize(
    ("form", "media"),
    [
        ("plain-json", "application/json"),
        ("charset", 'application/fhir+JSON ; Charset="UTF8"'),
        ("bom", JSON_TYPE),
        ("gzip", JSON_TYPE),
    ],
)
def test_json_comes_in_every_dress(form: str, media: str, wire: Wire) -> None:
    plain = wire.send("GET", "/Patient/p1", headers={"Accept-Encoding": "identity"}).content
    wire.site.quirk("other-format", form=form)
    headers = {"Authorization": f"Bearer {wire.token}", "Accept": JSON_TYPE, "Accept-Encoding": "identity"}
    with wire.http.stream("GET", f"{wire.site.fhir_url}/Patient/p1", headers=headers) as answer:
        octets = b"".join(answer.iter_raw())
    assert answer.headers["content-type"] == media
    if form == "gzip":
        assert answer.headers["content-encoding"] == "gzip"
        octets = gzip.decompress(octets)
    assert octets == (b"\xef\xbb\xbf" if form == "bom" else b"") + plain


def test_a_server_that_has_become_dstu2_says_so_in_its_resources_and_its_media_type(wire: Wire) -> None:
    wire.site.quirk("version-drift", fhir_version="1.0.2")
    answer = wire.send("GET", "/Condition?patient=p1")
    assert answer.headers["content-type"].startswith("application/json+fhir")
    found = [entry["resource"] for entry in answer.json()["entry"]]
    assert found
    assert all("patient" in one and isinstance(one["clinicalStatus"], str) for one in found)


@pytest.mark.parametrize(("place", "shown"), [("usual", "usual"), ("name-extension", "extension")])
def test_the_preferred_name_stands_where_the_setting_says(place: str, shown: str, wire: Wire) -> None:
    wire.site.quirk("preferred-name", place=place)
    patients = {f"Patient/{e['resource']['id']}": e["resource"] for e in wire.get("/Patient?_count=30")["entry"]}
    noted = wire.last().notes["preferred_names"]
    for key, called in noted.items():
        names = patients[key]["name"]
        if shown == "usual":
            assert [name["given"] for name in names if name["use"] == "usual"] == [[called]]
        else:
            assert names[0]["extension"][-1]["valueString"] == called
        assert not any(name["use"] == "nickname" for name in names)


def test_an_error_inside_a_success_comes_on_a_vendors_own_api_too(mockehr: World) -> None:
    site = mockehr.site("athena", stepped=True, patients=5)
    site.quirk("error-inside-success", where={"channel": "proprietary"})
    root = site.fhir_url.removesuffix(site.site.fhir_path)
    with httpx2.Client(timeout=30) as http:
        answer = http.post(f"{root}/v1/195900/patients", data={"firstname": "Ada"})
    assert (answer.status_code, answer.json()["errorcode"]) == (200, "LOCKED")
    (entry,) = site.journal(channel="proprietary")
    assert [d.outcome for d in entry.decisions] == ["fired"]
    assert list(site.site.store.overlay("Patient")) == []


@pytest.mark.parametrize("masked", [True, False])
def test_what_is_kept_back_is_masked_or_gone(masked: bool, wire: Wire) -> None:
    wire.site.quirk("redacted", how="masked" if masked else "removed", label="SUBSETTED", elements=["gender"])
    patient = wire.get("/Patient/p1")
    assert ("_gender" in patient) is masked
    assert "gender" not in patient
    assert "SUBSETTED" in [one["code"] for one in patient["meta"]["tag"]]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("version-drift", {"rename": []}),
        ("version-drift", {"rename": ["birthDate"]}),
        ("version-drift", {"fhir_version": "4"}),
        ("other-format", {"form": "yaml"}),
        ("partial-bundle", {"share": 0}),
        ("break-the-glass", {"header": "a b"}),
        ("version-conflict", {"status": 500}),
        ("next-link-loops", {"to": "last"}),
        ("preferred-name", {"place": "nowhere"}),
        ("redacted", {"elements": []}),
        ("version-ids-skip", {"by": 0}),
        ("if-match-required", {"status": 400}),
        ("outcome-in-bundle", {"severity": "bad"}),
        ("changing-total", {"by": 0}),
        ("capped-count", {"most": 0}),
        ("page-gaps", {"entries": 0}),
    ],
)
def test_a_setting_that_means_nothing_is_refused(name: str, settings: dict[str, Any], wire: Wire) -> None:
    with pytest.raises(ConfigError):
        wire.site.quirk(name, **settings)


def test_what_is_dropped_from_a_reply_stays_in_the_store() -> None:
    stored = {"resourceType": "Patient", "id": "1", "name": [{"family": "A", "given": ["B"]}]}
    exchange = Exchange("fhir", reply=Reply(200, document=stored, content_type=JSON_TYPE))
    drift = VersionDrift(rename=(), drop=("name.given",))
    drift.on_reply(exchange, Act(0.0, cast(Any, None), {}, lambda: Chance(1).stream("drift")))
    assert exchange.reply is not None
    assert exchange.reply.document == {"resourceType": "Patient", "id": "1", "name": [{"family": "A"}]}
    assert stored["name"] == [{"family": "A", "given": ["B"]}]
