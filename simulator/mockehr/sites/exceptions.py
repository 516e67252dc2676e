"""What a client set aside instead of taking it in, by type of failure, against what was really wrong (ledger J6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from mockehr.core.errors import nearest_names

FAILURES: Final = (
    "parse",
    "encoding",
    "code",
    "unit",
    "date",
    "reference",
    "identity",
    "duplicate",
    "missing",
    "size",
    "other",
)
"""Types of failure under which a record may be parked."""
FITTING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "E1": ("encoding", "parse"),
        "E2": ("encoding", "parse"),
        "E3": ("date", "parse"),
        "E4": ("code",),
        "E5": ("duplicate", "identity"),
        "E6": ("missing", "parse", "code"),
        "E7": ("reference", "parse", "other"),
        "E8": ("other", "parse"),
        "E9": ("unit", "parse"),
        "E10": ("size", "parse"),
        "E11": ("identity", "reference"),
    }
)
"""By row of the ledger: the types under which its corruptions may be parked, the one that they count as first."""
OWN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"status-out-of-range": ("code", "parse", "other")})
"""The same for corruptions that are of another type than the rest of their row."""
State = Literal["parked", "repaired", "kept", "altered", "lost"]
STATES: Final[tuple[State, ...]] = ("parked", "repaired", "kept", "altered", "lost")


@dataclass(frozen=True, slots=True)
class Parked:
    """One record that the client set aside. `failure` and `reason` are its own words, empty if it gave none."""

    key: str
    failure: str = ""
    reason: str = ""
    corruption: str = ""
    """What the site did to it; empty if nothing was wrong with it."""
    fitting: tuple[str, ...] = ()
    """The types under which it should be parked."""

    def __str__(self) -> str:
        told = f"{self.key}: parked as {self.failure or 'nothing'}" + (f" ({self.reason})" if self.reason else "")
        if not self.corruption:
            return told
        wanted = f", rather {self.fitting[0]}" if self.fitting and self.failure not in self.fitting else ""
        return f"{told}{wanted}; corrupted: {self.corruption}"


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of the records that had one type of failure; `injected` is the sum of the others."""

    failure: str
    injected: int
    parked: int = 0
    repaired: int = 0
    kept: int = 0
    """Kept as the site served them."""
    altered: int = 0
    lost: int = 0
    """Lost in silence: neither held nor parked."""

    def __str__(self) -> str:
        counts = [(self.parked, "parked"), (self.repaired, "repaired"), (self.kept, "kept as served")]
        counts += [(self.altered, "altered"), (self.lost, "lost in silence")]
        return f"{self.failure}: {self.injected} injected: " + ", ".join(f"{n} {name}" for n, name in counts if n)


def fitting(corruption: str, ledger: Sequence[str]) -> tuple[str, ...]:
    """The types of failure under which a corruption's records may be parked, the one that they count as first."""
    found = OWN.get(corruption) or tuple(kind for row in ledger for kind in FITTING.get(row, ()))
    return tuple(dict.fromkeys(found)) or ("other",)


def alternatives(failure: str) -> frozenset[str]:
    """The types of failure as which something may be told of that counts as `failure`, itself included."""
    kinds = (*FITTING.values(), *OWN.values())
    return frozenset({failure}.union(*(several for several in kinds if several[0] == failure)))


def handled(states: Mapping[str, State], failures: Mapping[str, Sequence[str]]) -> tuple[Handled, ...]:
    """What became of corrupted records, in the order of FAILURES. Both by `Type/id`: its state, and its types."""
    counted: Counter[tuple[str, State]] = Counter()
    for key, state in states.items():
        counted[(failures.get(key) or ("other",))[0], state] += 1
    found = []
    for failure in FAILURES:
        numbers = {state: counted[failure, state] for state in STATES}
        if any(numbers.values()):
            found.append(Handled(failure, sum(numbers.values()), **numbers))
    return tuple(found)


def parked_from(lines: Iterable[tuple[str, Any]]) -> Iterator[Parked | str]:
    """Parked records from (place, JSON object) pairs; a text says which of them is none, and why.

    `{"resourceType", "id"}`, `{"reference": "Patient/1"}` or `{"messageId"}` name the record; `type` is one of
    FAILURES, `reason` a text. `{"unreadable"}` passes on why something could not be read.
    """
    for place, line in lines:
        key = _key(line) if isinstance(line, dict) else ""
        if not key and isinstance(line, dict) and isinstance(line.get("unreadable"), str):
            yield line["unreadable"]
            continue
        if not key:
            yield f"{place}: names no record; write resourceType and id, a reference, or a messageId"
            continue
        failure = line.get("type", "")
        if failure and failure not in FAILURES:
            near = nearest_names(str(failure), FAILURES, limit=1)
            hint = f"; nearest: {near[0]}" if near else f"; one of: {', '.join(FAILURES)}"
            yield f"{place}: there is no type of failure {failure!r:.60}{hint}"
            failure = ""
        yield Parked(key, str(failure), str(line.get("reason") or ""))


def _key(line: Mapping[str, Any]) -> str:
    if line.get("messageId"):
        return f"Message/{line['messageId']}"
    if isinstance(line.get("reference"), str) and line["reference"].count("/") >= 1:
        return "/".join(line["reference"].rsplit("/", 2)[-2:])
    return f"{line['resourceType']}/{line['id']}" if line.get("resourceType") and line.get("id") else ""
