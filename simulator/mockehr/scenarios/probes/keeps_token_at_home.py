"""Ledger D6: a paging link that leads to another host is no reason to send one's token there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import bearer, label, next_links


@dataclass(frozen=True, slots=True)
class KeepsTokenAtHome(Probe):
    """When a `next` link names another host than the one that was asked, is the bearer token kept from it?

    Following the link on one's own host is fine, and so is stopping. What is seen is what comes to this site by its
    other name; a token for a host that is not this machine is lost without a trace (RFC 6750 section 5.3).
    """

    name: ClassVar[str] = "keeps-token-at-home"
    ledger: ClassVar[tuple[str, ...]] = ("D6",)

    def judge(self, case: Case) -> Finding:
        """Look for requests with a token at hosts that only links named."""
        foreign: dict[str, int] = {}
        faults: list[Evidence] = []
        offered: list[Evidence] = []
        for call in case.on("fhir"):
            own = urlsplit(call.base_url).netloc
            if own in foreign:
                if bearer(call):
                    text = f"{label(call)} came with a token to {own}, which a link of entry {foreign[own]} named"
                    faults.append(Evidence(call.number, text))
                continue
            for link in next_links(call):
                host = urlsplit(link).netloc
                if host and host != own:
                    foreign.setdefault(host, call.number)
                    offered.append(Evidence(call.number, f"{label(call)} led to {host}"))
        if not offered:
            return self.unseen("No next link led to another host.")
        good = "Links to another host, none of them followed with a token: {n}."
        return self.weigh(faults, offered, good, "Tokens sent to another host: {n}.")
