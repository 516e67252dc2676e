"""Every probe of ledger D over real sockets: a client that copes passes, and one with a single bug fails it alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.testing.world import TestSite, World

JSON_TYPE = "application/fhir+json"
LABELS = {"REDACTED", "SUBSETTED"}
Resource = dict[str, Any]


class Client:
    """Reads patients and changes one, and copes; with the name of a bug it does all but one thing so."""

    def __init__(
        self, site: TestSite, http: httpx2.Client, jtis: Iterator[int], bug: str = "", scopes: str = "system/*.cruds"
    ) -> None:
        self.site, self.http, self.bug = site, http, bug
        self.who = site.client("tiny", scopes)
        now, jti = site.site.clock.now(), str(next(jtis))
        signed = client_assertion(self.who.client_id, self.who.token_url, self.who.key, now=now, jti=jti)
        form = {"grant_type": "client_credentials", "scope": self.who.scopes, "client_assertion_type": ASSERTION_TYPE}
        self.token = http.post(self.who.token_url, data={**form, "client_assertion": signed}).json()["access_token"]
        self.base = self.who.fhir_url
        self.kept: dict[str, Resource] = {}
        self.stopped = False

    def send(self, method: str, target: str, **more: Any) -> httpx2.Response:
        accept = "*/*" if self.bug == "no-accept" else JSON_TYPE
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept, **more.pop("headers", {})}
        url = target if "://" in target else f"{self.base}/{target}"
        return self.http.request(method, url, headers=headers, **more)

    def read(self, target: str) -> tuple[Resource, str]:
        """A resource and its ETag; an empty one if it cannot be had."""
        answer = self.send("GET", target)
        if answer.status_code == 403 and "X-Break-The-Glass" in answer.text:
            headers = {"X-Break-The-Glass": "treatment, asked for by Dr. Muster"}
            for _ in range(3 if self.bug == "no-reason" else 1):
                answer = self.send("GET", target, headers={} if self.bug == "no-reason" else headers)
        if answer.status_code == 410:
            self.stopped = True
            if self.bug == "negotiates":
                self.send("GET", target, headers={"Accept": f"{JSON_TYPE}; fhirVersion=1.0"})
        try:
            document = json.loads(answer.content)
        except ValueError:
            return {}, ""
        return (document if answer.status_code == 200 else {}), answer.headers.get("etag", "")

    def pages(self, target: str) -> Iterator[Resource]:
        seen: set[str] = set()
        while target and len(seen) < 20 and not self.stopped:
            page, _ = self.read(target)
            yield page
            here = f"{self.base}/{target}" if "://" not in target else target
            seen.add(here)
            target = next((one["url"] for one in page.get("link", ()) if one["relation"] == "next"), "")
            if target and self.bug != "any-host":
                home = urlsplit(self.base)
                target = urlunsplit(urlsplit(target)._replace(scheme=home.scheme, netloc=home.netloc))
            if target in seen:
                if self.bug != "loops":
                    return
                for _ in range(8):
                    self.send("GET", target)
                return
            if self.bug == "stops-at-empty" and not page.get("entry"):
                return

    def search(self, query: str) -> tuple[dict[str, Resource], bool]:
        """What a search finds by `Type/id`, and whether that is all."""
        found: dict[str, Resource] = {}
        total, whole = 0, True
        for page in self.pages(query):
            total = int(page.get("total", 0))
            for entry in page.get("entry", ()):
                one = entry["resource"]
                if one["resourceType"] == "OperationOutcome":
                    whole = whole and one["issue"][0]["code"] != "incomplete"
                    if self.bug != "stores-outcomes":
                        continue
                if not self.fits(one, query):
                    continue
                found[f"{one['resourceType']}/{one['id']}"] = self.plain(one)
        if len(found) < total and whole and "_count=5" in query and self.bug != "no-second-look" and not self.stopped:
            found |= {key: one for page in self.pages(f"{query}&_total=accurate") for key, one in self.listed(page)}
        return found, whole

    def listed(self, page: Resource) -> list[tuple[str, Resource]]:
        resources = [entry["resource"] for entry in page.get("entry", ())]
        return [(f"{one['resourceType']}/{one['id']}", one) for one in resources]

    def fits(self, one: Resource, query: str) -> bool:
        if one["resourceType"] == "Patient" and "gender" not in one and not self.stopped:
            if self.bug != "drifts-on":  # a release that we do not know
                self.send("GET", "metadata")
                self.stopped = True
            return True
        return self.bug == "no-filter" or "gender=female" not in query or one.get("gender") == "female"

    def plain(self, one: Resource) -> Resource:
        """With the preferred name where we keep it."""
        told = [item for item in one.get("extension", ()) if item["url"].endswith("preferred-name")]
        if not told or self.bug == "one-place":
            return one
        rest = [item for item in one["extension"] if item not in told]
        name = {"use": "nickname", "given": [told[0]["valueString"]]}
        kept = {key: value for key, value in one.items() if key != "extension"} | (
            {"extension": rest} if rest else {}
        )
        return {**kept, "name": [*one["name"], name]}

    # what it is run for

    def sync(self, query: str = "Patient?_count=5") -> None:
        found, whole = self.search(query)
        if self.bug == "part-for-whole" or whole:
            self.kept = found
        else:
            self.kept |= found

    def sync_twice(self) -> None:
        self.sync("Patient?_count=30")
        self.sync("Patient?_count=30")

    def sync_females(self) -> None:
        self.sync("Patient?gender=female&_count=30")

    def crawl(self) -> None:
        self.sync("Patient?_count=1")

    def look(self) -> None:
        self.kept = {"Patient/p1": self.read("Patient/p1")[0]}

    def put(self, document: Resource, etag: str) -> httpx2.Response:
        headers = {"Content-Type": JSON_TYPE, **({"If-Match": etag} if etag else {})}
        return self.send("PUT", "Patient/p1", json=document, headers=headers)

    def change(self) -> None:
        document, etag = self.read("Patient/p1")
        labels = {one["code"] for one in document["meta"].get("security", ())}
        if labels & LABELS and self.bug != "writes-redacted":
            return
        answer = self.put({**document, "active": False}, etag)
        if answer.status_code in (409, 412, 428):
            if self.bug == "overwrites":
                self.put({**document, "active": False}, "")
                return
            document, etag = self.read("Patient/p1")
            self.put({**document, "active": False}, etag)

    def change_twice(self) -> None:
        document, etag = self.read("Patient/p1")
        etag = self.put({**document, "active": False}, etag).headers["etag"]
        if self.bug == "reckons":
            etag = f'W/"{int(document["meta"]["versionId"]) + 1}"'
        self.put({**document, "active": True}, etag)

    def create(self) -> None:
        body = {"resourceType": "Patient", "name": [{"family": "Muster"}]}
        for _ in range(3):
            answer = self.send("POST", "Patient", json=body, headers={"Content-Type": JSON_TYPE})
            if answer.status_code == 201 or self.bug == "believes-200":
                return

    def survey(self) -> None:
        offered = {"Patient", "Goal", "Claim", "CarePlan"}
        if self.bug != "assumes":
            statement, _ = self.read("metadata")
            offered &= {one["type"] for one in statement["rest"][0]["resource"]}
        for kind in sorted(offered):
            self.send("GET", f"{kind}?patient=p1" if kind != "Patient" else "Patient/p1")


@dataclass(frozen=True)
class Day:
    """What goes wrong, what the client is run for, and the bug that the probe must catch."""

    bug: str
    task: str
    quirk: dict[str, Any] = field(default_factory=dict)
    vendor: str = "generic"
    patients: int = 12
    types: dict[str, str] = field(default_factory=lambda: {"Patient": ""})


DAYS: dict[str, Day] = {
    "reads-capabilities": Day("assumes", "survey", vendor="hl7_facade"),
    "finds-preferred-name": Day("one-place", "sync", {"use": "preferred-name"}, patients=30),
    "drift-noticed": Day("drifts-on", "crawl", {"use": "version-drift", "drop": ["gender"], "when": {"skip": 2}}),
    "no-auto-negotiation": Day(
        "negotiates", "crawl", {"use": "version-drift", "gone": ["Patient"], "when": {"skip": 4}}
    ),
    "follows-next-to-the-end": Day("stops-at-empty", "sync", {"use": "empty-page"}),
    "ends-paging-loops": Day("loops", "sync", {"use": "next-link-loops"}),
    "keeps-token-at-home": Day("any-host", "sync", {"use": "next-on-other-host"}),
    "recovers-page-gaps": Day("no-second-look", "sync", {"use": "page-gaps", "when": {"at_most": 1}}),
    "checks-what-was-applied": Day(
        "no-filter", "sync_females", {"use": "ignored-parameter"}, types={"Patient": "gender=female"}
    ),
    "outcome-not-stored": Day("stores-outcomes", "sync", {"use": "outcome-in-bundle"}),
    "negotiates-format": Day("no-accept", "look", {"use": "other-format", "form": "bom"}),
    "re-reads-on-conflict": Day("overwrites", "change", {"use": "version-conflict", "when": {"at_most": 1}}),
    "takes-versions-as-given": Day("reckons", "change_twice", {"use": "version-ids-skip"}),
    "marks-partial": Day("part-for-whole", "sync_twice", {"use": "partial-bundle", "when": {"skip": 1}}),
    "never-sends-redacted-back": Day("writes-redacted", "change", {"use": "redacted"}),
    "breaks-glass-with-reason": Day("no-reason", "look", {"use": "break-the-glass"}),
    "notices-errors-in-success": Day(
        "believes-200", "create",
        {"use": "error-inside-success", "where": {"channel": "fhir"}, "when": {"at_most": 1}},
    ),
}  # fmt: skip
TAINTED = {"truth", "scopes-used"}
"""Probes that say something of every client here: it asks for all scopes, and not every task brings all records."""
Run = Callable[[str, str, dict[str, Any]], dict[str, Finding]]


@pytest.fixture
def run(mockehr: World) -> Iterator[Run]:
    """Runs a client with a bug (or none) on a probe's day, or another, and asks all probes about it."""
    jtis = count(1)
    with httpx2.Client(timeout=30) as http:

        def go(probe: str, bug: str, quirk: dict[str, Any]) -> dict[str, Finding]:
            day = DAYS[probe]
            site = mockehr.site(day.vendor, stepped=True, patients=day.patients)
            if quirk:
                site.quirk(**quirk)
            client = Client(site, http, jtis, bug)
            getattr(client, day.task)()
            truth = site.truth.compare(list(client.kept.values()), types=day.types)
            (card,) = [card for card in site.judge(truth=truth).cards if card.client == "tiny"]
            return {finding.probe: finding for finding in card.findings}

        yield go


