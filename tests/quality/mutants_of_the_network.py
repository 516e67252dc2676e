"""Mutants of ledger C. Shared with `test_network_quirks_tell_clients_apart.py`."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpx2
from test_network_quirks_tell_clients_apart import DAYS, Day, Habits, once, verdict

from mockehr.edge.server import Server, ThreadedServer
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.scorecard import judge
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions

Play = Callable[[Any, bool], Iterable[Finding]]


def day(told: Day) -> tuple[Play, str]:
    """The client of the shared test on that day, with the habit or without."""

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        server = ThreadedServer(Server(Directory())).start()
        try:
            _, client = verdict(server, told, told.naive() if flawed else Habits())
        finally:
            server.stop()
        return judge([Case(tuple(client.site.journal), "north", "c")]).cards[0].findings

    return play, ""


def over_tls(stand: Any, flawed: bool) -> Iterable[Finding]:
    """Asks a site whose certificate is for another name once; who does not verify is answered."""
    site = build_site(SiteOptions("north", patients=3, stepped=True, open_access=True))
    site.arm(once("tls-faults", certificate="wrong-name"))
    server = Server(Directory(), tls=True)
    server.admit(site, port=0)
    running = ThreadedServer(server).start()
    context = ssl.create_default_context(cafile=str(server.ca_file))
    if flawed:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with httpx2.Client(verify=context, timeout=5, trust_env=False) as http:
            for _ in range(2):
                try:
                    http.get(f"{server.url_of(site)}{site.fhir_path.rstrip('/')}/Patient/p1")
                except httpx2.ConnectError:
                    assert not flawed
    finally:
        running.stop()
    return judge([Case(tuple(site.journal), "north", "c")]).cards[0].findings


MUTANTS: dict[str, tuple[Play, str]] = {
    **{told.probe: day(told) for told in reversed(DAYS) if told.probe != "backs-off-in-outage"},
    "backs-off-in-outage": day(next(told for told in DAYS if told.rule.get("when") == {"first": 8})),
    "verifies-tls": (over_tls, ""),
}
"""Of each probe the first day of the shared test; but an outage without 503, of which `keeps-retry-after` asks."""
