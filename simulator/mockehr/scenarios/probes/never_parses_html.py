"""Ledger C4: a page is no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.scenarios.network_reading import followed_up, is_page
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label, status

_READS: Final = ("fhir", "token", "discovery", "feed", "proprietary")


@dataclass(frozen=True, slots=True)
class NeverParsesHtml(Probe):
    """When a proxy answers with a page in place of the system, does the client take it for the failure it is, and ask
    again?

    It fails where it goes on as if the page had been the answer (the records behind it are missing then, or made of
    markup), and where it is never heard of again. To leave a site alone after some failures in a row is fine. Writes
    are judged by `no-blind-repeat`.
    """

    name: ClassVar[str] = "never-parses-html"
    ledger: ClassVar[tuple[str, ...]] = ("C4", "C7")

    def judge(self, case: Case) -> Finding:
        """Look for the request again after every page."""
        calls = case.on(*_READS)
        pages = [one for one in calls if is_page(one) and (one.method in ("GET", "HEAD") or one.channel == "token")]
        if not pages:
            return self.unseen("No request was answered with a page.")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for call in pages:
            how = followed_up(call, calls)
            told = f"{label(call)} was answered with a page ({status(call)})"
            (coped if how else faults).append(Evidence(call.number, f"{told} and {how or 'never asked again'}"))
        return self.weigh(
            faults, coped, "Pages that were no answers: {n}.", "Pages that were taken for answers: {n}."
        )
