"""The two example clients against a small hospital on a bad day: the careful one copes, the careless one does not.

The hospital is written here by hand, answers in memory and keeps what crossed its border as exchanges, so that the
probes judge real clients. Time passes when the careful client waits, and a little with each request.
"""

import json
import time
from email.utils import formatdate
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

from mockehr.core.exchange import Decision, Exchange, Reply
from mockehr.examples import careful, careless
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.sites.truth import compare

BASE = "http://hospital.example.org/fhir"
SCOPES = " ".join(
    ["system/Patient.read", "system/Observation.cruds", *(f"system/{kind}.read" for kind in careful.SEARCHES)]
)


def person(id: str, family: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "active": True, "name": [{"family": family}], **more}


def result(id: str, patient: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id, "subject": {"reference": f"Patient/{patient}"}}


LINK = [{"type": "replaced-by", "other": {"reference": "Patient/a"}}]
TRUTH = [person("a", "Núñez"), person("b", "Smith"), *(result(f"a{n}", "a") for n in range(5)), result("b0", "b")]
MERGED = person("a2", "Núñez", link=LINK)


class Hospital:
    """Serves TRUTH three results a page. `troubles` names what goes wrong; each is a few lines below."""

    def __init__(self, *troubles: str) -> None:
        self.troubles = set(troubles)
        self.exchanges: list[Exchange] = []
        self.now = 1000.0
        self.uses = self.posts = self.tokens = 0
        self.written: list[dict[str, Any]] = []
        self.sessions: dict[str, list[dict[str, Any]]] = {}

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.now += 0.01
        path, _, query = request.url.raw_path.decode().partition("?")
        token = path == "/token"
        exchange = Exchange("token" if token else "fhir", request.method, path.removeprefix("/fhir"), query)
        exchange.headers = {name.lower(): value for name, value in request.headers.items()}
        exchange.body, exchange.base_url, exchange.client = request.read(), BASE, "backend"
        exchange.number, exchange.at = len(self.exchanges) + 1, self.now
        self.exchanges.append(exchange)
        status, headers, document = self.grant() if token else self.answer(exchange)
        body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode()
        if "windows" in self.troubles:
            body = body.replace("Núñez".encode(), "Núñez".encode("cp1252"))
        body = b'{"resourceType": "Obser' if document == "cut" else body
        if "html" in self.troubles and exchange.number == 4:
            status, body = 502, b"<html>Bad gateway</html>"
        exchange.reply = Reply(status, [*headers.items()], body)
        if exchange.effects is not None and exchange.effects.lost:
            raise httpx2.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        return httpx2.Response(status, headers=headers, content=body)

    def grant(self) -> tuple[int, dict[str, str], Any]:
        self.tokens, self.uses = self.tokens + 1, 0
        dropped = " system/Condition.read" if "fewer-scopes" in self.troubles else ""
        return 200, {}, {"access_token": f"t{self.tokens}", "scope": SCOPES.replace(dropped, "")}

    def answer(self, exchange: Exchange) -> tuple[int, dict[str, str], Any]:
        if exchange.path.endswith("/metadata"):
            kinds = sorted({one["resourceType"] for one in TRUTH})
            server = {"mode": "server", "resource": [{"type": kind} for kind in kinds]}
            return 200, {}, {"resourceType": "CapabilityStatement", "rest": [server]}
        self.uses += 1
        kind, _, id = exchange.path.strip("/").partition("/")
        if exchange.headers["authorization"] != f"Bearer t{self.tokens}":
            return 401, {}, None
        if "expiry" in self.troubles and self.uses > 6:
            return 401, {"WWW-Authenticate": "Bearer"}, None
        if "limit" in self.troubles and exchange.number % 7 == 5:
            return 429, {"Retry-After": "30"}, None
        if "fewer-scopes" in self.troubles and kind == "Condition":
            return 403, {}, None
        if exchange.method == "POST":
            return self.create(exchange)
        if id:
            found = [one for one in [*TRUTH, MERGED] if one["resourceType"] == kind and one["id"] == id]
            return (200, {}, found[0]) if found else (404, {}, None)
        return self.search(kind, dict(httpx2.QueryParams(exchange.query)))

    def create(self, exchange: Exchange) -> tuple[int, dict[str, str], Any]:
        document = json.loads(exchange.body) | {"id": f"w{len(self.written)}"}
        self.written.append(document)
        self.posts += 1
        if "lost" in self.troubles and self.posts == 1:
            exchange.effect().lost = True
        if "malformed" in self.troubles and self.posts == 1:
            exchange.decisions += (Decision("m", "malformed-success", "on_wire", "fired"),)
            return 201, {}, "cut"
        return 201, {}, document

    def search(self, kind: str, asked: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if "s" in asked:
            left = self.sessions[asked["s"]]
            if "dying-pages" in self.troubles and asked["s"] == "1":
                return 410, {}, None
        else:
            vital = asked.get("category") == "vital-signs"
            subject = {"reference": f"Patient/{asked['patient']}"}
            pool = self.written if vital else TRUTH
            left = [one for one in pool if one["resourceType"] == kind and one.get("subject") == subject]
        page, rest = left[:3], left[3:]
        links = []
        if rest:
            session = str(len(self.sessions) + 1)
            self.sessions[session] = [page[-1], *rest] if "repeats" in self.troubles else rest
            links.append({"relation": "next", "url": f"{BASE}/{kind}?s={session}"})
        entries = [{"resource": one, "search": {"mode": "match"}} for one in page]
        entries.append({"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}})
        return 200, {}, {"resourceType": "Bundle", "link": links, "entry": entries}


SETTINGS = {
    "FHIR_URL": BASE,
    "TOKEN_URL": "http://hospital.example.org/token",
    "CLIENT_ID": "backend",
    "PRIVATE_KEY": json.dumps(ECKey.generate_key("P-384", {"kid": "k1"}).as_dict(private=True)),
    "SCOPES": SCOPES,
}
ROSTER = ["a", "a2", "b"]


def run_careful(hospital: Hospital) -> list[dict[str, Any]]:
    with httpx2.Client(transport=httpx2.MockTransport(hospital)) as http:
        return [*careful.sync(careful.Site(SETTINGS, http, hospital.sleep), ROSTER).values()]


def run_careless(hospital: Hospital) -> list[dict[str, Any]]:
    with httpx2.Client(transport=httpx2.MockTransport(hospital)) as http:
        return careless.sync(careless.Site(SETTINGS, http), ROSTER)


def judged(probe: str, hospital: Hospital, kept: list[dict[str, Any]]) -> Finding:
    expected = {f"{one['resourceType']}/{one['id']}": one for one in TRUTH}
    truth = compare(expected, kept, aliases={"Patient/a2": "Patient/a"})
    case = Case(tuple(hospital.exchanges), "hospital", "backend", truth=truth, registered_scopes=SCOPES)
    return probes().get(probe).judge(case)


DAYS = [
    ("renews-token-after-401", ("expiry",)),
    ("keeps-retry-after", ("limit",)),
    ("follows-next-verbatim", ()),
    ("no-blind-repeat", ("lost",)),
    ("no-blind-repeat", ("malformed",)),
    ("dedupes-pages", ("repeats",)),
    ("truth", ("windows",)),
    ("truth", ("html",)),
    ("truth", ("expiry", "limit", "repeats", "windows", "html")),
]


@pytest.mark.parametrize(("probe", "troubles"), DAYS)
def test_the_careful_client_copes(probe: str, troubles: tuple[str, ...]) -> None:
    hospital = Hospital(*troubles)
    kept = run_careful(hospital)
    assert judged(probe, hospital, kept).verdict == "pass", judged(probe, hospital, kept)
    assert judged("truth", hospital, kept).verdict == "pass"


@pytest.mark.parametrize(("probe", "troubles"), DAYS)
def test_the_careless_client_does_not(probe: str, troubles: tuple[str, ...]) -> None:
    hospital = Hospital(*troubles)
    kept = run_careless(hospital)
    assert judged(probe, hospital, kept).verdict == "fail"


def test_on_a_good_day_both_read_everything_and_write_twice() -> None:
    for run in (run_careful, run_careless):
        hospital = Hospital()
        keys = {(one["resourceType"], one.get("id")) for one in run(hospital)}
        assert {(one["resourceType"], one["id"]) for one in TRUTH} <= keys
        assert len(hospital.written) == 2


def test_a_lost_answer_leads_the_careful_client_to_look_and_the_careless_one_to_write_twice() -> None:
    written: list[int] = []
    for run in (run_careful, run_careless):
        hospital = Hospital("lost")
        run(hospital)
        written.append(len(hospital.written))
    assert written == [2, 3]


def test_a_paging_session_that_died_is_begun_again() -> None:
    hospital = Hospital("dying-pages")
    kept = run_careful(hospital)
    assert any(exchange.reply is not None and exchange.reply.status == 410 for exchange in hospital.exchanges)
    assert judged("truth", hospital, kept).verdict == "pass"


def test_scopes_that_were_not_granted_are_done_without() -> None:
    hospital = Hospital("fewer-scopes")
    run_careful(hospital)
    assert not [exchange for exchange in hospital.exchanges if exchange.path.startswith("/Condition")]
    assert judged("scopes-used", hospital, []).verdict == "pass"


def test_a_site_that_wants_a_day_of_rest_is_left_alone() -> None:
    hospital = Hospital()
    answer = hospital.answer
    hospital.answer = lambda e: (429, {"Retry-After": "86400"}, None) if e.number > 4 else answer(e)  # type: ignore[method-assign]
    assert run_careful(hospital)
    assert len(hospital.exchanges) == 5
    assert judged("keeps-retry-after", hospital, []).verdict == "pass"


@pytest.mark.parametrize(("skew", "expected"), [(-86400.0, 2), (0.0, 1)])
def test_a_refused_assertion_is_signed_once_more_if_the_clocks_differ(skew: float, expected: int) -> None:
    asked: list[httpx2.Request] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        date = formatdate(time.time() + skew, usegmt=True)
        return httpx2.Response(400, headers={"Date": date}, json={"error": "invalid_client"})

    with httpx2.Client(transport=httpx2.MockTransport(refuse)) as http:
        site = careful.Site(SETTINGS, http, Hospital().sleep)
        with pytest.raises(careful.SiteClosed):
            site.renew()
    assert len(asked) == expected
