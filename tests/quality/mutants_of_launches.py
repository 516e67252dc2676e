"""Mutants of ledger B: apps with one flaw (`tests/launch/smart_app.py`), opened at a site."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import httpx2
from launch_smart_app import SmartApp
from starlette.requests import Request
from starlette.responses import Response

from mockehr.scenarios.launched import LAUNCHES, Launched
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.scorecard import cases_of, judge

Play = Callable[[Any, bool], Iterable[Finding]]
ONCE = {"at_most": 1}


def opening(flaw: str | type[SmartApp], quirk: str, *, when: Any = None, **settings: Any) -> tuple[Play, str]:
    """An ordinary launch, in which all scopes are used, and one under that quirk: with that flaw, or without."""

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        if isinstance(flaw, str):
            staged = stand.stage(*[flaw] * flawed)
        else:
            staged = stand.stage(kind=flaw if flawed else SmartApp)
        staged.open()
        staged.site.quirk(quirk, when=when or {}, **settings)
        staged.open()
        return found(staged)

    return play, ""


class Assumes(SmartApp):
    """Believes that it is told of a patient each time."""

    async def _show(self, http: httpx2.AsyncClient, kept: Any, token: dict[str, Any]) -> str:
        if "patient" in token:
            return await super()._show(http, kept, token)
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return (await http.get(f"{kept.iss}/Patient/undefined", headers=headers)).text


def found(staged: Any, *launched: Launched) -> tuple[Finding, ...]:
    """What all probes say of the app."""
    exchanges = staged.site._call(lambda: list(staged.site.site.journal))
    known = Case((), expected={LAUNCHES: launched})
    (case,) = [one for one in cases_of(exchanges, staged.site.name, known=known) if one.client == "app"]
    return judge([replace(case, registered_scopes="")]).cards[0].findings


class FallsOver(SmartApp):
    """Breaks down once all is done."""

    async def _callback(self, request: Request, http: httpx2.AsyncClient) -> Response:
        await super()._callback(request, http)
        raise ValueError("no such template")


def to_the_end(stand: Any, flawed: bool) -> Iterable[Finding]:
    """One launch, of which the scenario says that it is completed."""
    staged = stand.stage(kind=FallsOver) if flawed else stand.stage()
    record = staged.open()
    return found(staged, Launched(staged.site.name, record.outcome, record.what, 1, "completed"))


MUTANTS: dict[str, tuple[Play, str]] = {
    "retries-discovery": opening(
        "gives-up-at-once", "launch-before-ready", when={"at_most": 3}, answer="unavailable", endpoints=["discovery"]
    ),
    "asks-for-missing-context": opening(Assumes, "launch-context-missing", without=["patient"]),
    "verifies-launch-context": opening("ignores-subject", "launch-context-malformed", form="other", rebound=True),
    "keeps-one-redirect-uri": opening("odd-redirect-uri", "redirect-uri-normalisation", at=["redirect"]),
    "restarts-expired-launch": opening("reuses-code", "session-expired", when=ONCE, at="token"),
    "checks-issuer": opening("trusts-any-iss", "wrong-instance"),
    "survives-extra-redirects": opening("fancy-state", "idp-extra-redirect", how="decoded", hops=1),
    "checks-state": opening("ignores-state", "state-mismatch", state="altered"),
    "survives-blocked-cookies": opening("needs-cookie", "blocked-cookies", blocked=["cookies", "popups"]),
    "redeems-code-once": opening("redeems-twice", "code-replay", way="callback"),
    "keeps-pkce": opening("downgrades-pkce", "pkce-missing", told="nothing"),
    "falls-back-on-discovery": opening("trusts-discovery-only", "discovery-drift", how="stale"),
    "completes-launches": (to_the_end, ""),
}
