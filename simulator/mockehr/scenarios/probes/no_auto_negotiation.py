"""Ledger D5: a client that was validated on one version does not go over to another by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, label, status

_ASKED: Final = re.compile(r"fhirVersion\s*=\s*\"?([\d.]+)", re.IGNORECASE)
_IN_PATH: Final = re.compile(r"/(DSTU2|STU3|R4B?|R5)(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NoAutoNegotiation(Probe):
    """When a site answers as another version of FHIR, or refuses the client's own (406, 410), does the client keep
    to the version that it was made for?

    It fails if it then asks for a version that it never asked for before: by `fhirVersion` in `Accept` or
    `Content-Type`, by the media types of DSTU2, or by a path such as `/DSTU2/`.
    """

    name: ClassVar[str] = "no-auto-negotiation"
    ledger: ClassVar[tuple[str, ...]] = ("D5",)

    def judge(self, case: Case) -> Finding:
        """Compare the versions asked for before and after."""
        own: set[str] = set()
        since = 0
        faults: list[Evidence] = []
        kept: list[Evidence] = []
        for call in case.on("fhir"):
            version = _version(call)
            if not since:
                own.add(version)
                since = call.number if _occasion(call) else 0
                kept += (
                    [Evidence(call.number, f"{label(call)} was answered as or for another version")] if since else []
                )
            elif version and version not in own:
                faults.append(Evidence(call.number, f"{label(call)} asks for {version}, after entry {since}"))
        if not since:
            return self.unseen("Every answer was in the version that the client asked for.")
        good = "The client kept to its version."
        return self.weigh(faults, kept, good, "Requests for a version of the server's choice: {n}.")


def _occasion(call: Exchange) -> bool:
    withdrawn = call.problem is not None and call.problem.kind == "version-withdrawn"
    return fired(call, "version-drift") or status(call) == 406 or withdrawn


def _version(call: Exchange) -> str:
    """The version that the request names; empty if it names none."""
    media = f"{call.headers.get('accept', '')} {call.headers.get('content-type', '')}"
    found = _ASKED.search(media) or _IN_PATH.search(call.path)
    if found is not None:
        return found.group(1)
    return "1.0" if "json+fhir" in media or "xml+fhir" in media else ""
