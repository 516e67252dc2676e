"""Ledger B4: an app has one redirect URI, written in one way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import form, reason
from mockehr.scenarios.launch_reading import acted, redemptions, requests
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired

_QUIRK: Final = "redirect-uri-normalisation"
_REFUSALS: Final = ("redirect-uri-unregistered", "redirect-uri-mismatch")


@dataclass(frozen=True, slots=True)
class KeepsOneRedirectUri(Probe):
    """Where a server normalises redirect URIs, does the app send one canonical text that is left as it is?

    It fails if what it sends is changed or refused by a server that normalises, or if the token endpoint is sent
    another text than the authorization endpoint.
    """

    name: ClassVar[str] = "keeps-one-redirect-uri"
    ledger: ClassVar[tuple[str, ...]] = ("B4",)

    def judge(self, case: Case) -> Finding:
        """Compare the redirect URIs that were sent, and what was made of them."""
        sent = [one for one in (*requests(case), *redemptions(case)) if form(one).get("redirect_uri")]
        passed = case.on("authorize", "token")
        if not any(acted(one, _QUIRK) or reason(one) in _REFUSALS for one in passed):
            return self.unseen("No server normalised or refused a redirect URI.")
        faults = sorted([*_changed(passed), *_differing(sent)], key=lambda item: item.entry)
        good = [Evidence(one.number, f"{form(one)['redirect_uri']} was taken as it is") for one in sent]
        return self.weigh(faults, good, "Redirect URIs taken as they were sent: {n}.", "Redirect URIs in doubt: {n}.")


def _changed(passed: list[Exchange]) -> Iterator[Evidence]:
    for one in passed:
        if fired(one, _QUIRK):
            why = next(d.why for d in one.decisions if d.quirk == _QUIRK and d.outcome == "fired")
            yield Evidence(one.number, why)
        elif reason(one) in _REFUSALS:
            yield Evidence(one.number, f"refused: {one.notes.get('refused_because', reason(one))}")


def _differing(sent: list[Exchange]) -> Iterator[Evidence]:
    first = form(sent[0])["redirect_uri"] if sent else ""
    for one in sent:
        uri = form(one)["redirect_uri"]
        if uri != first:
            yield Evidence(one.number, f"{uri} was sent, and {first} before")
