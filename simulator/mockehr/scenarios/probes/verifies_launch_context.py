"""Ledger B3: an app looks at the patient and encounter that it is told, before it believes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qsl, unquote

from mockehr.core.exchange import JSON, Exchange
from mockehr.scenarios.launch_reading import calls_with, is_statement, tokened
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, fired, label, status

_PERSONS: Final = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Person"})


@dataclass(frozen=True, slots=True)
class VerifiesLaunchContext(Probe):
    """When the launch context names a wrong patient or encounter, or a right one wrongly, does the app notice?

    It has to read what it is told (`Patient/[id]`, `Encounter/[id]`) and to hold `Encounter.subject` against the
    patient before it asks for anything else, and to ask for nothing else if they are not there or do not fit. Not
    using a wrong context at all is fine.
    """

    name: ClassVar[str] = "verifies-launch-context"
    ledger: ClassVar[tuple[str, ...]] = ("B3",)

    def judge(self, case: Case) -> Finding:
        """Look at what follows each token response whose context is malformed."""
        faults: list[Evidence] = []
        good: list[Evidence] = []
        for token in case.on("token"):
            if not (fired(token, "launch-context-malformed") and tokened(token)):
                continue
            wrong = next(self._faults(token, case), None)
            if wrong is None:
                good.append(Evidence(token.number, f"the context was {_seen(token, case)}"))
            else:
                faults.append(wrong)
        if not faults and not good:
            return self.unseen("No launch context was malformed.")
        return self.weigh(faults, good, "Malformed contexts that did no harm: {n}.", "Contexts believed: {n}.")

    def _faults(self, token: Exchange, case: Case) -> Iterator[Evidence]:
        told = answer(token) or {}
        wanted = {"Patient": _id(told.get("patient")), "Encounter": _id(told.get("encounter"))}
        found: dict[str, JSON | None] = {}
        for call in calls_with(token, case):
            kind, id, resource = _looked(call)
            if kind in wanted and id:
                if id == wanted[kind]:
                    found[kind] = resource or found.get(kind)
                continue
            if is_statement(call) or kind in _PERSONS:
                continue
            why = _unproved(wanted, found)
            if why:
                yield Evidence(call.number, f"{label(call)} was asked, but {why}")


def _unproved(wanted: dict[str, str], found: dict[str, JSON | None]) -> str:
    """What speaks against going on; nothing if all that was told is there and fits."""
    for kind, id in wanted.items():
        if id and kind not in found:
            return f"{kind}/{id} of the context was never looked at"
        if id and found[kind] is None:
            return f"{kind}/{id} of the context is not to be had"
    subject = str(((found.get("Encounter") or {}).get("subject") or {}).get("reference", ""))
    if subject and wanted["Patient"] and _id(subject) != wanted["Patient"]:
        return f"the encounter is of {subject} and not of Patient/{wanted['Patient']}"
    return ""


def _looked(call: Exchange) -> tuple[str, str, JSON | None]:
    """(type, id, resource) of a read, or of a search by `_id`; the id is empty for any other call."""
    parts = [unquote(part).strip() for part in call.path.strip("/").split("/")]
    document = answer(call) if status(call) == 200 else None
    if call.method == "GET" and len(parts) == 2 and not parts[1].startswith("$"):
        return parts[0], parts[1], document
    by_id = dict(parse_qsl(call.query)).get("_id", "")
    if call.method == "GET" and len(parts) == 1 and by_id:
        entries = (document or {}).get("entry") or [{}]
        return parts[0], by_id.strip(), entries[0].get("resource")
    return parts[0], "", None


def _id(told: object) -> str:
    return str(told or "").strip().rpartition("/")[2]


def _seen(token: Exchange, case: Case) -> str:
    reads = [call for call in calls_with(token, case) if _looked(call)[0] in ("Patient", "Encounter")]
    return "looked at before it was used" if reads else "not used"
