"""Ledger D9: version ids are opaque."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, fired, heard, label

_VERSION: Final = re.compile(r"(/[A-Z][A-Za-z]+/[A-Za-z0-9\-.]+)/_history/([A-Za-z0-9\-.]+)")


@dataclass(frozen=True, slots=True)
class TakesVersionsAsGiven(Probe):
    """Where version ids do not count by one, are those in `If-Match` and `_history` the ones that the site gave?

    It fails if the client names a version that it was never shown: it has reckoned it.
    """

    name: ClassVar[str] = "takes-versions-as-given"
    ledger: ClassVar[tuple[str, ...]] = ("D9",)

    def judge(self, case: Case) -> Finding:
        """Compare the versions that were named with those that were shown."""
        given: set[str] = set()
        faults: list[Evidence] = []
        kept: list[Evidence] = []
        skipped = False
        for call in case.on("fhir"):
            named = _named(call)
            if skipped and named and named != "*":
                text = f"{label(call)} names version {named}"
                known = named in given
                (kept if known else faults).append(Evidence(call.number, text + ("" if known else ", never shown")))
            skipped = skipped or fired(call, "version-ids-skip")
            given |= _shown(call) if heard(call) else set()
        if not skipped:
            return self.unseen("Version ids counted by one.")
        if not faults and not kept:
            return self.unseen("No version was named after they began to skip.")
        return self.weigh(faults, kept, "Versions as they were given: {n}.", "Versions that were reckoned: {n}.")


def _named(call: Exchange) -> str:
    found = _VERSION.fullmatch(call.path)
    return found.group(2) if found is not None else _bare(call.headers.get("if-match", ""))


def _shown(call: Exchange) -> set[str]:
    etag = call.reply.header("etag") if call.reply is not None else ""
    document = answer(call) or {}
    entries = document.get("entry") if isinstance(document.get("entry"), list) else []
    resources = [document, *(entry.get("resource") for entry in entries or () if isinstance(entry, dict))]
    metas = [one.get("meta") for one in resources if isinstance(one, dict)]
    versions = {str(meta.get("versionId", "")) for meta in metas if isinstance(meta, dict)}
    return {version for version in (*versions, _bare(etag)) if version}


def _bare(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"')
