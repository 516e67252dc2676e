"""Mutants of ledger D, and of what every sync does. Shared with `test_dialects_tell_clients_apart.py` and others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import httpx2
from test_dialects_tell_clients_apart import DAYS, Client, asked, network
from test_over_sockets import Careful
from test_two_houses import house, number, search

from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes.fits_the_site import SIBLINGS
from mockehr.scenarios.scorecard import judge
from mockehr.sites.character import siblings_of
from mockehr.sites.truth import TruthReport
from mockehr.testing.world import TestSite

Play = Callable[[Any, bool], Iterable[Finding]]
JTIS = count(1)
KEPT = {
    "finds-preferred-name": "the name is missing from the record",
    "recovers-page-gaps": "the record between two pages is lost",
    "checks-what-was-applied": "records that nobody wanted are kept",
    "outcome-not-stored": "an OperationOutcome is among the records",
    "marks-partial": "what the partial answer lacked is lost",
}
"""Probes that look at the records which the client gives back, and how the flaw shows there."""
SCOPES = {"change": "system/Patient.ru", "change_twice": "system/Patient.ru", "create": "system/Patient.c"}
"""What a task needs, and no more; the others read."""

CALM_FIRST = {"never-sends-redacted-back"}
"""Where who copes leaves the task, and would have no use for its scopes otherwise."""


class BreaksEveryGlass(Client):
    """With the bug it gives a reason with each request, so that none is refused."""

    def send(self, method: str, target: str, **more: Any) -> httpx2.Response:
        if self.bug:
            more["headers"] = {"X-Break-The-Glass": "emergency"} | more.get("headers", {})
        return super().send(method, target, **more)


def of_client(site: TestSite, truth: TruthReport | None) -> Iterable[Finding]:
    """What all probes say of the client at that site."""
    (card,) = [card for card in site.judge(truth=truth).cards if card.client == "tiny"]
    return card.findings


def day(probe: str, kind: type[Client] = Client) -> tuple[Play, str]:
    """The client of the shared test on that probe's day."""
    told = DAYS[probe]

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        site = stand.mockehr.site(told.vendor, stepped=True, patients=told.patients)
        scopes = SCOPES.get(told.task, "system/Patient.rs")
        client = kind(site, stand.http, JTIS, told.bug if flawed else "", scopes)
        if probe in CALM_FIRST:
            getattr(client, told.task)()
        if told.quirk:
            site.quirk(**told.quirk)
        getattr(client, told.task)()
        truth = site.truth.compare(list(client.kept.values()), types=told.types) if probe in KEPT else None
        return of_client(site, truth)

    return play, KEPT.get(probe, "")


class ComesBack(Careful):
    """Takes 429 for an invitation to come straight back."""

    def call(self, method: str, url: str, **more: Any) -> httpx2.Response:
        answer = self.send(method, url, **more)
        while answer.status_code == 429:
            self.site.advance("20s")
            answer = self.send(method, url, **more)
        return answer


class CountsItself(Careful):
    """Adds what it wants to the links that it is given."""

    def send(self, method: str, url: str, **more: Any) -> httpx2.Response:
        first = method == "POST" or url.endswith("?_count=5")
        return super().send(method, url if first else f"{url}&_count=5", **more)


class KeepsAll(Careful):
    """Appends what it is shown, record by record."""

    def call(self, method: str, url: str, **more: Any) -> httpx2.Response:
        answer = super().call(method, url, **more)
        self.shown = [*getattr(self, "shown", []), *answer.json().get("entry", [])]
        return answer

    def sync(self) -> None:
        super().sync()
        self.kept = [entry["resource"] for entry in self.shown]


class AsksForMore(Careful):
    """Asks for a scope that it never uses."""

    scopes = f"{Careful.scopes} system/Condition.rs"


class Alters(Careful):
    """Keeps births as years."""

    def sync(self) -> None:
        super().sync()
        self.kept = [{**one, "birthDate": one["birthDate"][:4]} for one in self.kept]


def sync(bug: type[Careful], *, shows: str = "", **quirk: Any) -> tuple[Play, str]:
    """The small client of `test_over_sockets.py`, or the one with a bug, on a day with that quirk."""

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        site = stand.mockehr.site(stepped=True, patients=12)
        if quirk:
            site.quirk(**quirk)
        client = (bug if flawed else Careful)(site, stand.http, JTIS)
        client.sync()
        return of_client(site, site.truth.compare(client.kept))

    return play, shows


def through_a_platform(stand: Any, flawed: bool) -> Iterable[Finding]:
    """Asks for each record once, or for each again and again."""
    hub, _ = network("redox")
    here = "/fhir/R4/north/Development"
    asked(hub, *(f"{here}/Patient/p1", f"{here}/Condition?patient=p1") * (6 if flawed else 1))
    case = Case(tuple(hub.journal), "hub", "c", expected={"calls per patient": 10})
    return judge([case]).cards[0].findings


def by_ids(stand: Any, flawed: bool) -> Iterable[Finding]:
    """Asks by the id that the network showed, or by the one that it believes to see in it."""
    hub, north = network("tefca")
    person = north.store.read("Patient", "p0")
    assert person is not None
    family, birth = person.document["name"][0]["family"], person.document["birthDate"]
    (page,) = asked(hub, f"{hub.fhir_path}/Patient?family={family}&birthdate={birth}")
    shown = page["entry"][0]["resource"]["id"]
    asked(hub, f"{hub.fhir_path}/DocumentReference?patient={shown.partition('.')[2] if flawed else shown}")
    return judge([Case(tuple(hub.journal), "hub", "c")]).cards[0].findings


def at_the_second_house(stand: Any, flawed: bool) -> Iterable[Finding]:
    """Searches by the systems of the house where it is, or of the one that it was made for."""
    north, south = house("north"), house("south")
    south.handle(search(south, number(north if flawed else south)))
    case = Case(tuple(south.journal), "south", "c", expected={SIBLINGS: siblings_of(south, [south, north])})
    return judge([case]).cards[0].findings


MUTANTS: dict[str, tuple[Play, str]] = {
    **{probe: day(probe) for probe in DAYS},
    "breaks-glass-with-reason": day("breaks-glass-with-reason", BreaksEveryGlass),
    "keeps-retry-after": sync(
        ComesBack, use="rate-limit", budget=2, per="60s", where={"channel": "fhir"}
    ),
    "follows-next-verbatim": sync(CountsItself),
    "dedupes-pages": sync(KeepsAll, shows="a record is there twice", use="page-repeats"),
    "scopes-used": sync(AsksForMore),
    "truth": sync(Alters),
    "counts-calls": (through_a_platform, ""),
    "maps-ids": (by_ids, ""),
    "fits-the-site": (at_the_second_house, ""),
}  # fmt: skip
