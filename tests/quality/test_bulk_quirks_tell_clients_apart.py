"""Every quirk of bulk exports tells a client that copes from one with the habit that the quirk is about.

The habits are planted one by one into the careful example client, which asks the site in memory: its waits move the
site's clock. A naive client has to get along with an export that nothing disturbs: then it is the quirk that it does
not survive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx2
import pytest

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.core.exchange import Exchange, Reply
from mockehr.examples import careful_export
from mockehr.examples.careful_export import TYPES, Export, Failed, Lost, Records, Site
from mockehr.quirks.rule import quirks
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.scenarios.scorecard import Scorecard, judge
from mockehr.sites import site as hospital
from mockehr.sites.build import build_site
from mockehr.sites.directory import channel_of
from mockehr.sites.expected import everybody, truth_of
from mockehr.sites.options import SiteOptions

ROOT: Final = "http://h.example.org/a"
SPAN: Final = 1e7
FAMILY: Final = sorted(name for name in probes() if name.startswith("bulk-"))
Json = dict[str, Any]


def hospital_of(*rules: Json, vendor: str = "generic", patients: int = 4, **settings: Any) -> hospital.Site:
    """A site on a clock that only waits move."""
    site = build_site(SiteOptions("a", vendor, patients=patients, stepped=True, settings=settings))
    for rule in rules:
        site.arm(rule)
    return site


class Wire:
    """A site without sockets, as a client of HTTP sees it."""

    def __init__(self, site: hospital.Site) -> None:
        self.site = site

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        below, _, query = str(request.url).removeprefix(ROOT).partition("?")
        channel, path = channel_of(self.site, below) or ("fhir", below)
        headers = {name: value for name, value in request.headers.items() if name != "accept-encoding"}
        base = ROOT + self.site.fhir_path
        exchange = self.site.handle(Exchange(channel, request.method, path, query, headers, base_url=base))
        reply, effects = exchange.reply, exchange.effects
        assert isinstance(reply, Reply)
        if effects is not None and (effects.cut_at is not None or effects.lost or effects.reset):
            raise httpx2.RemoteProtocolError("the connection ended", request=request)
        return httpx2.Response(reply.status, headers=reply.headers, content=reply.body, request=request)


class Client(Site):
    """The careful client, whose tokens come without a signature, for its clock is not the site's."""

    def __init__(self, site: hospital.Site, http: httpx2.Client) -> None:
        group = site.charts.groups.id_of("everyone") if site.charts is not None else ""
        super().__init__({"FHIR_URL": ROOT + site.fhir_path, "GROUP": group}, http, site.clock.advance)
        self.hospital = site

    def renew(self) -> None:
        now = self.hospital.clock.now()
        grant = Grant("sync", Scopes.parse("system/*.rs"), now, now + SPAN, int(SPAN))
        self.token = self.hospital.auth.tokens.issue(grant, token_url=f"{ROOT}/token").token


def exported(site: hospital.Site) -> Records:
    """What the client of this module ends up with."""
    with httpx2.Client(transport=httpx2.MockTransport(Wire(site))) as http:
        return careful_export.export(Client(site, http))


def card_of(site: hospital.Site, kept: Mapping[str, Json]) -> Scorecard:
    """What is said of it."""
    truth = truth_of(site, everybody(site), dict.fromkeys(TYPES, ""), list(kept.values()))
    return judge([Case(tuple(site.journal), "a", "sync", truth)], [*FAMILY, "truth"])


def finding(card: Scorecard, probe: str) -> Finding:
    return card.cards[0].find(probe)


# habits


class AsksAtOnce(Export):
    """Waits as long as it likes."""

    def manifest(self, job: str) -> Json:
        for _ in range(200):
            response = self.site.send("GET", job)
            if response.status_code == 200:
                return dict(response.json())
            self.site.pause(0.5)
        raise Lost("never done")


class ReadsProgress(Export):
    """Takes progress that does not grow for the end of it."""

    def manifest(self, job: str) -> Json:
        before = ""
        while (response := self.site.send("GET", job)).status_code == 202:
            told = response.headers.get("x-progress", "")
            if before and told <= before:
                raise Failed("no progress")
            before = told
            self.site.obey(response, 0)
        return dict(response.json())


