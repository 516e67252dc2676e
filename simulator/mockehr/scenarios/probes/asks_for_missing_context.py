"""Ledger B2: an app that is not told its patient asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange
from mockehr.scenarios.launch_reading import after, calls_with, requests, tokened
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, label

_NOBODY: Final = frozenset({"", "none", "null", "undefined", "nan", "false", "{}", "[object object]"})
_NAMES: Final = frozenset({"patient", "subject", "encounter", "context", "_id"})


@dataclass(frozen=True, slots=True)
class AsksForMissingContext(Probe):
    """When the token response lacks patient, encounter or banner, does the app go on sensibly?

    Going on is to call the FHIR server with ids that it has, to search for a patient, or to ask for authorization
    again. It fails if it calls with an id that is none (`Patient/undefined`, `patient=null`), or is not heard of any
    more: whether it crashed or stopped with a message cannot be told apart from outside.
    """

    name: ClassVar[str] = "asks-for-missing-context"
    ledger: ClassVar[tuple[str, ...]] = ("B2",)

    def judge(self, case: Case) -> Finding:
        """Look at what follows each token response that lacks something."""
        faults: list[Evidence] = []
        good: list[Evidence] = []
        for token in case.on("token"):
            if not (fired(token, "launch-context-missing") and tokened(token)):
                continue
            calls = calls_with(token, case)
            wrong = [Evidence(call.number, text) for call in calls for text in _nobody(call)]
            further = [*calls, *after(token, requests(case))]
            if not further:
                wrong = [Evidence(token.number, "the token response lacked something, and no request followed")]
            faults += wrong
            good += [Evidence(further[0].number, f"went on with {label(further[0])}")] if not wrong else []
        if not faults and not good:
            return self.unseen("No token response lacked launch context.")
        return self.weigh(faults, good, "Launches without context that went on: {n}.", "Faults without context: {n}.")


def _nobody(call: Exchange) -> Iterator[str]:
    """What of a call names nobody."""
    parts = call.path.split("/")[1:]
    if len(parts) > 1 and parts[0][:1].isupper() and parts[1].lower() in _NOBODY:
        yield f"{label(call)} names an id that is none"
    for name, value in parse_qsl(call.query, keep_blank_values=True):
        if name.partition(":")[0] in _NAMES and value.rpartition("/")[2].strip().lower() in _NOBODY:
            yield f"{label(call)} names an id that is none"