@pytest.mark.parametrize("probe", sorted(DAYS))
def test_a_client_that_copes_passes(probe: str, run: Run) -> None:
    findings = run(probe, "", DAYS[probe].quirk)
    assert findings[probe].verdict == "pass", findings[probe]
    assert [name for name, one in findings.items() if one.verdict == "fail" and name not in TAINTED] == []


@pytest.mark.parametrize("probe", sorted(DAYS))
def test_a_client_with_one_bug_fails_the_probe_that_is_about_it_and_no_other(probe: str, run: Run) -> None:
    findings = run(probe, DAYS[probe].bug, DAYS[probe].quirk)
    failed = [name for name, one in findings.items() if one.verdict == "fail" and name not in TAINTED]
    assert failed == [probe], [findings[name] for name in failed]


@pytest.mark.parametrize("probe", sorted(name for name in DAYS if DAYS[name].quirk))
def test_on_a_calm_day_the_probe_sees_no_occasion(probe: str, run: Run) -> None:
    bug = "" if probe == "never-sends-redacted-back" else DAYS[probe].bug
    assert run(probe, bug, {})[probe].verdict == "not-applicable"


def network(vendor: str) -> tuple[Site, Site]:
    """A platform and the hospital behind it."""
    directory = Directory()
    options = SiteOptions("hub", vendor, stepped=True, open_access=True, fronts=("north",))
    hub = directory.add(build_site(options))
    return hub, directory.add(build_site(SiteOptions("north", patients=5, stepped=True)))