class GivesUpOnErrors(Export):
    """Takes every 5xx for the end of the night."""

    def manifest(self, job: str) -> Json:
        while (response := self.site.send("GET", job)).status_code == 202:
            self.site.obey(response, 0)
        if response.status_code != 200:
            raise Failed(f"{response.status_code}")
        return dict(response.json())


class LogsMissingFiles(Export):
    """A file that cannot be had is a line in the log."""

    def fetch(self, listed: Json) -> tuple[list[Json], str]:
        try:
            return super().fetch(listed)
        except Failed:
            return [], "is missing"


class TakesWhatComes(Export):
    """Drops lines that are no records, and does not count the others."""

    def doubt(self, listed: Json, records: list[Json], broken: list[int]) -> str:
        return ""


class ReadsStrictly(Export):
    """One line that is no record spoils the whole export."""

    def doubt(self, listed: Json, records: list[Json], broken: list[int]) -> str:
        if broken:
            raise Failed("no NDJSON")
        return ""


class KeepsAll(Export):
    """Appends what comes to what it has."""

    def collect(self, job: str, manifest: Json) -> Records:
        files = [self.fetch(listed)[0] for listed in manifest["output"]]
        return {f"{n}.{m}": record for n, lines in enumerate(files) for m, record in enumerate(lines)}


class BelievesTypes(Export):
    """Keeps records by the manifest's type."""

    def fetch(self, listed: Json) -> tuple[list[Json], str]:
        lines, problem = super().fetch(listed)
        return [line | {"resourceType": listed["type"]} for line in lines], problem


class AsksForNothingMore(Export):
    """An export is what `output` lists."""

    def complete(self, kept: Records, manifest: Json) -> None:
        """Nothing is missing."""


class BreaksOff(Export):
    """Does not know that connections end, and tokens."""

    def fetch(self, listed: Json) -> tuple[list[Json], str]:
        try:
            response = self.site.ask("GET", listed["url"], {})
        except httpx2.TransportError:
            return [], "broken"
        return (careful_export.parse(response.content)[0], "") if response.status_code == 200 else ([], "refused")


POLLING: Final = ("bulk-polling-kept",)
ONE_LATER: Final = {"skip": 2, "at_most": 1}
"""Not a file of patients, which a client may miss and read one by one."""
TROUBLE: Final[dict[str, tuple[Json, type[Export], tuple[str, ...]]]] = {
    # a name of the trouble, beginning with the quirk: rule, habit, the probes that the habit fails
    "bulk-poll-throttled grows": ({}, AsksAtOnce, POLLING),
    "bulk-poll-throttled restart": (
        {"with": {"penalty": "restart", "status": 503}},
        AsksAtOnce,
        ("bulk-polling-kept",),
    ),
    "bulk-poll-throttled date": ({"with": {"retry_after": "date"}}, AsksAtOnce, POLLING),
    "bulk-poll-fails": ({"with": {"times": 3}}, GivesUpOnErrors, ("bulk-waits-for-end", "truth")),
    "bulk-poll-fails told": ({"with": {"retry_after": "9s"}}, GivesUpOnErrors, ("bulk-waits-for-end", "truth")),
    "bulk-job-lost": ({}, GivesUpOnErrors, ("bulk-restarts-lost-jobs", "truth")),
    "bulk-job-lost for good": ({"with": {"jobs": 2, "status": 410}}, AsksAtOnce, ("bulk-restarts-lost-jobs",)),
    "bulk-job-fails": ({}, GivesUpOnErrors, ("bulk-restarts-lost-jobs", "truth")),
    "bulk-progress-stalls": ({"with": {"longer": "10min"}}, ReadsProgress, ("bulk-waits-for-end", "truth")),
    "bulk-file-expired": ({"when": {"skip": 3}}, LogsMissingFiles, ("bulk-complete", "truth")),
    "bulk-file-expired 403": ({"with": {"status": 403}}, LogsMissingFiles, ("bulk-complete", "truth")),
    "bulk-file-truncated mid-line": ({"when": ONE_LATER}, TakesWhatComes, ("bulk-complete", "truth")),
    "bulk-file-truncated line-end": (
        {"when": {"skip": 2, "at_most": 2}, "with": {"form": "line-end"}},
        TakesWhatComes,
        ("bulk-complete", "bulk-counts-checked", "truth"),
    ),
    "bulk-file-truncated connection-cut": (
        {"when": ONE_LATER, "with": {"form": "connection-cut"}},
        BreaksOff,
        ("bulk-complete", "truth"),
    ),
    "bulk-bad-line half": ({"when": ONE_LATER}, TakesWhatComes, ("bulk-complete", "truth")),
    "bulk-bad-line no-json": ({"when": ONE_LATER, "with": {"form": "no-json"}}, ReadsStrictly, ("truth",)),
    "bulk-bad-line null": ({"when": ONE_LATER, "with": {"form": "null"}}, ReadsStrictly, ("truth",)),
    "bulk-bad-line joined": ({"when": ONE_LATER, "with": {"form": "joined"}}, TakesWhatComes, ("truth",)),
    "bulk-duplicate-lines": ({}, KeepsAll, ("truth",)),
    "bulk-stray-line": ({}, BelievesTypes, ("truth",)),
    "bulk-wrong-count": ({}, TakesWhatComes, ("bulk-counts-checked",)),
    "bulk-wrong-count low": ({"with": {"by": -2}}, TakesWhatComes, ("bulk-counts-checked",)),
    "bulk-wrong-type": ({}, BelievesTypes, ("truth",)),
    "bulk-missing-file": ({}, AsksForNothingMore, ("truth",)),
    "bulk-error-file": ({}, AsksForNothingMore, ("bulk-errors-read", "truth")),
    "token-expiry": ({"where": {"channel": "files"}, "with": {"uses": 4}}, BreaksOff, ("bulk-complete", "truth")),
    "reset": ({"where": {"channel": "files"}, "when": {"every": 3}}, BreaksOff, ("bulk-complete", "truth")),
}


