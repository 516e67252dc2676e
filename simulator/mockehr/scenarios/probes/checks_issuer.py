"""Ledger B6: an app opens only for servers that it knows."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from mockehr.scenarios.launch_reading import asked_as
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired
from mockehr.sites.endpoints import ELSEWHERE

_ASKED: Final = MappingProxyType({"elsewhere-authorize": "authorization", "elsewhere-token": "token"})


@dataclass(frozen=True, slots=True)
class ChecksIssuer(Probe):
    """When an app is opened with the `iss` of another environment, does it keep away from that one's endpoints?

    It fails if a browser comes to the other environment's authorization endpoint, or a request to its token endpoint.
    To read its discovery document is no fault, though there is no need to. An `iss` at another host is out of this
    site's sight.
    """

    name: ClassVar[str] = "checks-issuer"
    ledger: ClassVar[tuple[str, ...]] = ("B6",)

    def judge(self, case: Case) -> Finding:
        """Look for requests at the other environment."""
        faults = [
            Evidence(one.number, f"the {_ASKED[asked_as(one)]} endpoint of the other environment was asked")
            for one in case.on("authorize")
            if asked_as(one) in _ASKED
        ]
        opened = [one for one in case.on("launch") if fired(one, "wrong-instance")]
        # What lies at another host is in no journal of this site.
        seen = [one for one in opened if str(one.notes.get("iss", "")).replace(ELSEWHERE, "", 1) == one.base_url]
        if not seen and not faults:
            return self.unseen("An app was opened with an iss out of sight." if opened else "No iss was wrong.")
        good = [Evidence(one.number, f"{one.notes.get('iss')} was not asked") for one in seen]
        return self.weigh(faults, good, "Wrong servers that were left alone: {n}.", "Wrong servers asked: {n}.")
