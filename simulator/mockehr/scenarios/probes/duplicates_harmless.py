"""Ledger C9: what a proxy delivers twice is done once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import PROXY, Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, is_create, label

_GUARDS: Final = ("if-none-exist", "if-match", "idempotency-key")


@dataclass(frozen=True, slots=True)
class DuplicatesHarmless(Probe):
    """When a proxy delivers a write of the client a second time, is one intent still one record?

    A create is harmless with `If-None-Exist`, a change with `If-Match` (FHIR R4 http.html#ccreate, #concurrency),
    either with an idempotency key where the site takes one; a create whose second record the client deletes
    afterwards is, too. A PUT or DELETE without condition does the same twice and harms nobody.
    """

    name: ClassVar[str] = "duplicates-harmless"
    ledger: ClassVar[tuple[str, ...]] = ("C6", "C9")

    def judge(self, case: Case) -> Finding:
        """Look at what the second delivery did."""
        by_number = {call.number: call for call in case.exchanges}
        twins = [(by_number.get(call.notes[PROXY]), call) for call in case.exchanges if PROXY in call.notes]
        if not twins:
            return self.unseen("No write was delivered twice.")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for first, second in twins:
            name = f"{label(second)} of entry {second.notes[PROXY]} was delivered again"
            harmed = first is not None and bool(first.changes) and _harmful(second)
            if harmed and not _undone(second, case):
                faults.append(Evidence(second.number, f"{name}, and was done again"))
            else:
                coped.append(Evidence(second.number, f"{name}, and changed nothing more"))
        return self.weigh(
            faults, coped, "Doubled requests that did no harm: {n}.", "Doubled requests, doubled work: {n}."
        )


def _harmful(second: Exchange) -> bool:
    """Whether the second delivery did more than the first had done."""
    if not second.changes or any(name in second.headers for name in _GUARDS):
        return False
    if is_create(second) or second.method == "PATCH":
        return True
    return second.method == "POST" and _created(second)


def _created(bundle: Exchange) -> bool:
    """Whether an entry of a transaction or batch made something new."""
    entries = (answer(bundle) or {}).get("entry", ())
    return any(str(entry.get("response", {}).get("status", "")).startswith("201") for entry in entries)


def _undone(second: Exchange, case: Case) -> bool:
    """Whether the client deleted what the second delivery made."""
    deleted = {call.path.strip("/") for call in case.exchanges if call.method == "DELETE" and call.changes}
    return bool(second.returned) and deleted.issuperset(second.returned)
