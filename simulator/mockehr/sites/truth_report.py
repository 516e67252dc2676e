"""How a client's records differ from the truth, as a value, as JSON and for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mockehr.core.exchange import JSON
from mockehr.sites.differences import Alteration
from mockehr.sites.exceptions import Handled, Parked
from mockehr.sites.holdings.model import Unreadable
from mockehr.sites.identity import Merge


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A record that the client holds more than once. `others` are keys that it also goes by."""

    key: str
    times: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TruthReport:
    """How the client's records differ from the truth. Lists are in the order of the truth, then of the client."""

    expected: int
    given: int
    lost: tuple[str, ...] = ()
    duplicated: tuple[Duplicate, ...] = ()
    foreign: tuple[str, ...] = ()
    """Records that are not in the truth at all."""
    altered: tuple[Alteration, ...] = ()
    misdecoded: tuple[Alteration, ...] = ()
    wrongly_merged: tuple[Merge, ...] = ()
    wrong_patient: tuple[Alteration, ...] = ()
    """Records that are filed under another patient than in the truth."""
    unmerged: tuple[Merge, ...] = ()
    inherited: tuple[Alteration, ...] = ()
    """Differences that the site made and the client kept as served: shown, not held against the client."""
    unreadable: tuple[Unreadable, ...] = ()
    """What the client handed back and is no record."""
    parked: tuple[Parked, ...] = ()
    """What the client set aside."""
    parked_in_vain: tuple[Parked, ...] = ()
    """Those of them with which nothing was wrong."""
    vanished: tuple[str, ...] = ()
    """Those of the lost records that the site corrupted: neither held nor parked."""
    handled: tuple[Handled, ...] = ()
    """What became of the records that the site corrupted, by type of failure."""

    @property
    def ok(self) -> bool:
        """True if nothing is held against the client."""
        return not any(self.findings().values())

    @property
    def misnamed(self) -> tuple[Parked, ...]:
        """What was parked under another type of failure than it had: shown, not held against the client."""
        named = (one for one in self.parked if one.failure and one.corruption)
        return tuple(one for one in named if one.failure not in one.fitting)

    def findings(self) -> dict[str, Sequence[Any]]:
        """What is held against the client, by name, empty ones included."""
        return {
            "lost": self.lost,
            "duplicated": self.duplicated,
            "altered": self.altered,
            "misdecoded": self.misdecoded,
            "wrong patient": self.wrong_patient,
            "wrongly merged": self.wrongly_merged,
            "unmerged": self.unmerged,
            "foreign": self.foreign,
            "unreadable": self.unreadable,
            "parked in vain": self.parked_in_vain,
        }

    def shown(self) -> dict[str, Sequence[Any]]:
        """What is worth to be looked at, by name: the findings, and what is not held against the client."""
        more = {"inherited from the site": self.inherited, "parked under another type": self.misnamed}
        return {**self.findings(), **more}

    def as_json(self) -> JSON:
        """The whole report as plain JSON."""
        misnamed = [asdict(one) for one in self.misnamed]
        return {"ok": self.ok, **asdict(self), "misnamed": misnamed}

    def examples(self, first: int = 3) -> dict[str, list[str]]:
        """The first few differences of each kind that there is, as text for people."""
        return {name: [_line(item) for item in found[:first]] for name, found in self.shown().items() if found}

    def text(self, first: int = 5) -> str:
        """The report for people: counts, and the first few of each kind."""
        lines = [f"{self.expected} records expected, {self.given} given: {'the same' if self.ok else 'not the same'}"]
        for name, found in self.shown().items():
            if found:
                lines.append(f"{name}: {len(found)}")
                lines += [f"  {_line(item)}" for item in found[:first]]
                lines += [f"  and {len(found) - first} more"] if len(found) > first else []
        lines += ["what was corrupted:", *(f"  {one}" for one in self.handled)] if self.handled else []
        return "\n".join(lines)


def _line(item: Any) -> str:
    if isinstance(item, Alteration):
        because = [item.damage] if item.damage else []
        because += [f"corrupted: {item.corruption}"] if item.corruption else []
        shown = f"{item.key} {item.path}: expected {_short(item.expected)}, got {_short(item.got)}"
        return f"{shown} ({'; '.join(because)})" if because else shown
    if isinstance(item, Duplicate):
        return f"{item.key}: {item.times} times" + (f", also as {', '.join(item.others)}" if item.others else "")
    return item.why if isinstance(item, Merge) else str(item)


def _short(value: Any) -> str:
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
