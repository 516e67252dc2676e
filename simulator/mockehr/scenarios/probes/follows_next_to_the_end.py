"""Ledger D6, D7: only a page without a `next` link is the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, bundle_keys, fired, heard, label, next_links, on_the_wire, status, url

_QUIRKS: Final = ("changing-total", "empty-page", "capped-count")


@dataclass(frozen=True, slots=True)
class FollowsNextToTheEnd(Probe):
    """Is a `next` link followed even where a page looks like the last: empty, shorter than asked for, or with a total
    that is reached already or changes?

    Beginning the same search anew is fine, too. A next link that stays unused after such a page fails.
    """

    name: ClassVar[str] = "follows-next-to-the-end"
    ledger: ClassVar[tuple[str, ...]] = ("D6", "D7")

    def judge(self, case: Case) -> Finding:
        """See whether each such link was used."""
        calls = [call for call in case.on("fhir") if status(call) == 200 and heard(call)]
        asked = [(call.number, on_the_wire(url(call)), call) for call in case.on("fhir")]
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for call in calls:
            links = next_links(call)
            why = _looks_like_the_end(call) if links else ""
            if not why:
                continue
            link = on_the_wire(links[0])
            used = any(number > call.number and _uses(address, link, other, call) for number, address, other in asked)
            text = f"{label(call)}: {why}; its next link was {'followed' if used else 'never used'}"
            (coped if used else faults).append(Evidence(call.number, text))
        if not faults and not coped:
            return self.unseen("No page with a next link looked like the last one.")
        good = "Pages that looked like the last and were not taken for it: {n}."
        return self.weigh(faults, coped, good, "Next links left unused: {n}.")


def _looks_like_the_end(call: Exchange) -> str:
    document, keys = answer(call) or {}, bundle_keys(call)
    if not keys:
        return "the page is empty"
    total = document.get("total")
    if isinstance(total, int) and total <= len(keys):
        return f"its total is {total}"
    return next((f"it was made so by {name}" for name in _QUIRKS if fired(call, name)), "")


def _uses(address: str, link: str, other: Exchange, call: Exchange) -> bool:
    """Whether a later request follows the link, on one's own host too, or begins the search anew."""
    same_search = (other.method, other.path, other.query) == (call.method, call.path, call.query)
    return _without_host(address) == _without_host(link) or same_search


def _without_host(address: str) -> Sequence[str]:
    return address.partition("://")[2].partition("/")[2:]
