"""What a probe is: a question about how one client behaved at one site, answered with evidence.

A probe passes only if it saw the occasion and the client coped. If the occasion never came it says
`not-applicable`, so that a run in which nothing went wrong proves nothing.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from mockehr.core.exchange import JSON, PROXY, Exchange
from mockehr.sites.truth import TruthReport

Verdict = Literal["pass", "fail", "not-applicable"]

EVIDENCE_SHOWN = 20
"""How many pieces of evidence a finding carries at most; its summary still counts all of them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact and the journal entry that shows it; entry 0 if it is about no single exchange."""

    entry: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A probe's answer about one client at one site."""

    probe: str
    verdict: Verdict
    summary: str
    evidence: tuple[Evidence, ...] = ()
    faults: int = 0
    """How many faults there were, those that are not shown included; 0 unless it failed."""

    def as_json(self) -> JSON:
        """The finding as plain JSON."""
        return {
            "probe": self.probe,
            "verdict": self.verdict,
            "summary": self.summary,
            "evidence": [{"entry": item.entry, "text": item.text} for item in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class Case:
    """All that probes may look at: the exchanges of ONE client at ONE site, in order, and what is known besides.

    `truth` compares the records that the client ended up with; None if it gave none back. `registered_scopes` is the
    scope text of the client's registration. `expected` holds facts that a scenario states for probes, by name.
    """

    exchanges: Sequence[Exchange]
    site: str = ""
    client: str = ""
    truth: TruthReport | None = None
    registered_scopes: str = ""
    expected: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def on(self, *channels: str) -> list[Exchange]:
        """The exchanges of those channels, without what a proxy sent in the client's name."""
        return [one for one in self.exchanges if one.channel in channels and PROXY not in one.notes]


@dataclass(frozen=True, slots=True)
class Probe(ABC):
    """Base of all probes: a frozen dataclass whose fields are its settings and whose docstring is its question."""

    name: ClassVar[str]
    ledger: ClassVar[tuple[str, ...]]

    @property
    def question(self) -> str:
        """What is asked: the probe's docstring."""
        return inspect.cleandoc(type(self).__doc__ or "")

    @abstractmethod
    def judge(self, case: Case) -> Finding:
        """The answer for one client at one site."""

    def verdict(self, verdict: Verdict, summary: str, evidence: Iterable[Evidence] = ()) -> Finding:
        """A finding of this probe."""
        every = tuple(evidence)
        faults = max(1, len(every)) if verdict == "fail" else 0
        return Finding(self.name, verdict, summary, every[:EVIDENCE_SHOWN], faults)

    def weigh(self, faults: Sequence[Evidence], occasions: Sequence[Evidence], coped: str, failed: str) -> Finding:
        """`fail` with the faults if there are any, otherwise `pass` with the occasions.

        `{n}` in `coped` and `failed` stands for their number. Only for a probe that saw an occasion.
        """
        if faults:
            return self.verdict("fail", failed.format(n=len(faults)), faults)
        return self.verdict("pass", coped.format(n=len(occasions)), occasions)

    def unseen(self, why: str) -> Finding:
        """`not-applicable`: the occasion never came."""
        return self.verdict("not-applicable", why)
