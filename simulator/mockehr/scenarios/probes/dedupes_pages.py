"""Ledger D6: pages overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import bundle_keys, heard, next_links, on_the_wire, status, url


@dataclass(frozen=True, slots=True)
class DedupesPages(Probe):
    """When a search shows a record twice, on one page or on two, does the client end up with it once?"""

    name: ClassVar[str] = "dedupes-pages"
    ledger: ClassVar[tuple[str, ...]] = ("D6",)

    def judge(self, case: Case) -> Finding:
        """Find the records shown twice and look for them in the client's own."""
        repeated = dict(_repeated(case.on("fhir")))
        if not repeated:
            return self.unseen("No search showed a record twice.")
        if case.truth is None:
            return self.unseen(f"{len(repeated)} records were shown twice; the client's own were not given back.")
        held = {item.key: item.times for item in case.truth.duplicated}
        faults = [
            Evidence(entry, f"{key} was shown twice and is held {held[key]} times")
            for key, entry in repeated.items()
            if key in held
        ]
        once = [Evidence(entry, f"{key} was shown twice and is held once") for key, entry in repeated.items()]
        return self.weigh(faults, once, "Records shown twice and kept once: {n}.", "Records kept twice: {n}.")


def _repeated(calls: Sequence[Exchange]) -> Iterator[tuple[str, int]]:
    """(`Type/id`, entry) of records that one search showed more than once, the pages it led to included."""
    chains: dict[str, set[str]] = {}
    for call in calls:
        if status(call) != 200 or not heard(call) or _is_history(call):
            continue
        seen = chains.pop(_led_by(call, chains), set())
        for key in bundle_keys(call):
            if key in seen:
                yield key, call.number
            seen.add(key)
        for link in next_links(call):
            chains[on_the_wire(link)] = seen


def _is_history(call: Exchange) -> bool:
    """Whether it asks for versions, of which one record may have many."""
    return call.interaction is not None and call.interaction.name.startswith("history")


def _led_by(call: Exchange, links: Iterable[str]) -> str:
    """The link that the request follows, verbatim or rebuilt with all that it says; empty if it follows none."""
    asked = on_the_wire(url(call))
    path, _, query = asked.partition("?")
    said = set(parse_qsl(query))
    rebuilt = ""
    for link in links:
        if link == asked:
            return link
        its_path, _, its_query = link.partition("?")
        if its_query and its_path == path and set(parse_qsl(its_query)) <= said:
            rebuilt = link
    return rebuilt
