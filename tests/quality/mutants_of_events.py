"""Mutants of ledger F: receivers of events. Shared with `test_event_quirks_tell_receivers_apart.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from test_event_quirks_tell_receivers_apart import (
    OVERLAP,
    TROUBLES,
    Careful,
    NoOverlap,
    Trouble,
    played,
    rules_of,
    write,
)

from mockehr.core.clock import instant
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.scorecard import judge
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

Play = Callable[[Any, bool], Iterable[Finding]]


class PollsInVain(Careful):
    """Asks what happened, and keeps nothing of it."""

    def poll(self) -> None:
        self.get("/Patient/_history", f"_since={instant(self.watermark - OVERLAP)}")


def told(use: str, place: int = 0, shows: str = "", naive: type[Careful] | None = None) -> tuple[Play, str]:
    """A dozen changes under a quirk, told to the receiver that copes or to one with the habit."""
    trouble: Trouble = TROUBLES[use][place]

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        receiver = (naive or trouble.naive) if flawed else Careful
        return judge([played(receiver, rules_of(use, trouble), trouble.payload)]).cards[0].findings

    return play, shows


def polled(stand: Any, flawed: bool) -> Iterable[Finding]:
    """The same changes, of which nobody is told, with an overlap between polls or without."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.arm({"use": "watermark-skew", "with": {"by": "20s", "share": 0.5}})
    one = (NoOverlap if flawed else Careful)(site)
    for step in range(12):
        write(site, f"p{step // 3}", f"Name{step}")
        site.clock.advance(5)
        if step % 3 == 2:
            one.poll()
    for _ in range(4):
        site.clock.advance(30)
        one.poll()
    return judge([Case(tuple(site.journal), "a", "backend")]).cards[0].findings


MUTANTS: dict[str, tuple[Play, str]] = {
    "webhook-idempotent": told("duplicate-delivery", shows="a record is there twice"),
    "events-reconciled": told("dropped-delivery", shows="what was lost is stale", naive=PollsInVain),
    "event-order": told("reordered-delivery", shows="an old version came last"),
    "early-read-retried": told("early-delivery", shows="what was not there yet is missing"),
    "signature-verified": told("bad-signature", 2),
    "replay-refused": told("replayed-signature"),
    "secret-rotation-survived": told("rotated-secret"),
    "id-only-fetched": told("payload-differs", shows="what was only named is missing"),
    "subscription-watched": told("subscription-off"),
    "gap-detected": told("event-number-gap"),
    "burst-survived": told("event-burst"),
    "watermark-overlaps": (polled, ""),
}