def played(trouble: str, habit: type[Export] | None, patch: pytest.MonkeyPatch, **settings: Any) -> Scorecard:
    """What is said of a client with that habit, or of the careful one, in that trouble, or in none."""
    rules = [{"use": trouble.partition(" ")[0], **TROUBLE[trouble][0]}] if trouble else []
    site = hospital_of(*rules, **settings)
    if habit is not None:
        patch.setattr(careful_export, "Export", habit)
    kept = exported(site)
    patient = habit is None and "throttled" in trouble  # who waits is not refused
    assert [bool(rule.fired) for rule in site.rules] == ([not patient] if trouble else [])
    return card_of(site, kept)


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_client_that_copes_ends_up_with_the_truth_and_fails_no_probe(
    trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = played(trouble, None, monkeypatch)
    assert {one.probe: one for _, one in card if one.verdict == "fail"} == {}
    for probe in TROUBLE[trouble][2]:
        assert finding(card, probe).verdict == "pass", finding(card, probe)


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_client_with_the_habit_that_the_quirk_is_about_fails(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, habit, failing = TROUBLE[trouble]
    card = played(trouble, habit, monkeypatch)
    assert {one.probe for _, one in card if one.verdict == "fail"} >= set(failing)


@pytest.mark.parametrize(
    "habit", sorted({habit for _, habit, _ in TROUBLE.values()}, key=lambda habit: habit.__name__)
)
def test_where_nothing_is_disturbed_every_habit_gives_the_truth(
    habit: type[Export], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding(played("", habit, monkeypatch), "truth").verdict == "pass"


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_the_careful_client_copes_with_vendors_that_hide_names_and_redirect(vendor: str) -> None:
    rules = [
        {"use": "bulk-file-truncated", "when": ONE_LATER},
        {"use": "bulk-duplicate-lines"},
        {"use": "bulk-error-file"},
        {"use": "bulk-wrong-type"},
    ]
    site = hospital_of(*rules, vendor=vendor)
    card = card_of(site, exported(site))
    assert {one.probe: one for _, one in card if one.verdict == "fail"} == {}
    for probe in ("bulk-complete", "bulk-counts-checked", "bulk-errors-read", "bulk-polling-kept", "truth"):
        assert finding(card, probe).verdict == "pass", finding(card, probe)
    assert all(rule.fired for rule in site.rules)


def test_every_quirk_and_every_probe_of_exports_is_shown_here() -> None:
    known = {name for name in quirks() if quirks().get(name).about.family == "bulk"}
    assert known == {trouble.partition(" ")[0] for trouble in TROUBLE} - {"token-expiry", "reset"}
    assert {probe for _, _, failing in TROUBLE.values() for probe in failing} == {*FAMILY, "truth"}
