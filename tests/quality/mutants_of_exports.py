"""Mutants of bulk exports. Shared with `test_bulk_quirks_tell_clients_apart.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from test_bulk_quirks_tell_clients_apart import TROUBLE, exported, hospital_of

from mockehr.examples import careful_export
from mockehr.examples.careful_export import TYPES, Export
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.scorecard import judge
from mockehr.sites.expected import everybody, truth_of

Play = Callable[[Any, bool], Iterable[Finding]]


class AsksEarly(Export):
    """Comes back after half of the time, but keeps away when it is refused."""

    def manifest(self, job: str) -> dict[str, Any]:
        while (response := self.site.send("GET", job)).status_code != 200:
            told = float(response.headers.get("retry-after", 0))
            self.site.pause(told / 2 if response.status_code == 202 else told)
        return dict(response.json())


def night(trouble: str, shows: str = "", habit: type[Export] | None = None) -> tuple[Play, str]:
    """The careful client in that trouble, or with the habit that the trouble is about."""
    rule, usual, _ = TROUBLE[trouble]

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        site = hospital_of({"use": trouble.partition(" ")[0], **rule})
        if flawed:
            stand.patch.setattr(careful_export, "Export", habit or usual)
        truth = truth_of(site, everybody(site), dict.fromkeys(TYPES, ""), list(exported(site).values()))
        return judge([Case(tuple(site.journal), "a", "sync", truth)]).cards[0].findings

    return play, shows


MUTANTS: dict[str, tuple[Play, str]] = {
    "bulk-polling-kept": night("bulk-poll-throttled grows", habit=AsksEarly),
    "bulk-waits-for-end": night("bulk-poll-fails", "an export that was given up brings nothing"),
    "bulk-restarts-lost-jobs": night("bulk-job-lost", "an export that was lost brings nothing"),
    "bulk-complete": night("bulk-file-expired", "the records of the file are lost"),
    "bulk-counts-checked": night("bulk-wrong-count"),
    "bulk-errors-read": night("bulk-error-file", "what the error file tells of is lost"),
}