def asked(hub: Site, *targets: str) -> list[Any]:
    """Answers to requests below the site's root, None where there is no success."""
    found = []
    for target in targets:
        path, _, query = target.partition("?")
        place = channel_of(hub, path)
        assert place is not None, path
        exchange = Exchange(place[0], path=place[1], query=query, base_url=f"https://hub.example.org{hub.fhir_path}")
        exchange.headers["accept"] = "application/json"
        reply = hub.handle(exchange).reply
        assert reply is not None
        found.append(json.loads(reply.body) if reply.status == 200 else None)
    return found


def judged(hub: Site, probe: str, **expected: Any) -> Finding:
    return probes().get(probe).judge(Case(tuple(hub.journal), "hub", "", expected=expected))


@pytest.mark.parametrize(("repeats", "verdict"), [(1, "pass"), (6, "fail")])
def test_calls_through_a_platform_are_counted_against_the_budget(repeats: int, verdict: str) -> None:
    hub, _ = network("redox")
    here = "/fhir/R4/north/Development"
    targets = (f"{here}/Patient/p1", f"{here}/Condition?patient=p1")
    asked(hub, *targets * repeats)
    finding = judged(hub, "counts-calls", **{"calls per patient": 10})
    assert finding.verdict == verdict, finding
    assert judged(hub, "counts-calls").verdict == "pass"
    assert finding.evidence[0].text.endswith(f"{repeats} times")


def test_a_site_with_nobody_in_front_is_no_occasion_for_probes_of_platforms() -> None:
    site = build_site(SiteOptions("north", patients=5, stepped=True, open_access=True))
    asked(site, f"{site.fhir_path}/Patient/p1")
    assert [judged(site, name).verdict for name in ("counts-calls", "maps-ids")] == ["not-applicable"] * 2


@pytest.mark.parametrize("mapped", [True, False])
def test_ids_of_a_platform_are_its_own(mapped: bool) -> None:
    hub, north = network("tefca")
    person = north.store.read("Patient", "p0")
    assert person is not None
    family, birth = person.document["name"][0]["family"], person.document["birthDate"]
    (page,) = asked(hub, f"{hub.fhir_path}/Patient?family={family}&birthdate={birth}")
    shown = page["entry"][0]["resource"]["id"]
    known = shown if mapped else shown.partition(".")[2]
    asked(hub, f"{hub.fhir_path}/DocumentReference?patient={known}")
    finding = judged(hub, "maps-ids")
    assert finding.verdict == ("pass" if mapped else "fail"), finding
