"""Ledger D2: what is true of one site of a vendor is not true of the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import unquote_plus

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label, status
from mockehr.sites.character import Sibling

SIBLINGS = "siblings"
"""Under which name `Case.expected` has a tuple of `mockehr.sites.character.Sibling`."""


@dataclass(frozen=True, slots=True)
class FitsTheSite(Probe):
    """Does the client speak to this site as this site wants it, and not as another site of the same vendor does?

    It fails if it asks at a path that only the other site has, searches or writes with identifier or code systems or
    extension URLs that are the other's own, or asks for resource types that only the other offers. What is found says
    which setting of the two sites makes the difference.
    """

    name: ClassVar[str] = "fits-the-site"
    ledger: ClassVar[tuple[str, ...]] = ("D2",)

    def judge(self, case: Case) -> Finding:
        """Look for what is another's in every request."""
        siblings: Sequence[Sibling] = case.expected.get(SIBLINGS, ())
        if not siblings:
            return self.unseen("No other site of this vendor is in the run.")
        faults: list[Evidence] = []
        fitting: list[Evidence] = []
        for call in case.exchanges:
            found = next((text for sibling in siblings for text in _foreign(call, sibling)), "")
            if found:
                faults.append(Evidence(call.number, found))
            elif call.channel == "fhir" and 200 <= status(call) < 300:
                fitting.append(Evidence(call.number, f"{label(call)} was answered"))
        if not faults and not fitting:
            return self.unseen("Nothing was asked of this site.")
        failed = "Requests that were made for another site of this vendor: {n}."
        return self.weigh(faults, fitting, "Requests that fit this site: {n}.", failed)


def _foreign(call: Exchange, sibling: Sibling) -> Iterator[str]:
    """What in a request is the sibling's own, and why."""
    if call.direction != "in":
        return
    if call.interaction is not None and call.interaction.name == "unserved":
        for path in sibling.paths:
            if call.path == path or call.path.startswith(f"{path}/"):
                yield _told(call, f"{path} is a path of {sibling.name}", sibling.why("paths", "identity"))
    if call.channel not in ("fhir", "token"):
        return
    sent = f"{unquote_plus(call.query)} {call.body.decode('utf-8', 'replace')}"
    for system in sorted(sibling.systems):
        if f"{system}|" in sent or f'"{system}"' in sent:
            yield _told(call, f"{system} is a system of {sibling.name}'s own", sibling.why_system(system))
    asked = call.interaction
    if asked is not None and asked.resource_type in sibling.types and status(call) >= 400:
        yield _told(call, f"{asked.resource_type} is offered by {sibling.name} only", sibling.why("interactions"))


def _told(call: Exchange, what: str, why: str) -> str:
    return f"{label(call)}: {what}" + (f" ({why})" if why else "")
