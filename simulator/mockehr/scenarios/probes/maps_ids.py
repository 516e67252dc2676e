"""Ledger D12: a platform has ids of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, bundle_keys, label

_REFERENCE: Final = re.compile(rb'"reference"\s*:\s*"(?:[^"]*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]+)"')
_PERSON: Final = frozenset({"patient", "subject", "_id"})


@dataclass(frozen=True, slots=True)
class MapsIds(Probe):
    """Where a platform gives records ids of its own, are requests to it made with those, and not with a hospital's?

    It fails if a path, a `patient` parameter or a reference in a body has the id of the site behind: a part of one
    that the platform showed.
    """

    name: ClassVar[str] = "maps-ids"
    ledger: ClassVar[tuple[str, ...]] = ("D12",)

    def judge(self, case: Case) -> Finding:
        """Compare the ids that were sent with those that were shown."""
        shown: dict[str, int] = {}
        faults: list[Evidence] = []
        kept: list[Evidence] = []
        calls = case.on("fhir")
        if not any(call.notes.get("behind") for call in calls):
            return self.unseen("No call was passed on by a platform.")
        for call in calls:
            for id in _sent(call):
                if id in shown:
                    kept.append(Evidence(call.number, f"{label(call)} has {id}, as entry {shown[id]} showed it"))
                    continue
                whole = next((one for one in shown if one.endswith((f".{id}", f"-{id}"))), "")
                if whole:
                    text = f"{label(call)} has {id}, which the platform showed as {whole}"
                    faults.append(Evidence(call.number, text))
            for key in _shown(call):
                shown.setdefault(key.partition("/")[2], call.number)
        if not faults and not kept:
            return self.unseen("No id was sent that the platform had shown.")
        return self.weigh(faults, kept, "Ids as the platform gave them: {n}.", "Ids of a hospital behind: {n}.")


def _shown(call: Exchange) -> list[str]:
    document = answer(call) or {}
    own = [f"{document.get('resourceType')}/{document['id']}"] if document.get("id") else []
    return bundle_keys(call) or own


def _sent(call: Exchange) -> list[str]:
    parts = call.path.strip("/").split("/")
    found = [parts[1]] if len(parts) > 1 and not parts[1].startswith(("_", "$")) else []
    found += [value.rpartition("/")[2] for name, value in parse_qsl(call.query) if name.partition(":")[0] in _PERSON]
    return found + [id.decode() for _, id in _REFERENCE.findall(call.body)]
