"""Ledger C5 to C8: a write of unknown outcome is not repeated blindly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, is_create, label, parsed, resource_type, status

_SPOILING: Final = ("damaged-gzip", "lost-response", "malformed-success", "reset", "truncated-body")
_PERSON: Final = ("subject", "patient")


@dataclass(frozen=True, slots=True)
class NoBlindRepeat(Probe):
    """After a create whose answer was lost, cut or worthless, does the client look before it sends the same again?

    Looking is a read or search that was answered and could have shown the record; a repeat with `If-None-Exist` (FHIR
    R4 http.html#ccreate) leaves the looking to the server and is fine too. So is not repeating at all.
    """

    name: ClassVar[str] = "no-blind-repeat"
    ledger: ClassVar[tuple[str, ...]] = ("C5", "C6", "C7", "C8")

    def judge(self, case: Case) -> Finding:
        """Look for the same body after every create of unknown outcome."""
        calls = case.on("fhir")
        unknown = [call for call in calls if is_create(call) and _unknown(call)]
        if not unknown:
            return self.unseen("No create had an unknown outcome.")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for call in unknown:
            self._follow(call, [other for other in calls if other.number > call.number], faults, coped)
        good = "Creates of unknown outcome, none of them repeated blindly: {n}."
        return self.weigh(faults, coped, good, "Creates repeated without looking first: {n}.")

    def _follow(
        self, call: Exchange, later: Sequence[Exchange], faults: list[Evidence], coped: list[Evidence]
    ) -> None:
        looked = 0
        for other in later:
            if _reveals(other, call):
                looked = looked or other.number
            elif is_create(other) and _same_record(other, call):
                guarded = "if-none-exist" in other.headers
                if guarded or looked:
                    how = "with If-None-Exist" if guarded else f"after looking at entry {looked}"
                    coped.append(Evidence(other.number, f"{label(call)} of entry {call.number} was repeated {how}"))
                else:
                    text = f"{label(call)} of entry {call.number}, outcome unknown, was sent again without looking"
                    faults.append(Evidence(other.number, text))
                return
        how = f"looked for at entry {looked} and not repeated" if looked else "not repeated"
        coped.append(Evidence(call.number, f"{label(call)} had an unknown outcome and was {how}"))


def _unknown(call: Exchange) -> bool:
    """Whether the client cannot know what became of this create."""
    if not heard(call):
        return not (400 <= status(call) < 500 and _status_heard(call))
    if status(call) < 300 and fired(call, *_SPOILING):
        return True
    return bool(call.changes) and status(call) >= 500


def _status_heard(call: Exchange) -> bool:
    """Whether the head of the answer came through, whatever became of its body: a 4xx says that nothing was done."""
    effects = call.effects
    return effects is None or not (
        effects.lost or effects.reset == "before" or (effects.hang and not effects.misstated)
    )


def _same_record(one: Exchange, other: Exchange) -> bool:
    if one.path != other.path:
        return False
    if one.body == other.body:
        return True
    left, right = parsed(one.body), parsed(other.body)
    return left is not None and left == right


def _reveals(look: Exchange, create: Exchange) -> bool:
    """Whether `look` is an answered read or search that could have shown what `create` made."""
    searching = look.method == "GET" or (look.method == "POST" and look.path.endswith("/_search"))
    if not searching or status(look) != 200 or not heard(look) or resource_type(look) != resource_type(create):
        return False
    text = look.query if look.method == "GET" else look.body.decode("utf-8", "replace")
    asked = {value.rpartition("/")[2] for name, value in parse_qsl(text) if name.split(":")[0] in _PERSON}
    subject = _subject(parsed(create.body))
    return not asked or not subject or subject in asked


def _subject(document: Any) -> str:
    for name in _PERSON:
        reference = document.get(name) if isinstance(document, dict) else None
        if isinstance(reference, dict):
            return str(reference.get("reference", "")).rpartition("/")[2]
    return ""
